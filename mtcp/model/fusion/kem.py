"""Knowledge Extraction Module: all tasks share a small workspace of slots (docs/systems.md says what is our reading).

After Zhang et al., "SGW-based Multi-Task Learning in Vision Tasks", ACCV 2024, and the shared global workspace of
Goyal et al., ICLR 2022. For T tasks of N cells and M slots the attention costs T N M, where that of every cell to
every other one would cost (T N)^2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.fusion.affinity import attend
from mtcp.model.fusion.base import Fused, tokens
from mtcp.model.tensor_trace import TensorMaps, TensorMatrices, TraceOnDemand
from mtcp.model.trace import TensorTrace


class KEM(nn.ModuleDict):
    """A `Port` per task, and the `Workspace` that they share.

    Retrieve: slots attend to the cells of all tasks at once, by one softmax. Write: the slots are updated with
    what they retrieved. Broadcast: every cell attends to the slots, and adds what it reads.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__({name: Port(config.width) for name in config.tasks})
        self["workspace"] = Workspace(config.width, config.slots, stable=config.stable_kem)

    def forward(self, features: dict[str, Tensor]) -> Fused:
        """As `mtcp.model.fusion.base.Fusion`."""
        workspace = cast(Workspace, self["workspace"])
        ports = {name: cast(Port, self[name]) for name in features}
        keys = torch.cat([tokens(port.key(features[name])) for name, port in ports.items()], 1)  # (B, T*N, C)
        values = torch.cat([tokens(port.value(features[name])) for name, port in ports.items()], 1)
        retrieved = workspace.retrieve(keys, values)
        written = workspace.write(retrieved.content)
        fused, reads = {}, {}
        for name, port in ports.items():
            fused[name], reads[name] = port.read(features[name], written.slots)
        return Fused(fused, WorkspaceUse(retrieved, written, reads).traces())


class Retrieved(NamedTuple):
    """What the slots found."""

    content: Tensor  # (B, M, C)
    shares: Tensor  # (B, M, T*N), each row sums to 1
    alignment: Tensor | None  # (B, M, T*N), cosine of a cell's key with the slot's vertex of the frame


class Written(NamedTuple):
    """What the slots hold then."""

    slots: Tensor  # (B, M, C)
    write: Tensor  # (B, M, C), 0..1: how much of what was retrieved is written
    keep: Tensor  # (B, M, C), 0..1: how much of the learned slot is kept


