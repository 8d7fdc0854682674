"""Where a number comes from: machine, versions, date and commit, for logs of measurements."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def environment(device: torch.device | str = "cpu") -> dict[str, Any]:
    """Facts about this machine and this code, JSON types: what a measurement must be quoted with."""
    import torch

    device = torch.device(device)
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": _device_name(device),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "commit": current_commit(),
    }


def current_commit(root: Path | None = None) -> str:
    """The short commit of the working tree at `root` (this project's), or an empty string outside a git checkout.

    It ends in "-dirty" when tracked files differ from the commit. Documents (docs/, *.md) do not count: a run
    that writes its own report would otherwise mark every later one.
    """
    root = root or Path(__file__).resolve().parents[1]
    git = ["git", "-C", str(root)]
    code = ["--", ":(top)", ":(top,exclude)docs", ":(top,exclude)*.md"]

    def answer(*arguments: str) -> str:
        return subprocess.run([*git, *arguments], capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = answer("status", "--porcelain", "--untracked-files=no", *code)
        return answer("describe", "--always") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _device_name(device: torch.device) -> str:
    import torch

    try:
        return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    except (RuntimeError, AssertionError):  # on ZeroGPU only the process that holds the GPU sees it
        return device.type


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
