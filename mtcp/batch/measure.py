"""One photo to one row, and a block of photos to the parts of both tables. What every engine does alike."""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mtcp.batch.storage import Place, read_photo
from mtcp.batch.table import TableRow, stored_name, write_block
from mtcp.errors import InputError, one_line
from mtcp.evaluation.ranking import cause_numbers, failure_counts, stage_numbers, worst_cause
from mtcp.geometry.cause_shares import worst_failure
from mtcp.geometry.quantities import INFORMATION
from mtcp.geometry.report import Coherence
from mtcp.inference.prediction import Prediction, coherence_of
from mtcp.io.photo import shrink
from mtcp.tasks import lacking

Predict = Callable[..., Prediction]
"""A `mtcp.inference.predictor.Predictor`, or anything called alike: predict(photo, fov, facts=None)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What is to be measured, the same for every photo. It can be pickled.

    source, dest: folder of the photos and of the tables. sha256: of the weights. fov_deg: None: from EXIF, else
    60 degrees. size: what the network sees, (h, w); None: by the photo's shape. longest: what the longer
    side of a larger photo is reduced to first; None: nothing is.
    """

    source: Place
    dest: Place
    sha256: str
    fov_deg: float | None = None
    size: tuple[int, int] | None = None
    longest: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What a block came to: photos measured, (path, message) of the others, and the process that did it."""

    photos: int
    bad: tuple[tuple[str, str], ...] = ()
    worker: str = ""


def measure_block(predict: Predict, job: Job, names: Sequence[str]) -> Outcome:
    """Measures the photos `names` and writes their rows. A photo that cannot be measured goes to the bad ones.

    Raises:
        OSError: the rows could not be written.
    """
    rows: list[TableRow] = []
    bad: list[TableRow] = []
    for name in names:
        try:
            rows.append(measure(predict, job, name))
            continue
        except InputError as error:
            # what the network complains of does not name the photo
            message = str(error) if name in str(error) else one_line(f"{name}: {error}")
        except MemoryError:
            message = one_line(f"{name}: not enough memory for its maps; give a smaller copy")
        except Exception as error:  # one photo in millions must not end the run, nor be lost without a word
            _log.exception("%s", name)
            message = one_line(f"{name}: failed unexpectedly ({type(error).__name__}: {error})")
        bad.append({"path": stored_name(name), "message": message})
    write_block(job.dest, names, rows, bad)
    return Outcome(len(rows), tuple((one["path"], one["message"]) for one in bad), _worker())


def measure(predict: Predict, job: Job, name: str) -> TableRow:
    """The row of one photo.

    Raises:
        InputError: it is no photo, or the network makes no sense of it.
    """
    import torch

    start = time.perf_counter()
    photo, file_facts = read_photo(job.source, name)
    height, width = photo.shape[:2]
    if job.longest is not None:
        photo = shrink(photo, job.longest)
    prediction = predict(photo, job.fov_deg, facts=file_facts)
    check_tasks(prediction.tasks)
    report = coherence_of(prediction)
    row = {
        "photo": stored_name(name),
        "camera_from": prediction.camera_from,
        "geometry_note": prediction.geometry_note,
        "unlike": prediction.unlike,
        "device": prediction.device,
        "checkpoint": prediction.checkpoint,
        "checkpoint_sha256": job.sha256,
        "height_px": height,
        "width_px": width,
        "network_height_px": prediction.network_size[0],
        "network_width_px": prediction.network_size[1],
        "threads": torch.get_num_threads(),
        "network_seconds": prediction.seconds,
        "field_of_view_deg": prediction.camera.fov_deg,
        INFORMATION.key: prediction.information,
    }
    return {**row, **numbers(report, (height, width)), "seconds": time.perf_counter() - start}


def numbers(report: Coherence, photo: tuple[int, int]) -> dict[str, Any]:
    """All numbers of a report by column, of the failures their count, their causes and the worst one.

    photo: its own (H, W), in whose pixels the worst failure's place is given, whatever size was worked at.
    """
    initial, refined = stage_numbers(report)
    result: dict[str, Any] = {**failure_counts(report), **worst_cause(report), **cause_numbers(report)}
    for stage, values in (("initial", initial), ("refined", refined)):
        result |= {f"{stage}_{key}": value for key, value in values.items()}
    worst = worst_failure(report.failures)
    if worst is not None:
        result |= {
            "worst_status": worst.status,
            "worst_class": worst.label,
            "worst_share_pct": worst.share_pct,
            "worst_before_deg": worst.before_deg,
            "worst_after_deg": worst.after_deg,
            "worst_x_px": int((worst.pixel[0] + 0.5) * photo[1] / report.camera.width),
            "worst_y_px": int((worst.pixel[1] + 0.5) * photo[0] / report.camera.height),
        }
    return result


def check_tasks(tasks: Sequence[str]) -> None:
    """Raises InputError unless depth and normals are among the tasks."""
    if lacking(tasks):
        raise InputError(
            f"coherence compares depth with normals; this network has {', '.join(sorted(tasks))}"
        )


def _worker() -> str:
    return f"{platform.node()}:{os.getpid()}"
