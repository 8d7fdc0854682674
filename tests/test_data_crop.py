"""Parts of NYUv2's pictures: the literature's crop and the picture without its white frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from data_made import labels, photo, plane_depth
from tiny_training import tiny_config
from torch import Tensor

from mtcp.config import TrainConfig
from mtcp.config.training import FRAMES
from mtcp.data.crop import INSIDE_FRAME, Cropped, cropped
from mtcp.data.nyud_layout import CROP, WITHOUT_FRAME
from mtcp.data.sample import Sample, camera_tensor, conform, image_tensor
from mtcp.errors import InputError
from mtcp.evaluation.protocol import Protocol
from mtcp.geometry.camera import NYUV2, Camera
from mtcp.geometry.normals import angle_deg, plane_fit_normals
from mtcp.tasks import task_named
from mtcp.training import RunFolder, setup
from mtcp.training.distributed import World
from mtcp.training.setup import _without_frame

NORMAL = (0.4, -0.3, -0.9)
TASKS = ("semseg", "depth", "normals")


def picture(stored_at: int = 1, camera: Camera = NYUV2) -> Sample:
    """A slanted plane as NYUv2 would have it, depth and normals at 1/stored_at of the size, a white frame around."""
    small = camera.resize(camera.width // stored_at, camera.height // stored_at)
    image = photo(camera.height, camera.width)
    framed = np.full_like(image, 255)
    framed[8:-8, 8:-8] = image[8:-8, 8:-8]
    unit = np.array(NORMAL) / np.linalg.norm(NORMAL)
    return {
        "image": image_tensor(framed),
        "semseg": torch.from_numpy(labels(camera.height, camera.width)),
        "depth": torch.from_numpy(plane_depth(small, NORMAL, 2.0)),
        "normals": task_named("normals").target_of(np.broadcast_to(unit, (small.height, small.width, 3))),
        "camera": camera_tensor(camera),
    }


class OnDisk:
    """As a data set that stores some maps smaller."""

    ids = ("a", "b")

    def __init__(self, *samples: Sample) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def stored(self, index: int) -> Sample:
        return self.samples[index]

    def __getitem__(self, index: int) -> Sample:
        return conform(self.samples[index])


@pytest.mark.parametrize("box", [CROP, WITHOUT_FRAME])
@pytest.mark.parametrize("stored_at", [1, 2])
def test_a_part_is_the_scene_through_its_own_camera(box: tuple[int, int, int, int], stored_at: int) -> None:
    sample = Cropped(OnDisk(picture(stored_at)), box)[0]
    _, _, width, height = box
    assert {name: tuple(value.shape[-2:]) for name, value in sample.items() if name != "camera"} == (
        dict.fromkeys(("image", *TASKS), (height, width))
    )
    camera = Camera(*sample["camera"].tolist(), width, height)
    wanted = NYUV2.crop(*box)
    assert (camera.cx, camera.cy) == pytest.approx((wanted.cx, wanted.cy))
    depth = sample["depth"].numpy()
    assert np.allclose(depth, plane_depth(wanted, NORMAL, 2.0), rtol=0.005 * stored_at)
    if stored_at == 1:  # halved and doubled again, depth has steps
        found, truth = plane_fit_normals(depth, camera), sample["normals"].permute(1, 2, 0).numpy()
        assert np.nanmedian(angle_deg(found, truth)) < 0.1


def test_the_part_of_every_map_is_the_same() -> None:
    sample = picture()
    x, y, width, height = CROP
    part = cropped(sample, CROP)
    for name in ("image", *TASKS):
        assert torch.equal(part[name], sample[name][..., y : y + height, x : x + width]), name


def test_maps_stored_smaller_stay_so_where_the_borders_fall_between_pixels() -> None:
    half = picture(2)
    assert cropped(half, WITHOUT_FRAME)["depth"].shape == (232, 312)
    assert torch.equal(cropped(half, WITHOUT_FRAME)["depth"], half["depth"][4:236, 4:316])
    odd = cropped(half, CROP)  # from row 45
    assert odd["depth"].shape == (425, 560)
    assert torch.equal(odd["depth"], conform(half)["depth"][45:470, 40:600])


def test_the_frame_is_gone() -> None:
    data, inside = _without_frame(OnDisk(picture(), picture()), "crop")
    assert len(data) == 2
    assert int(data[0]["image"].min(0).values.max()) < 255
    assert inside == (0, 0, 1, 1)
    kept, inside = _without_frame(OnDisk(picture()), "zooms")
    assert int(kept[0]["image"][:, 0].min()) == 255
    assert inside == INSIDE_FRAME == (8 / 640, 8 / 480, 632 / 640, 472 / 480)
    anything = OnDisk({"image": torch.zeros(3, 8, 8, dtype=torch.uint8)})
    assert _without_frame(anything, "keep") == (anything, (0, 0, 1, 1))


@pytest.mark.parametrize("how", FRAMES)
def test_training_sees_of_the_frame_what_was_asked_for(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = OnDisk(picture(), picture())
    monkeypatch.setattr(setup, "open_data", lambda *_: data)
    model = tiny_config(tasks=TASKS, height=120, image_width=160)
    train = TrainConfig(batch=2, init="none", frame=how, scales=(1.2,), flip=False, photometric=False, seed=1)
    trainer = setup.build_trainer(
        model, train, RunFolder(tmp_path), device=torch.device("cpu"), world=World()
    )
    lightest = [
        int(image.min(0).values.max())
        for epoch in range(8)
        for batch in trainer.batches.epoch(epoch)
        for image in batch["image"]
    ]
    assert (max(lightest) > 250) == (how == "keep")


def test_a_frame_that_is_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="frame='off': choose one of keep, zooms, crop"):
        TrainConfig(frame="off")


def other(**changes: Tensor) -> OnDisk:
    return OnDisk({**picture(), **changes})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (OnDisk(cropped(picture(), CROP)), "560x425 picture is the crop already"),
        (OnDisk(picture(camera=NYUV2.resize(320, 240))), "this one is 320x240"),
        (OnDisk(picture(camera=Camera.from_fov(640, 480, 66))), "640x480 of another camera"),
        (OnDisk({"image": picture()["image"]}), "of another camera"),
    ],
)
def test_other_pictures_are_refused(data: OnDisk, message: str) -> None:
    for how in ("crop", "zooms"):
        with pytest.raises(InputError, match=f"frame={how}: .*{message}.*leave --frame out"):
            _without_frame(data, how)
    with pytest.raises(InputError, match=f"--protocol nyud-mt needs NYUv2's whole pictures: a: .*{message}"):
        Protocol("nyud-mt").of(data, TASKS)


def test_a_later_picture_that_is_another_is_refused_by_its_name() -> None:
    data = Cropped(OnDisk(picture(), picture(camera=NYUV2.resize(320, 240))), CROP)
    with pytest.raises(InputError, match="b: expected a 640x480"):
        data[1]


def test_far_truth_is_unknown_and_nothing_else_changes() -> None:
    sample = {
        "image": torch.zeros(3, 2, 3, dtype=torch.uint8),
        "depth": torch.tensor([[6.5, 6.55, 7.0], [0.0, float("nan"), 1.0]]),
    }
    data = Protocol(depth_below=6.55).of(OnDisk(sample), ("depth",))
    assert len(data) == 1
    near = [[6.5, 0, 0], [0, 0, 1]]
    assert data[0]["depth"].tolist() == [pytest.approx(row) for row in near]
    assert sample["depth"][0, 2] == 7
    with pytest.raises(InputError, match="predicts semseg, no depth"):
        Protocol(depth_below=6.55).of(OnDisk(sample), ("semseg",))


def test_protocols_are_told_and_checked() -> None:
    assert Protocol().of(data := OnDisk(picture()), TASKS) is data
    assert Protocol().about() == {"protocol": "full", "depth_below": None}
    assert Protocol("nyud-mt", 6.55).in_words() == (
        "protocol nyud-mt: rows 45 to 469 and columns 40 to 599 of the pictures; true depth of 6.55 m and more left out"
    )
    for wrong in ({"name": "mine"}, {"depth_below": 0.0}, {"depth_below": float("nan")}):
        with pytest.raises(InputError):
            Protocol(**wrong)  # type: ignore[arg-type]
