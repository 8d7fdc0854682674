"""Trains and measures the grid, row by row, so that it can stop anywhere and go on."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from mtcp.ablation.costs import MACS_ARE, count_macs, log_facts, supervised_maps
from mtcp.ablation.grid import DEFAULT, grid
from mtcp.ablation.joint_single_task import Together
from mtcp.ablation.records import (
    Record,
    add_delta_m,
    check_same,
    read_record,
    read_records,
    recorded,
    result_path,
    write_record,
)
from mtcp.ablation.rows import SINGLE, AblationRow, by_name, configs, is_single, total_budgets
from mtcp.checkpoint.parameters import parameters
from mtcp.checkpoint.store import load_checkpoint
from mtcp.config import ModelConfig, TrainConfig
from mtcp.data import open_data
from mtcp.data.sample import Samples
from mtcp.environment import current_commit, environment
from mtcp.errors import InputError
from mtcp.evaluation.evaluate import Numbers, evaluate
from mtcp.inference.sizes import config_size
from mtcp.model import MTCP
from mtcp.tasks import lacking
from mtcp.training import RunFolder, TrainingError, read_log
from mtcp.training.distributed import World
from mtcp.training.setup import build_trainer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """An ablation: what all rows share, which of them are to be done, how they are measured.

    limit, coherence_frames: frames of the test split for the metrics and for the coherence numbers, spread
    evenly; None takes all.
    """

    out: Path
    model: ModelConfig
    train: TrainConfig
    rows: tuple[AblationRow, ...]
    device: torch.device
    grid: str = DEFAULT
    seeds: tuple[int, ...] = (0,)
    test_split: str = "val"
    limit: int | None = None
    coherence_frames: int | None = None
    command: str = ""
    progress: bool = True

    @property
    def all_rows(self) -> tuple[AblationRow, ...]:
        """Every row of the grid, whether it is to be done or not."""
        return grid(self.grid, self.model.tasks)

    def configs(self, row: AblationRow, seed: int) -> tuple[ModelConfig, TrainConfig]:
        """What `row` trains with `seed`."""
        return configs(row, self.all_rows, self.model, self.train, seed)

    def folder(self, row: AblationRow, seed: int) -> RunFolder:
        """The run of `row` with `seed`."""
        return RunFolder(self.out / f"{row.name}-s{seed}")


class OutOfTimeError(Exception):
    """The time is up; everything done so far is on disk."""


def run_grid(plan: Plan, *, max_minutes: float | None = None) -> bool:
    """Trains and measures what is not yet done, all rows of a seed before the next seed. True when all is.

    A row whose loss stops being finite is recorded as failed and the others go on.

    Raises:
        InputError: rows in `plan.out` have another budget, a row starts from one that is neither trained nor among
            the rows, or what training and evaluation refuse.
    """
    _check_starts(plan)
    deadline = None if max_minutes is None else time.monotonic() + 60 * max_minutes
    try:
        for seed in plan.seeds:
            for row in plan.rows:
                if seed == plan.seeds[0] or not row.once:
                    _do_row(plan, row, seed, deadline)
            _do_single(plan, seed, deadline)
    except OutOfTimeError:
        return False
    finally:
        _update_delta_m(plan)
    return True


def _check_starts(plan: Plan) -> None:
    chosen = {row.name for row in plan.rows}
    for row in plan.rows:
        if row.start is None or row.start in chosen:
            continue
        for seed in plan.seeds[:1] if row.once else plan.seeds:
            if not finished(plan.folder(by_name(plan.all_rows, row.start), seed)):
                raise InputError(
                    f"{row.name} starts from {row.start}, of which {plan.out} has no finished run with seed {seed}: "
                    f"add {row.start} to --rows"
                )


def _do_row(plan: Plan, row: AblationRow, seed: int, deadline: float | None) -> None:
    path = result_path(plan.out, row.name, seed)
    wanted = recorded(*plan.configs(row, seed))
    if path.exists():
        record = read_record(path)
        check_same(path, record, wanted)
        check_measured(path, record, _measured_on(plan))
        log.info("%s, seed %d: done before", row.name, seed)
        return
    check_time(deadline)
    log.info("%s, seed %d: %s", row.name, seed, row.title)
    about: Record = {
        "grid": plan.grid, "row": row.name, "title": row.title, "seed": seed, "base": row.base, "start": row.start,
        "budgets": row.budgets, "total_budgets": total_budgets(row, plan.all_rows),
        "switch": {**row.model, **row.train}, **wanted,
    }  # fmt: skip
    try:
        if row.start and "failed" in read_record(result_path(plan.out, row.start, seed)):
            raise TrainingError(f"{row.start} failed, from which it starts")
        _train(plan, row, seed, deadline)
    except TrainingError as error:
        log.warning("%s, seed %d failed: %s", row.name, seed, error)
        write_record(path, {**about, "failed": str(error), "environment": environment(plan.device)})
        return
    check_time(deadline)  # a measurement is not cut in two
    write_record(path, {**about, **_measured(plan, plan.folder(row, seed))})


def _train(plan: Plan, row: AblationRow, seed: int, deadline: float | None) -> None:
    """Through the project's own trainer, from where the run is. Raises OutOfTimeError when it is not finished."""
    folder = plan.folder(row, seed)
    model, train = plan.configs(row, seed)
    if row.start:
        train = train.replace(init=str(plan.folder(by_name(plan.all_rows, row.start), seed).last_path))
    resume = folder.state_path.exists()
    if resume:
        check_same(folder.path, recorded(*folder.read_config()), recorded(model, train))
        if finished(folder):
            return
    else:
        folder.log_path.unlink(missing_ok=True)  # killed before its first state: nothing to lose
    with folder.locked():
        folder.create(model, train, plan.command, resume=resume)
        trainer = build_trainer(
            model,
            train,
            folder,
            device=plan.device,
            world=World(),
            resume=resume,
            command=plan.command,
            commit=current_commit(),
        )
        # If reading the data took all the time it is still a step further: short calls come to an end too.
        if not trainer.run(max_minutes=left(deadline)):
            raise OutOfTimeError


