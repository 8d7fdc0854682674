"""Query masks against the classes of a photo: matching and loss by hand, and whether it reaches the queries."""

from __future__ import annotations

import math
from itertools import permutations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from test_losses import make_batch
from tiny_training import make_trainer, tiny_config

from mtcp.config import ModelConfig, TrainConfig
from mtcp.errors import InputError
from mtcp.model import MTCP
from mtcp.objective.losses import COARSE_STRIDE, Objective, subsample
from mtcp.objective.mask_supervision import mask_loss, match, pair_losses
from mtcp.run_config import check_together
from mtcp.tasks import IGNORE

LABELS = torch.tensor([[[3, 3, 7, IGNORE]]], dtype=torch.uint8)  # two classes, one unlabelled pixel
LOG3 = math.log(3)  # sigmoid 3/4


def two_class_masks() -> torch.Tensor:
    """(1, 3, 1, 4): query 0 draws class 7, query 1 nothing in particular, query 2 class 3; all wrong at the end."""
    rows = [[-LOG3, -LOG3, LOG3, 9.0], [0.0, 0.0, 0.0, 9.0], [LOG3, LOG3, -LOG3, 9.0]]
    return torch.tensor(rows)[None, :, None].requires_grad_()


def test_two_classes_by_hand() -> None:
    masks = two_class_masks()
    loss = mask_loss(masks, LABELS)
    dice_of_3 = 1 - (2 * 1.5 + 1) / (1.75 + 2 + 1)
    dice_of_7 = 1 - (2 * 0.75 + 1) / (1.25 + 1 + 1)
    assert loss.item() == pytest.approx(math.log(4 / 3) + (dice_of_3 + dice_of_7) / 2)
    loss.backward()
    assert masks.grad is not None
    assert masks.grad[0, 1].abs().max() == 0  # without a match, without a loss
    assert masks.grad[..., 3].abs().max() == 0  # unlabelled
    assert torch.equal(masks.grad[0, 2, 0, :3].sign(), torch.tensor([-1.0, -1.0, 1.0]))
    assert torch.equal(masks.grad[0, 0, 0, :3].sign(), torch.tensor([1.0, 1.0, -1.0]))


def test_matching_is_of_the_total_and_of_classes_in_the_photo() -> None:
    cost = torch.tensor([[1.0, -9.0, 2.0], [2.0, -9.0, 9.0]])
    assert match(cost, torch.tensor([True, False, True])) == [(0, 2), (1, 0)]
    assert match(cost, torch.tensor([True, False, False])) == [(0, 0)]
    assert match(cost, torch.tensor([False] * 3)) == []


def test_a_class_of_another_photo_is_not_matched() -> None:
    masks = two_class_masks().detach()
    other = torch.where(LABELS == 3, 5, LABELS)
    both = mask_loss(masks.repeat(2, 1, 1, 1), torch.cat([LABELS, other]))
    assert both.item() == pytest.approx(mask_loss(masks, LABELS).item())


def test_the_classes_that_fit_worst_go_without_a_query() -> None:
    masks = torch.tensor([[[[9.0, 9.0, -9.0, -9.0]]]])
    assert mask_loss(masks, torch.tensor([[[1, 1, 2, 0]]])).item() < 0.1


def test_nothing_labelled_is_zero_with_a_zero_gradient() -> None:
    masks = two_class_masks()
    loss = mask_loss(masks, torch.full_like(LABELS, IGNORE))
    loss.backward()
    assert loss.item() == 0
    assert masks.grad is not None and masks.grad.abs().sum() == 0


def test_what_is_no_number_becomes_the_loss() -> None:
    assert mask_loss(two_class_masks().detach() * math.nan, LABELS).isnan()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), queries=st.integers(1, 4), classes=st.integers(1, 3))
