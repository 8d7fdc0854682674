"""Procedural furnished rooms with exact truth: pictures, depth, normals and the 40 classes, from a seed.

This is the only door: everything outside comes in here, and late, because only training and tests need it.
"""

from mtcp.data.rooms.build import KINDS, make_room
from mtcp.data.rooms.dataset import Rooms
from mtcp.data.rooms.export import write_nyud
from mtcp.data.rooms.render import Frame, render
from mtcp.data.rooms.room import Room
from mtcp.data.rooms.view import View

__all__ = ["KINDS", "Frame", "Room", "Rooms", "View", "make_room", "render", "write_nyud"]
