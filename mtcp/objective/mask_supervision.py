"""Supervision of the query masks by the classes in a photo, as in Mask2Former (Cheng et al., CVPR 2022).

Every class in a photo is a true mask, and each is matched to one query, no two to the same, at the smallest total
cost (Hungarian matching, Carion et al., DETR, ECCV 2020, equation 1). The cost of a pair is its loss: binary
cross-entropy and dice (Milletari et al., V-Net, 2016) at equal weights, as Mask2Former has them.

Departures from Mask2Former: queries have no class head, so masks alone decide the matching and a query without a
match has no loss; the loss looks at every pixel of the 1/4 grid, not at sampled points, and at the last layer only;
pixels without a label count nowhere.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mtcp.tasks import IGNORE


def mask_loss(masks: Tensor, labels: Tensor) -> Tensor:
    """Mean over the matched pairs of the batch; zero (with a gradient) when nothing is labelled.

    masks: M (B, Q, h, w), logits, upsampled to the labels' grid; labels: (B, h', w') integers, 255 = ignore -> scalar.
    With more classes in a photo than queries, the classes that fit worst go without.
    """
    masks = F.interpolate(masks.float(), size=labels.shape[-2:], mode="bilinear", align_corners=False)
    classes = labels.unique()
    classes = classes[classes != IGNORE]  # (K,), of the whole batch
    truth = (labels.flatten(1)[:, None] == classes[:, None]).float()  # (B, K, N)
    with torch.autocast(masks.device.type, enabled=False):  # sums over thousands of pixels: no half precision
        losses = pair_losses(masks.flatten(2), truth, labels.flatten(1) != IGNORE)
    # A loss that is no number is not to fail here: the trainer says which step and task it was.
    costs = losses.detach().nan_to_num(1e9, 1e9, 1e9).cpu()
    matched = [
        (photo, *pair)
        for photo, there in enumerate(truth.any(2).cpu())
        for pair in match(costs[photo], there)
    ]
    photo, query, target = torch.tensor(matched, dtype=torch.long).reshape(-1, 3).T.to(losses.device)
    return losses[photo, query, target].sum() / max(len(matched), 1)


def pair_losses(masks: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Binary cross-entropy plus dice loss of every query with every class.

    masks: logits (B, Q, N); truth: 0 or 1 (B, K, N), 0 where unlabelled; valid: bool (B, N) -> (B, Q, K).
    """
    seen = valid.float()[..., None]  # (B, N, 1)
    inside = truth.transpose(1, 2)  # (B, N, K)
    # -t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x)) = softplus(x) - t x
    entropy = (F.softplus(masks) @ seen - masks @ inside) / seen.sum(1, keepdim=True).clamp(min=1)
    share = masks.sigmoid()
    overlap, areas = share @ inside, share @ seen + inside.sum(1, keepdim=True)
    return entropy + 1 - (2 * overlap + 1) / (areas + 1)


def match(cost: Tensor, there: Tensor) -> list[tuple[int, int]]:
    """Pairs (query, class) of the smallest total cost. cost: (Q, K); there: bool (K,), classes to be matched."""
    candidates = there.nonzero()[:, 0]
    queries, columns = linear_sum_assignment(cost[:, candidates].numpy())
    return list(zip(queries.tolist(), candidates[columns].tolist(), strict=True))