def finished(folder: RunFolder) -> bool:
    """Whether the run trained to its end and left its network."""
    lines = list(read_log(folder.log_path)) if folder.log_path.exists() else []
    return bool(lines) and lines[-1].get("reason") == "finished" and folder.last_path.exists()


def left(deadline: float | None) -> float | None:
    """Minutes until `deadline`, 0 when it is over; None when there is none."""
    return None if deadline is None else max(0.0, (deadline - time.monotonic()) / 60)


def check_time(deadline: float | None) -> None:
    """Raises OutOfTimeError when `deadline` is over."""
    if left(deadline) == 0:
        raise OutOfTimeError


def _measured(plan: Plan, folder: RunFolder) -> Record:
    model, _ = load_checkpoint(folder.last_path, plan.device)
    start = time.perf_counter()
    metrics = _evaluate(plan, model)
    return {
        "parameters": parameters({name: tuple(p.shape) for name, p in model.named_parameters()}),
        "macs": count_macs(model, config_size(model.config)),
        "macs_are": MACS_ARE,
        "supervised": supervised_maps(model),
        **log_facts(read_log(folder.log_path)),
        "metrics": metrics,
        "measured_on": _measured_on(plan),
        "evaluation_seconds": round(time.perf_counter() - start, 1),
        "environment": environment(plan.device),
    }


def _evaluate(plan: Plan, model: MTCP) -> Numbers:
    """Metrics on `plan.limit` frames; where depth and normals are there, coherence on `plan.coherence_frames`."""
    data = open_data(plan.train.data, plan.test_split, model.config.tasks)
    coherent = not lacking(task.name for task in model.tasks)
    if coherent and plan.limit == plan.coherence_frames:
        return evaluate(model, data, limit=plan.limit, coherence=True, progress=plan.progress)
    numbers = evaluate(model, data, limit=plan.limit, progress=plan.progress)
    for stage, of_stage in _coherence(plan, model, data).items():
        numbers[stage]["coherence"] = of_stage
    return numbers


