"""Maps that cannot belong to their photo. Resizing would hide it: every map fits any photo once it is stretched."""

from __future__ import annotations

from mtcp.errors import InputError

Size = tuple[int, ...]  # (height, width)


def require_aspect(found: Size, photo: Size, where: object) -> None:
    """Refuses a map of another shape than its photo; it may be smaller, whole pixels rounded either way.

    Raises:
        InputError: not the photo's aspect.
    """
    if not _fits(found, photo):
        swapped = "; rows and columns are swapped" if is_swapped(found, photo) else ""
        raise InputError(f"{where}: {_text(found)} (height x width) for a photo of {_text(photo)}{swapped}")


def is_swapped(found: Size, photo: Size) -> bool:
    """Whether the size fits the photo only with rows and columns exchanged."""
    return not _fits(found, photo) and _fits(found[::-1], photo)


def _fits(found: Size, photo: Size) -> bool:
    """Within a pixel of the map."""
    return abs(found[0] * photo[1] - found[1] * photo[0]) < max(photo)


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
