"""Knowledge Extraction Module: all tasks share a small workspace of slots (docs/systems.md says what is our reading).

After Zhang et al., "SGW-based Multi-Task Learning in Vision Tasks", ACCV 2024, and the shared global workspace of
Goyal et al., ICLR 2022. For T tasks of N cells and M slots the attention costs T N M, where that of every cell to
every other one would cost (T N)^2.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mtcp.config import ModelConfig
from mtcp.model.fusion.affinity import attend
from mtcp.model.fusion.base import Fused
from mtcp.model.tensor_trace import TensorMaps, TensorMatrices
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
        keys = torch.cat(
            [_tokens(port.key(features[name])) for name, port in ports.items()], 1
        )  # (B, T*N, C)
        values = torch.cat([_tokens(port.value(features[name])) for name, port in ports.items()], 1)
        written = workspace.retrieve(keys, values)
        slots = workspace.write(written.retrieved)  # (B, M, C)
        fused, reads = {}, {}
        for name, port in ports.items():
            fused[name], reads[name] = port.read(features[name], slots)
        return Fused(fused, _trace(written, reads))


class Retrieved(NamedTuple):
    """What the slots found."""

    retrieved: Tensor  # (B, M, C)
    shares: Tensor  # (B, M, T*N), each row sums to 1
    alignment: Tensor | None  # (B, M, T*N), cosine of a cell's key with the slot's vertex of the frame


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

    def write(self, retrieved: Tensor) -> Tensor:
        """The slots after a gated update with `retrieved` (B, M, C), and attention among themselves."""
        slots = self.slots.expand_as(retrieved)
        write, keep = self.gates(torch.cat([slots, retrieved], -1)).sigmoid().chunk(2, -1)
        slots = write * retrieved.tanh() + keep * slots
        q, k, v = self.mixed(self.norm(slots)).chunk(3, -1)
        return slots + self.out(attend(q, k, v, self.scale))


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


def _trace(written: Retrieved, reads: dict[str, Tensor]) -> tuple[TensorTrace, ...]:
    """Maps of what is written and read, and tables of who fills the slots."""
    h, w = next(iter(reads.values())).shape[-2:]
    tasks = tuple(reads)
    M = written.shares.shape[1]
    shares = written.shares.detach().unflatten(-1, (len(tasks), h, w))  # (B, M, T, h, w)
    occupancy = shares.sum((-1, -2))  # (B, M, T)
    strongest = shares / shares.amax((2, 3, 4), keepdim=True)
    slots = tuple(f"slot {i + 1}" for i in range(M))
    writes = [(slots[m], task, strongest[:, m, t]) for m in range(M) for t, task in enumerate(tasks)]
    sources = {  # not a matrix product, which would count as the network's work
        task: (read.detach()[:, :, None] * occupancy[..., None, None]).sum(1) for task, read in reads.items()
    }  # (B, T, h, w)
    read_from = [
        (f"read by {task}", f"written by {other}", found[:, s])
        for task, found in sources.items()
        for s, other in enumerate(tasks)
    ]
    tables = [("Who fills a slot", slots, tasks, occupancy)]
    if written.alignment is not None:
        cosines = written.alignment.detach().unflatten(-1, (len(tasks), h, w))
        mean = (shares * cosines).sum((-1, -2)) / occupancy.clamp_min(1e-12)
        tables.append(("Alignment with the slot's vertex of the frame (cosine)", slots, tasks, mean))
    return (
        TensorMatrices(
            "The shared workspace",
            "Shares of the tasks in what each slot has retrieved; a row sums to 1. Alignment is the mean cosine, -1 "
            "to 1, of what a task writes into the slot with the slot's fixed direction.",
            tuple(tables),
        ),
        TensorMaps(
            "What is written into the slots",
            "How strongly a slot retrieves each cell of each task. 1: the cell that it retrieves most; 0: nothing.",
            tuple(writes),
        ),
        TensorMaps(
            "What is read from the slots",
            "Which tasks wrote what a cell reads. The maps of one row sum to 1 at each cell.",
            tuple(read_from),
        ),
    )


def _tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)  # (B, h*w, C)