def _coherence(plan: Plan, model: MTCP, data: Samples) -> dict[str, dict[str, float]]:
    if lacking(task.name for task in model.tasks):
        return {}
    frames = plan.coherence_frames
    numbers: dict[str, Any] = evaluate(model, data, limit=frames, coherence=True, progress=plan.progress)
    return {stage: of_stage["coherence"] for stage, of_stage in numbers.items()}


def _measured_on(plan: Plan) -> dict[str, Any]:
    return {
        "data": Path(plan.train.data).name,
        "split": plan.test_split,
        "limit": plan.limit,
        "coherence_frames": plan.coherence_frames,
    }


def check_measured(where: Path, record: Record, wanted: dict[str, Any]) -> None:
    """Raises InputError when a result was measured on other frames."""
    found = record.get("measured_on", wanted)
    if found != wanted:
        raise InputError(f"{where} was measured on {found}, now it is {wanted}: take another --out")


def _do_single(plan: Plan, seed: int, deadline: float | None) -> None:
    """The single-task networks of a seed as one row: their numbers together, and whether their maps agree."""
    rows = [row for row in plan.all_rows if is_single(row)]
    path = result_path(plan.out, SINGLE, seed)
    parts = [result_path(plan.out, row.name, seed) for row in rows]
    folders = [plan.folder(row, seed) for row in rows]
    if path.exists() or not all(part.exists() for part in parts):
        return
    if not all(folder.last_path.exists() for folder in folders):
        log.info("single-task networks of seed %d were trained elsewhere: not measured together here", seed)
        return
    records = [read_record(part) for part in parts]
    if any("failed" in record for record in records):
        return
    check_time(deadline)
    nets = [load_checkpoint(folder.last_path, plan.device)[0] for folder in folders]
    together = cast(MTCP, Together(nets))
    data = open_data(plan.train.data, plan.test_split, together.config.tasks)
    write_record(path, {**joined(records), "metrics": _joined_metrics(plan, records, together, data)})


def joined(records: Sequence[Record]) -> Record:
    """The record of several single-task networks run one after another: sums, and everything by task."""
    names = {name for record in records for name in record["parameters"]}
    train = dict(records[0]["train"])
    return {
        **{key: records[0][key] for key in ("grid", "start", "budgets", "total_budgets")},
        "row": SINGLE,
        "title": f"single task x{len(records)}",
        "seed": records[0]["seed"],
        "base": "plain",
        "switch": {"tasks": "one each"},
        "model": {**records[0]["model"], "tasks": [record["model"]["tasks"][0] for record in records]},
        "train": train,
        "parameters": {name: sum(r["parameters"].get(name, 0) for r in records) for name in sorted(names)},
        "macs": sum(record["macs"] for record in records),
        "macs_are": records[0]["macs_are"],
        "supervised": {task: maps for record in records for task, maps in record["supervised"].items()},
        "training_seconds": sum(record["training_seconds"] for record in records),
        "measured_on": records[0]["measured_on"],
        "environment": records[0]["environment"],
    }


def _joined_metrics(plan: Plan, records: Sequence[Record], together: MTCP, data: Samples) -> dict[str, Any]:
    initial = {task: of for record in records for task, of in record["metrics"]["initial"].items()}
    coherence = _coherence(plan, together, data).get("initial")
    return {"initial": {**initial, **({"coherence": coherence} if coherence else {})}}


def _update_delta_m(plan: Plan) -> None:
    """Rows may be finished before the single-task networks that they are judged by."""
    records = read_records(plan.out)
    for old, new in zip(records, add_delta_m(records, plan.model.task_list()), strict=True):
        if old.get("delta_m", "") != new["delta_m"]:
            write_record(result_path(plan.out, new["row"], new["seed"]), new)