def test_the_loss_is_the_cheapest_matching_of_torch_losses(seed: int, queries: int, classes: int) -> None:
    g = torch.Generator().manual_seed(seed)
    masks = 3 * torch.randn(1, queries, 3, 5, generator=g)
    labels = torch.randint(0, classes, (1, 3, 5), generator=g)
    labels[0, 0, 0] = IGNORE
    there = labels.unique()[:-1].tolist()
    seen = labels[0] != IGNORE

    def one(q: int, c: int) -> float:
        x, t = masks[0, q][seen], (labels[0] == c)[seen].float()
        dice = 1 - (2 * (x.sigmoid() * t).sum() + 1) / (x.sigmoid().sum() + t.sum() + 1)
        return float(F.binary_cross_entropy_with_logits(x, t) + dice)

    few = min(queries, len(there))
    cheapest = min(
        sum(one(q, c) for q, c in zip(qs, cs, strict=True)) / few
        for qs in permutations(range(queries), few)
        for cs in permutations(there, few)
    )
    assert mask_loss(masks, labels).item() == pytest.approx(cheapest, abs=1e-4)
    shuffled = masks[:, torch.randperm(queries, generator=g)]
    assert mask_loss(shuffled, labels).item() == pytest.approx(cheapest, abs=1e-4)


def test_pair_losses_survive_huge_logits_and_bf16_autocast() -> None:
    masks = (two_class_masks().detach() * 500).requires_grad_()
    truth = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])
    losses = pair_losses(masks.flatten(2), truth, torch.ones(1, 4, dtype=torch.bool))
    assert torch.isfinite(losses).all() and (losses >= 0).all()
    exact = mask_loss(masks, LABELS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(mask_loss(masks, LABELS), exact)


def supervised(weight: float, gate: str) -> tuple[Objective, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    model = MTCP(tiny_config(mask_gate=gate))
    return Objective(model, mask_supervision=weight).eval(), make_batch()


@pytest.mark.parametrize("gate", ["sum", "sigmoid", "normalised"])
def test_it_is_added_to_semseg_alone_and_reaches_the_queries(gate: str) -> None:
    (plain, batch), (objective, _) = supervised(0.0, gate), supervised(2.0, gate)
    before, after = plain(batch), objective(batch)
    masks = objective.model.inspect(batch["image"].float() / 255).masks
    assert masks is not None
    own = mask_loss(masks, subsample(batch["semseg"], COARSE_STRIDE, (1, 1)))
    torch.testing.assert_close(after["semseg"] - before["semseg"], 2 * own)
    torch.testing.assert_close(after["depth"], before["depth"])
    queries = objective.model.shared.queries.query
    (gradient,) = torch.autograd.grad(own, queries)
    assert gradient.abs().max() > 0


def test_photos_that_are_no_multiple_of_the_stride() -> None:
    objective, batch = supervised(1.0, "normalised")
    cut = {name: value[..., :61, :50] for name, value in batch.items()}
    assert torch.isfinite(objective.train()(cut)["semseg"])


def test_supervision_draws_the_queries_apart() -> None:
    """Queries that all begin alike but for a breath, on one photo: supervised, each takes a class of its own."""
    torch.manual_seed(0)
    masks = (5 + 0.01 * torch.randn(1, 4, 8, 8)).requires_grad_()
    labels = torch.zeros(1, 8, 8, dtype=torch.long)
    labels[:, :4, 4:], labels[:, 4:, :4], labels[:, 4:, 4:] = 1, 2, 3
    optimizer = torch.optim.Adam([masks], lr=0.3)
    for _ in range(100):
        optimizer.zero_grad()
        mask_loss(masks, labels).backward()
        optimizer.step()
    found = masks.detach()[0].argmax(0)
    assert [len(found[labels[0] == c].unique()) for c in range(4)] == [1] * 4
    assert len(found.unique()) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"query_gate": False},
        {"tasks": ("depth", "normals")},
    ],
    ids=str,
)
def test_without_masks_or_classes_it_is_refused(changes: dict[str, object]) -> None:
    model = ModelConfig().replace(**changes)
    check_together(model, TrainConfig())
    with pytest.raises(InputError, match=r"mask_supervision=0\.5 .* query_gate=yes and semseg"):
        check_together(model, TrainConfig(mask_supervision=0.5))


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(InputError, match="mask_supervision=-1"):
        TrainConfig(mask_supervision=-1.0)


def test_the_trainer_passes_the_weight_on(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert make_trainer(tmp_path / "run", mask_supervision=0.5).objective.mask_supervision == 0.5