class Port(nn.Module):
    """One task's way into the workspace and out of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.key = nn.Conv2d(width, width, 1)
        self.value = nn.Conv2d(width, width, 1)
        self.query = nn.Conv2d(width, width, 1)
        self.out = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width))

    def read(self, feature: Tensor, slots: Tensor) -> tuple[Tensor, Tensor]:
        """feature (B, C, h, w), slots (B, M, C) -> the feature with what it read added, shares (B, M, h, w)."""
        shares = torch.einsum("bchw,bmc->bmhw", self.query(feature), slots) * slots.shape[-1] ** -0.5
        shares = shares.softmax(1)
        return feature + self.out(torch.einsum("bmhw,bmc->bchw", shares, slots)), shares


class Workspace(nn.Module):
    """M learned slots.

    stable: cells are chosen by a fixed simplex equiangular tight frame: each slot has one of its vertices for a
    query, and a cell's key, of length 1, is projected onto them.
    """

    frame: Tensor

    def __init__(self, width: int, slots: int, *, stable: bool) -> None:
        super().__init__()
        self.slots = nn.Parameter(torch.randn(slots, width))
        self.stable, self.scale = stable, width**-0.5
        if stable:
            self.register_buffer("frame", simplex_frame(width, slots), persistent=False)
        else:
            self.query = nn.Linear(width, width)
        self.gates = nn.Linear(2 * width, 2 * width)
        self.norm = nn.LayerNorm(width)
        self.mixed = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def retrieve(self, keys: Tensor, values: Tensor) -> Retrieved:
        """keys, values: (B, T*N, C)."""
        alignment = None
        if self.stable:
            alignment = torch.einsum("cm,bnc->bmn", self.frame, F.normalize(keys, dim=-1))
            logits = alignment / self.scale
        else:
            logits = torch.einsum("mc,bnc->bmn", self.query(self.slots), keys) * self.scale
        shares = logits.softmax(-1)
        return Retrieved(shares @ values, shares, alignment)

    def write(self, retrieved: Tensor) -> Written:
        """A gated update with `retrieved` (B, M, C), then attention of the slots among themselves."""
        slots = self.slots.expand_as(retrieved)
        write, keep = self.gates(torch.cat([slots, retrieved], -1)).sigmoid().chunk(2, -1)
        slots = write * retrieved.tanh() + keep * slots
        q, k, v = self.mixed(self.norm(slots)).chunk(3, -1)
        return Written(slots + self.out(attend(q, k, v, self.scale)), write, keep)


@dataclass(frozen=True)
class WorkspaceUse:
    """One pass through the workspace, and what a display may show of it. M slots, T tasks of h x w cells.

    What a cell reads cannot be told apart by the tasks that wrote it: gates, the learned slots and the attention among
    slots lie between. So reading is shown by slot.
    """

    retrieved: Retrieved
    written: Written
    reads: dict[str, Tensor]  # by task (B, M, h, w), shares of the slots in what a cell reads

    def traces(self) -> tuple[TensorTrace, ...]:
        """Tables of the slots, maps of what they retrieve, and maps of what is read; none is made before it is
        asked for.
        """
        return (
            TraceOnDemand(self.tables),
            TraceOnDemand(self.retrieval_maps),
            TraceOnDemand(self.reading_maps),
        )

    def tables(self) -> TensorMatrices:
        """Where a slot's content comes from, its gates, and how many slots are in use."""
        shares = self._by_task(self.retrieved.shares)
        by_task = shares.sum((-1, -2))  # (B, M, T)
        reading = torch.stack([read.mean((-1, -2)) for read in self.reads.values()], -1)  # (B, M, T)
        overall = reading.mean(-1, keepdim=True)
        gates = [gate.mean(-1, keepdim=True) for gate in (self.written.write, self.written.keep)]
        slots, tasks = self._slots, tuple(self.reads)
        tables = [
            ("What each slot retrieves, by task", slots, tasks, by_task),
            (
                "What each slot writes and keeps, and its share of all reading",
                slots,
                ("write gate", "keep gate", "share of reading"),
                torch.cat([*gates, overall], -1),
            ),
            (
                "How many slots retrieve from a task",
                ("effective number",),
                tasks,
                effective_number(by_task)[:, None],
            ),
            (
                "How many slots a task reads",
                ("effective number",),
                (*tasks, "all tasks"),
                effective_number(torch.cat([reading, overall], -1))[:, None],
            ),
        ]
        about = (
            "By task: shares of the tasks in what a slot retrieves; a row sums to 1. Gates: how much of that is "
            "written into the slot, and how much of the learned slot is kept; 0: nothing, 1: all of it (mean over "
            "channels). The shares of reading sum to 1 over the slots. Effective number: exp(entropy), from 1 where "
            f"one slot has everything to {len(slots)} where all have the same."
        )
        if self.retrieved.alignment is not None:
            cosines = self._by_task(self.retrieved.alignment)
            mean = (shares * cosines).sum((-1, -2)) / by_task.clamp_min(1e-12)
            tables.append(("Alignment with the slot's vertex of the frame (cosine)", slots, tasks, mean))
            about += " Alignment: mean cosine, -1 to 1, of what a slot retrieves with its fixed direction."
        return TensorMatrices("The shared workspace", about, tuple(tables))

    def retrieval_maps(self) -> TensorMaps:
        """Which cells of which task each slot retrieves."""
        shares = self._by_task(self.retrieved.shares)
        strength = shares / shares.amax((2, 3, 4), keepdim=True)
        maps = [
            (slot, task, strength[:, m, t])
            for m, slot in enumerate(self._slots)
            for t, task in enumerate(self.reads)
        ]
        return TensorMaps(
            "Which pixels write into each slot",
            "How strongly a slot retrieves each cell of each task. 1: the cell that it retrieves most; 0: nothing. How "
            "much of that is written is up to the slot's write gate.",
            tuple(maps),
        )

    def reading_maps(self) -> TensorMaps:
        """Which slots each cell of each task reads."""
        maps = [
            (f"{task} reads", slot, read[:, m])
            for task, read in self.reads.items()
            for m, slot in enumerate(self._slots)
        ]
        return TensorMaps(
            "Which slots each pixel reads",
            "How much of what a cell reads comes from each slot. The maps of one row sum to 1 at each cell.",
            tuple(maps),
        )

    @property
    def _slots(self) -> tuple[str, ...]:
        return tuple(f"slot {i + 1}" for i in range(self.retrieved.shares.shape[1]))

    def _by_task(self, of_cells: Tensor) -> Tensor:
        """(B, M, T*N) -> (B, M, T, h, w)."""
        h, w = next(iter(self.reads.values())).shape[-2:]
        return of_cells.unflatten(-1, (len(self.reads), h, w))


def effective_number(amounts: Tensor) -> Tensor:
    """How many of M slots have a part in a total: exp(entropy) of their shares, 1..M. amounts (B, M, n) -> (B, n)."""
    shares = amounts / amounts.sum(1, keepdim=True).clamp_min(1e-12)
    return torch.special.entr(shares).sum(1).exp()


def simplex_frame(width: int, vertices: int) -> Tensor:
    """A simplex equiangular tight frame: (width, vertices), columns of length 1 with cosines -1 / (vertices - 1).

    E = sqrt(M / (M - 1)) U (I - 11^T / M) as in Papyan, Han and Donoho (PNAS 2020); the columns of U are the first
    vectors of the discrete cosine transform, so that every machine has the same frame. 2 <= vertices <= width.
    """
    cells = torch.arange(width, dtype=torch.float64)[:, None] + 0.5
    waves = torch.arange(vertices, dtype=torch.float64)
    basis = torch.cos(torch.pi * cells * waves / width) * (2 / width) ** 0.5
    basis[:, 0] *= 0.5**0.5
    centred = torch.eye(vertices, dtype=torch.float64) - 1 / vertices
    return ((vertices / (vertices - 1)) ** 0.5 * basis @ centred).float()
