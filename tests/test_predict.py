"""Photo in, Prediction out: sizes, geometry, what it agrees with, and what it refuses."""

import io
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

import mtcp.inference.predictor
from mtcp.checkpoint.store import save_checkpoint
from mtcp.cli.predict import summary
from mtcp.config import ModelConfig
from mtcp.errors import InputError
from mtcp.geometry.camera import Camera
from mtcp.inference.predictor import Predictor, finish
from mtcp.inference.sizes import to_network
from mtcp.inference.write import write_prediction
from mtcp.io.photo import shrink
from mtcp.io.photo_facts import PhotoFacts
from mtcp.model import MTCP
from mtcp.tasks import HUMAN_PARTS, NYUD_CLASSES
from mtcp.tasks.depth import millimetres

TINY = ModelConfig(width=8, queries=2, query_layers=1, query_heads=2, kv_stride=2, height=48, image_width=64)


def network(**changes):
    torch.manual_seed(0)
    return MTCP(TINY.replace(**changes)).eval()


def photo(H, W, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (H, W, 3), np.uint8)


@pytest.fixture(scope="module")
def predictor():
    return Predictor(network(), "cpu")


@pytest.fixture(scope="module")
def prediction(predictor):
    return predictor(photo(90, 120))


@pytest.mark.parametrize(("H", "W"), [(90, 120), (131, 97), (33, 250), (16, 20)])
def test_maps_are_at_the_photos_own_size(predictor, H, W):
    p = predictor(photo(H, W))
    assert p.size == (H, W)
    for maps in (p.initial, p.refined):
        assert maps["semseg"].shape == maps["depth"].shape == (H, W)
        assert maps["semseg"].dtype == np.uint8
        assert maps["semseg"].max() < 40
        assert maps["depth"].dtype == np.float32
        assert maps["depth"].min() > 0
        assert maps["normals"].shape == (H, W, 3)
        assert maps["normals"].dtype == np.float32
        assert np.linalg.norm(maps["normals"], axis=-1) == pytest.approx(1, abs=1e-4)
    h, w = p.network_size
    assert p.grid == (-(-h // 4), -(-w // 4))
    assert h * w == pytest.approx(48 * 64, rel=0.2)


def test_agrees_with_the_networks_own_forward(predictor):
    image = photo(48, 64)
    p = predictor(image)
    with torch.inference_mode():
        maps = predictor.model(to_network(torch.from_numpy(image).permute(2, 0, 1), (48, 64)))
    for stage, mine in p.stages().items():
        theirs = maps[stage]
        assert np.allclose(mine["depth"], theirs["depth"][0, 0], rtol=1e-4)
        assert np.allclose(mine["normals"], theirs["normals"][0].permute(1, 2, 0), atol=1e-4)
        assert np.mean(mine["semseg"] == theirs["semseg"][0].argmax(0).numpy()) > 0.999


@pytest.mark.parametrize("size", [(97, 131), (480, 20), (11, 7)])
@pytest.mark.parametrize("seen", [(48, 64), (46, 61)])
def test_strips_equal_the_networks_finish(predictor, monkeypatch, size, seen):
    """However few rows a strip has, the map is that of `MTCP.finish`."""
    monkeypatch.setattr(mtcp.inference.predictor, "STRIP_VALUES", 1000)
    generator = torch.Generator().manual_seed(1)
    for task, channels in (("semseg", 40), ("depth", 1), ("normals", 3)):
        raw = torch.randn(1, channels, 12, 16, generator=generator)
        full = predictor.model.finish(task, raw, size, seen)[0]
        mine = torch.from_numpy(finish(predictor.model, task, raw, size, seen))
        if task == "semseg":
            assert (mine == full.argmax(0)).float().mean() > 0.999
        else:
            assert torch.allclose(mine, full[0] if task == "depth" else full.permute(1, 2, 0), atol=1e-4)


def test_it_crosses_a_process_boundary(prediction):
    again = pickle.loads(pickle.dumps(prediction))
    assert again.camera == prediction.camera
    assert np.array_equal(again.refined["depth"], prediction.refined["depth"])
    assert b"torch" not in pickle.dumps(prediction)
    with pytest.raises(AttributeError):
        prediction.seconds = 0


def test_what_is_inside(prediction):
    h, w = prediction.grid
    assert set(prediction.probability) == {"initial", "refined"}
    for values in prediction.probability.values():
        assert values.shape == (40, h, w)
        assert values.astype(float).sum(0) == pytest.approx(1, abs=0.01)
    assert prediction.masks.shape == (2, h, w)
    trace = prediction.attention
    assert trace.tasks == ("semseg", "depth", "normals")
    assert set(trace.gates["depth"]) == {"semseg", "normals"}
    assert trace.gates["depth"]["semseg"].shape == (h, w)
    coarse, fine = prediction.intermediate["normals"]
    assert coarse.shape == (-(-h // 4), -(-w // 4), 3)
    assert fine.shape == (-(-h // 2), -(-w // 2), 3)
    assert prediction.intermediate["semseg"][0].dtype == np.uint8
    assert prediction.seconds > 0
    assert prediction.device == "cpu"


@pytest.mark.parametrize("changes", [{"kv_stride": 1}, {"kv_stride": 2}, {"kv_stride": 3, "cfm_scale": True}])
def test_affinity_is_the_networks_row(changes):
    p = Predictor(network(**changes), "cpu", network_size=(44, 68))
    image = photo(88, 136)
    prediction = p(image)
    with torch.inference_mode():
        decoded = p.model.inspect(to_network(torch.from_numpy(image).permute(2, 0, 1), (44, 68)))
    k = p.model.config.kv_stride
    for task in ("semseg", "normals"):
        row = prediction.affinity(task, x=135, y=40)  # the last column, row 5 of the grid
        assert row.shape == prediction.grid == (11, 17)
        assert row.dtype == np.float32
        assert row.sum() == pytest.approx(1, abs=1e-5)
        trace = decoded.traces[0]
        logits = (
            trace.queries[task][0, :, 5 * 17 + 16]
            @ trace.keys[task][0]
            * p.model.config.width ** -(0.5 * p.model.config.cfm_scale)
        )
        theirs = logits.softmax(0).unflatten(0, (-(-11 // k), -(-17 // k))).numpy()
        blocks = np.add.reduceat(np.add.reduceat(row, np.arange(0, 11, k), 0), np.arange(0, 17, k), 1)
        assert np.allclose(blocks, theirs, atol=1e-5)


def test_cells_of_pixels(prediction):
    assert prediction.cell(0, 0) == (0, 0)
    assert prediction.cell(119, 89) == (prediction.grid[1] - 1, prediction.grid[0] - 1)
    for x, y in ((120, 0), (0, 90), (-1, 0)):
        with pytest.raises(InputError, match="outside the photo of 120x90"):
            prediction.cell(x, y)
    with pytest.raises(InputError, match="unknown task 'smell'"):
        prediction.affinity("smell", 0, 0)


def test_parts_that_are_switched_off():
    plain = Predictor(network(refinement="none", fusion="none", task_decoder=False, query_gate=False), "cpu")
    p = plain(photo(48, 64))
    assert p.refined == p.intermediate == {}
    assert p.traces == ()
    assert p.masks is None
    assert list(p.stages()) == ["initial"]
    assert list(p.probability) == ["initial"]
    with pytest.raises(InputError, match="no part in which pixels attend"):
        p.affinity("depth", 0, 0)


def test_where_the_camera_is_from(predictor, tmp_path):
    block = Image.Exif()
    block[ExifTags.Base.Orientation] = 6
    block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 26
    path = tmp_path / "a.jpg"
    Image.fromarray(photo(60, 80)).save(path, exif=block)
    p = predictor(path)
    assert p.size == (80, 60)
    assert (p.camera, p.camera_from) == (Camera.from_focal35(60, 80, 26), "exif")
    p = predictor(path, fov_deg=90)
    assert (p.camera, p.camera_from) == (Camera.from_fov(60, 80, 90), "given")
    p = predictor(photo(60, 80))
    assert (p.camera, p.camera_from) == (Camera.from_fov(80, 60, 60), "assumed")
    assert predictor(photo(60, 80), facts=PhotoFacts(26.0)).camera == Camera.from_focal35(80, 60, 26)


def test_long_photos_are_worked_at_a_smaller_size(tmp_path):
    small, full = Predictor(network(), "cpu", longest_side=100), Predictor(network(), "cpu")
    image = photo(90, 120)
    p = small(image)
    assert (p.size, p.shrunk_from) == ((75, 100), (90, 120))
    assert p.refined["normals"].shape == (75, 100, 3)
    assert p.camera == Camera.from_fov(100, 75, 60)
    assert summary(p).startswith("75x100 of the photo's 90x120 (--full-size for all), network saw ")
    again = full(shrink(image, 100))  # nothing but the photo's size makes the difference
    assert np.array_equal(p.refined["depth"], again.refined["depth"])
    for same in (full(image), small(image[:80, :100])):
        assert same.shrunk_from is None
        assert "--full-size" not in summary(same)
    assert full(image).size == (90, 120)


def test_threads_do_not_disturb_each_other(predictor):
    images = [photo(48, 64, seed) for seed in range(4)]
    alone = [predictor(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(predictor, images))
    for a, b in zip(alone, together, strict=True):
        assert np.allclose(a.refined["depth"], b.refined["depth"], rtol=1e-5)


def test_nonsense_is_refused():
    broken = network()
    with torch.no_grad():
        broken.refined_heads["normals"].bias[0] = torch.nan
    with pytest.raises(InputError, match="refined normals of this photo is not a number"):
        Predictor(broken, "cpu")(photo(48, 64))
    broken = network()
    with torch.no_grad():
        broken.initial_heads["depth"].bias[0] = 50
    with pytest.raises(InputError, match="initial depth of this photo is outside 5 cm to 148 m"):
        Predictor(broken, "cpu")(photo(48, 64))


def test_wrong_photos_and_arguments(predictor, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        predictor(tmp_path / "none.jpg")
    with pytest.raises(InputError, match="float64"):
        predictor(np.zeros((20, 20, 3)))
    with pytest.raises(InputError, match="field of view 200"):
        predictor(photo(48, 64), fov_deg=200)
    with pytest.raises(InputError, match="network size 8x8"):
        Predictor(network(), "cpu", network_size=(8, 8))


SHORT = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: not enough memory: you tried ..."),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes. Error code 12"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    MemoryError(),
]


def short_of_memory(error, enough):
    """A predictor at 240x320 whose network raises `error` at more pixels than `enough`, and what it was asked."""
    predictor, tried = Predictor(network(), "cpu", network_size=(240, 320)), []
    inspect = predictor.folded.inspect

    def inspect_if_small(x):
        tried.append(tuple(x.shape[-2:]))
        if x.shape[-2] * x.shape[-1] > enough:
            raise error
        return inspect(x)

    predictor.folded.inspect = inspect_if_small
    return predictor, tried


@pytest.mark.parametrize("error", SHORT, ids=lambda error: type(error).__name__)
def test_short_memory_makes_the_network_size_smaller(error):
    predictor, tried = short_of_memory(error, 120 * 160)
    p = predictor(photo(90, 120))
    assert tried == [(240, 320), (168, 224), (116, 156)]  # 0.7 of the sides, in steps of 4
    assert (p.network_size, p.reduced_from, p.grid) == ((116, 156), (240, 320), (29, 39))
    assert p.refined["depth"].shape == (90, 120)
    assert p.note == "not enough memory for 240x320, so the network saw 116x156: maps are coarser"
    assert summary(p).endswith("; " + p.note)


def test_memory_that_is_short_for_anything_is_told():
    predictor, tried = short_of_memory(MemoryError(), 0)
    with pytest.raises(InputError, match="not enough memory on cpu even for a network size of 80x108"):
        predictor(photo(90, 120))
    assert tried == [(240, 320), (168, 224), (116, 156), (80, 108)]
    predictor, tried = short_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"), 0)
    with pytest.raises(RuntimeError, match="mat1"):
        predictor(photo(90, 120))
    assert tried == [(240, 320)]


def test_memory_that_is_short_for_the_photos_maps_is_told(predictor, monkeypatch):
    monkeypatch.setattr(mtcp.inference.predictor, "finish", lambda *_: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(InputError, match="not enough memory for the maps of a photo of 90x120"):
        predictor(photo(90, 120))


def test_where_memory_is_enough_nothing_is_noted(prediction):
    assert (prediction.reduced_from, prediction.note) == (None, "")


def test_read_only_photos_are_fine(predictor):
    image = photo(48, 64)
    image.flags.writeable = False
    assert predictor(image[:, ::-1]).size == (48, 64)


def test_files(prediction, tmp_path):
    written = write_prediction(prediction, tmp_path / "out", "room")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in written)
    with np.load(written[0]) as file:
        assert sorted(file) == sorted(
            [
                "camera",
                "checkpoint",
                "semseg_classes",
                *(f"{t}_{s}" for t in ("semseg", "depth", "normals") for s in ("initial", "refined")),
            ]
        )
        assert file["semseg_refined"].dtype == np.uint8
        assert tuple(file["semseg_classes"]) == NYUD_CLASSES  # text, not objects: no pickle is needed
        assert np.array_equal(file["depth_initial"], prediction.initial["depth"])
        assert np.array_equal(file["normals_refined"], prediction.refined["normals"])
        c = prediction.camera
        assert file["camera"].tolist() == [c.fx, c.fy, c.cx, c.cy]
    with Image.open(tmp_path / "out" / "room_depth_refined_mm.png") as image:
        stored = np.array(image)
    assert stored.dtype == np.uint16
    assert np.abs(stored / 1000 - prediction.refined["depth"]).max() <= 0.00051
    for name, extra in (("normals_initial", False), ("semseg_refined", True), ("depth_refined", True)):
        with Image.open(tmp_path / "out" / f"room_{name}.png") as image:
            assert image.mode == "RGB"
            assert image.width == 120
            assert (image.height > 90) == extra
            full = np.array(image)
        plain = tmp_path / "out" / f"room_{name}_plain.png"
        assert plain.exists() == extra
        if extra:
            with Image.open(plain) as image:
                assert np.array_equal(np.array(image), full[:90])


def test_files_without_trace_back(tmp_path):
    p = Predictor(network(refinement="none"), "cpu")(photo(48, 64))
    written = write_prediction(p, tmp_path, "room")
    assert not [path for path in written if "refined" in path.name]
    with np.load(written[0]) as file:
        assert "depth_initial" in file
        assert "depth_refined" not in file


def test_a_checkpoint_on_disk_predicts_the_same(prediction, tmp_path):
    save_checkpoint(tmp_path / "net.safetensors", network())
    p = Predictor(tmp_path / "net.safetensors", "cpu")(photo(90, 120))
    assert p.checkpoint == "net.safetensors"
    assert np.allclose(p.refined["depth"], prediction.refined["depth"], rtol=1e-4)


def test_other_tasks_have_their_maps(tmp_path):
    p = Predictor(network(task_set="pascal", tasks=("human_parts", "saliency", "normals", "edge")), "cpu")(
        photo(48, 64)
    )
    assert p.refined["human_parts"].max() < 7
    assert p.refined["saliency"].shape == (48, 64)
    assert 0 <= p.refined["edge"].min() <= p.refined["edge"].max() <= 1
    assert p.probability == {}
    assert [task.kind for task in p.task_list()] == ["classes", "binary", "normals", "binary"]
    written = write_prediction(p, tmp_path, "x")
    assert len(written) == 1 + 8 + 2  # classes also without their legend
    with np.load(written[0]) as file:
        assert tuple(file["human_parts_classes"]) == HUMAN_PARTS


def test_millimetres_are_clipped():
    metres = np.array([[0, 1.2345, 100, np.nan, -1, np.inf]], np.float32)
    assert millimetres(metres).tolist() == [[0, 1234, 65535, 0, 0, 0]]


def test_photo_from_memory_keeps_its_focal_length(predictor):
    from mtcp.io.photo import open_photo

    buffer = io.BytesIO()
    Image.fromarray(photo(48, 64)).save(buffer, "PNG")
    array, facts = open_photo(buffer)
    assert predictor(array, facts=facts).camera_from == "assumed"
