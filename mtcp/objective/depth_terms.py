"""The further terms of the depth loss: which there are, on which maps, and how the stages count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor

from mtcp.errors import InputError
from mtcp.objective.depth_term_options import DepthTermOptions, depth_task
from mtcp.objective.slope import agreement_loss, gradient_matching, slope_loss
from mtcp.tasks import NORMALS, Task


class DepthTerms:
    """The terms that `options` give a weight, for a network of `tasks`. Without any it costs nothing.

    Attributes:
        weights: of the terms that count, by name.
        tasks: whose final maps they are made of: depth, and the normals where there are any.
    """

    def __init__(self, options: DepthTermOptions, tasks: Iterable[Task]) -> None:
        by_name = {task.name: task for task in tasks}
        self.options, self.weights = options, options.term_weights
        self.depth = depth_task(by_name) or ""
        self.tasks = [task for name, task in by_name.items() if name in (self.depth, NORMALS)]

    @property
    def needs_camera(self) -> bool:
        """Whether a term is about normals."""
        return self.weights.keys() != {"depth_gradient"}

    def of_stages(
        self,
        stages: Iterable[tuple[float, Mapping[str, Tensor]]],
        true: Mapping[str, Tensor],
        camera: Tensor | None,
    ) -> dict[str, Tensor]:
        """Each term by name, before its own weight, summed over the stages.

        The outermost cells are left out: bilinear upsampling has nothing to lean on there and repeats the border,
        which makes slopes too small.

        Args:
            stages: the weight and the final maps (B, C_t, h, w) of each, by task.
            true: the targets at h x w by task, (B, h, w) of depth and (B, 3, h, w) of the normals.
            camera: (B, 4), fx, fy, cx, cy in cells of that grid; None where no term needs it.
        """
        inner = {name: _without_border(target) for name, target in true.items()}
        if camera is not None:
            camera = camera - camera.new_tensor([0, 0, 1, 1])
        terms: dict[str, Tensor] = {}
        for weight, maps in stages:
            final = {name: _without_border(values) for name, values in maps.items()}
            for name in self.weights:
                terms[name] = terms.get(name, 0) + weight * self._term(name, final, inner, camera)
        return terms

    def added(self, losses: Mapping[str, Tensor], terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The losses by task, that of depth with the weighted `terms`."""
        further = sum(self.weights[name] * term for name, term in terms.items())
        return {**losses, self.depth: losses[self.depth] + further}

    def _term(
        self, name: str, final: Mapping[str, Tensor], true: Mapping[str, Tensor], camera: Tensor | None
    ) -> Tensor:
        depth, scales = final[self.depth][:, 0], self.options.slope_scales
        if name == "depth_gradient":
            return gradient_matching(depth, true[self.depth])
        assert camera is not None
        if name == "slope":
            return slope_loss(depth, true[NORMALS], true[self.depth], camera, scales)
        normals = final[NORMALS]
        if self.options.agreement_teaches == "depth":
            normals = normals.detach()
        return agreement_loss(depth, normals, camera, scales, true.get(self.depth))


def cameras_in_cells(batch: Mapping[str, Tensor], covered: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """The cameras (B, 4) of a batch in cells of a grid of `size` (h, w) over `covered` (H, W) pixels.

    Raises:
        InputError: the batch has none.
    """
    if "camera" not in batch:
        raise InputError(
            f"--slope and --agreement need the camera of every sample, the data gives {', '.join(batch)}: set both to 0"
        )
    x, y = size[1] / covered[1], size[0] / covered[0]
    camera = batch["camera"].float()
    return camera * camera.new_tensor([x, y, x, y])


def _without_border(maps: Tensor) -> Tensor:
    return maps[..., 1:-1, 1:-1]
