"""What a tab of the page is: components built once and drawn for a scene. Listeners are in `app.scene_events`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import gradio as gr
from gradio.components import Component

from app.scene import Scene

Values = dict[Any, Any]
"""What a listener returns: component -> new value or update. Components left out stay as they are."""

STATE_SECONDS = 3600
"""A visitor's result is dropped this long after it was made; earlier, if others need the memory: `app.result_cache`."""

Settings = Mapping[Any, Any]
"""Component -> its current value, for all controls of the page."""


@dataclass(frozen=True)
class Control:
    """A component by which the person changes how a tab is drawn. It has no effect on the scene.

    event: the name of the gradio event to draw at; "release" for sliders whose drawing takes time.
    """

    component: Component
    redraw: Callable[[Scene, Settings], Values]
    event: str = "input"


def slug(title: str) -> str:
    """A tab's title as it is in addresses and in elements' ids."""
    return title.lower().replace(" ", "-")


class Tab(Protocol):
    """One way to look at a scene."""

    title: ClassVar[str]
    shows: ClassVar[str]
    """What it will show once there is a photo, as the end of a sentence."""
    compares: ClassVar[bool]
    """Whether it shows how depth and normals compare, and so is filled anew once they are compared."""

    @property
    def controls(self) -> tuple[Control, ...]:
        """What the person sets here."""

    @property
    def divided(self) -> tuple[gr.ImageSlider, ...]:
        """Pictures under a divider: all dividers of the page move together."""

    @property
    def outputs(self) -> tuple[Component, ...]:
        """Everything that `fill`, `point` and the controls may set."""

    def fill(self, scene: Scene, settings: Settings) -> Values:
        """All of it: a new photo, another camera, or the tab is opened."""

    def point(self, scene: Scene, settings: Settings) -> Values:
        """Only what follows the probe and the chosen failure."""
