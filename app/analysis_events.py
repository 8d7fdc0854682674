"""How a run gets on the page: from a photo, or from another tab that has made one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.events import Dependency

from app import session
from app.listeners import NETWORK, PRIVATE, QUIET, toasting
from app.page import Page
from app.result_cache import Kept
from app.scene import Scene
from app.scene_events import drawer
from app.session import Run
from app.sidebar import DOWNLOAD
from app.tabs.base import Values


def listen_for_photos(whole: Page) -> None:
    """A photo given, taken away or picked: run the network, then draw, then pack the zip."""
    photo, picked = whole.sidebar.photo, whole.sidebar.examples
    _finish(whole, photo.input(None, **PRIVATE))
    if picked is not None:
        paths = [str(path) for path in whole.sources.examples]

        def example(index: int) -> Any:
            return paths[index] if index in range(len(paths)) else gr.skip()

        _finish(whole, picked.click(example, picked, photo, **QUIET))


def _finish(whole: Page, event: Dependency) -> None:
    photo, options = whole.sidebar.photo, {**NETWORK, **PRIVATE}
    # what the progress covers; the photo stays in sight
    covered = [*(shelf.empty for shelf in whole.shelves), *whole.views]
    ran = event.success(_shower(whole), photo, [photo, *whole.frame], show_progress_on=covered, **options)
    _draw_and_pack(whole, ran)


def open_from_inbox(whole: Page, event: Dependency, title: str) -> None:
    """A run made elsewhere on the page: show it as if its photo had been dropped, in the tab `title`."""

    def show(kept: Kept[Run] | None) -> Values:
        if kept is None:
            return {whole.inbox: gr.skip()}
        run = whole.held.take(kept)
        opened: Values = {whole.bar: gr.Tabs(selected=title), whole.opened: title}
        return {**whole.enter(Scene.of(run)), whole.sidebar.photo: run.photo, whole.inbox: None, **opened}

    shown = toasting(show, lambda _: {whole.inbox: None})
    outputs = [whole.inbox, whole.bar, whole.opened, whole.sidebar.photo, *whole.frame]
    _draw_and_pack(whole, event.success(shown, whole.inbox, list(dict.fromkeys(outputs)), **PRIVATE))


def _draw_and_pack(whole: Page, event: Dependency) -> None:
    drawn = event.success(drawer(whole), whole.looks, [whole.drawn, *whole.views], **PRIVATE)
    download = whole.sidebar.download
    drawn.success(_packer(whole, download), whole.scene, download, **QUIET)


def _shower(whole: Page) -> Callable[[str | None], Values]:
    """The listener that runs the network on a photo and fills what is around the tabs."""

    def show(path: str | None) -> Values:
        if path is None:
            return whole.clear()
        return whole.enter(Scene.of(session.analyse(whole.network.predict, path, whole.sources.truth_of)))

    def clear(path: str | None) -> Values:
        return {**whole.clear(), whole.sidebar.photo: None}

    return toasting(show, clear, "Give another photo (JPEG, PNG, WebP ...).")


def _packer(whole: Page, button: gr.DownloadButton) -> Callable[..., gr.DownloadButton]:
    """The listener that packs the zip once the pictures are on the screen."""

    def nothing(kept: Kept[Scene] | None = None) -> gr.DownloadButton:
        return gr.DownloadButton(DOWNLOAD, value=None, interactive=False)

    def pack(kept: Kept[Scene] | None) -> gr.DownloadButton:
        if kept is None:
            return nothing()
        packed = session.archive(whole.held.look(kept).run, button.GRADIO_CACHE)
        return gr.DownloadButton(DOWNLOAD, value=str(packed), interactive=True)

    return toasting(pack, nothing)
