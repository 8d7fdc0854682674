"""Procedural furnished rooms with exact truth: pictures, depth, normals and the 40 classes, from a seed."""

from mtcp.data.rooms.build import KINDS, make_room
from mtcp.data.rooms.dataset import Rooms
from mtcp.data.rooms.export import Example, read_examples, write_examples, write_nyud
from mtcp.data.rooms.render import Frame, render
from mtcp.data.rooms.room import Room
from mtcp.data.rooms.view import View

__all__ = [
    "KINDS",
    "Example",
    "Frame",
    "Room",
    "Rooms",
    "View",
    "make_room",
    "read_examples",
    "render",
    "write_examples",
    "write_nyud",
]
