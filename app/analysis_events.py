"""How a run gets on the page: from a photo, or from another tab that has made one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.events import Dependency

from app import session
from app.listeners import NETWORK, PRIVATE, QUIET, toasting
from app.page import Page
from app.result_cache import CachedResult
from app.scene import Scene
from app.scene_events import drawer
from app.session import Analysis
from app.sidebar import DOWNLOAD
from app.tabs.base import Values


def listen_for_photos(page: Page) -> None:
    """A photo given, taken away or picked: run the network, then draw, then pack the zip."""
    photo, picked = page.sidebar.photo, page.sidebar.examples
    _finish(page, photo.input(None, **PRIVATE))
    if picked is not None:
        paths = [str(path) for path in page.sources.examples]

        def example(index: int) -> Any:
            return paths[index] if index in range(len(paths)) else gr.skip()

        _finish(page, picked.click(example, picked, photo, **QUIET))


def _finish(page: Page, event: Dependency) -> None:
    photo, options = page.sidebar.photo, {**NETWORK, **PRIVATE}
    # what the progress covers; the photo stays in sight
    covered = [*(slot.empty for slot in page.slots), *page.views]
    ran = event.success(_shower(page), photo, [photo, *page.frame], show_progress_on=covered, **options)
    _draw_and_pack(page, ran)


def open_from_inbox(page: Page, event: Dependency, title: str) -> None:
    """A run made elsewhere on the page: show it as if its photo had been dropped, in the tab `title`."""

    def show(kept: CachedResult[Analysis] | None) -> Values:
        if kept is None:
            return {page.inbox: gr.skip()}
        analysis = page.results.take(kept)
        opened: Values = {page.bar: gr.Tabs(selected=title), page.opened: title}
        return {
            **page.enter(Scene.of(analysis)),
            page.sidebar.photo: analysis.photo,
            page.inbox: None,
            **opened,
        }

    shown = toasting(show, lambda _: {page.inbox: None})
    outputs = [page.inbox, page.bar, page.opened, page.sidebar.photo, *page.frame]
    _draw_and_pack(page, event.success(shown, page.inbox, list(dict.fromkeys(outputs)), **PRIVATE))


def _draw_and_pack(page: Page, event: Dependency) -> None:
    drawn = event.success(drawer(page), page.draw_inputs, [page.drawn, *page.views], **PRIVATE)
    download = page.sidebar.download
    drawn.success(_packer(page, download), page.scene, download, **QUIET)


def _shower(page: Page) -> Callable[[str | None], Values]:
    """The listener that runs the network on a photo and fills what is around the tabs."""

    def show(path: str | None) -> Values:
        if path is None:
            return page.clear()
        return page.enter(Scene.of(session.analyse(page.network.predict, path, page.sources.truth_of)))

    def clear(path: str | None) -> Values:
        return {**page.clear(), page.sidebar.photo: None}

    return toasting(show, clear, "Give another photo (JPEG, PNG, WebP ...).")


def _packer(page: Page, button: gr.DownloadButton) -> Callable[..., gr.DownloadButton]:
    """The listener that packs the zip once the pictures are on the screen."""

    def nothing(kept: CachedResult[Scene] | None = None) -> gr.DownloadButton:
        return gr.DownloadButton(DOWNLOAD, value=None, interactive=False)

    def pack(kept: CachedResult[Scene] | None) -> gr.DownloadButton:
        if kept is None:
            return nothing()
        packed = session.archive(page.results.look(kept).analysis, button.GRADIO_CACHE)
        return gr.DownloadButton(DOWNLOAD, value=str(packed), interactive=True)

    return toasting(pack, nothing)
