"""Exact scenes by ray and plane arithmetic, for the geometry tests: independent of the code under test."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation


def rays_of(camera):
    """(H, W, 3) rays with z = 1, from the definition of the camera."""
    u, v = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    return np.stack(((u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones_like(u)), axis=-1)


def plane_depth(camera, normal, distance):
    """z-depth of the plane n . X = -distance with a unit normal to the camera; 0 where no ray meets it."""
    along = rays_of(camera) @ np.asarray(normal, float)
    return np.where(along < -1e-6, -distance / np.minimum(along, -1e-6), 0.0)


@dataclass
class Scene:
    depth: np.ndarray  # (H, W) metres
    normals: np.ndarray  # (H, W, 3)
    surface: np.ndarray  # (H, W) index of the surface seen

    def away_from_edges(self, pixels):
        edge = np.zeros(self.surface.shape, bool)
        edge[:, 1:] |= self.surface[:, 1:] != self.surface[:, :-1]
        edge[1:] |= self.surface[1:] != self.surface[:-1]
        return ~binary_dilation(edge, iterations=pixels)


def nearest(camera, planes):
    """The nearest of infinite planes (normal towards the camera, distance): the inside of a convex room."""
    depths = np.stack([plane_depth(camera, *plane) for plane in planes])
    depths[depths == 0] = np.inf
    surface = depths.argmin(axis=0)
    normals = np.array([plane[0] for plane in planes], float)[surface]
    return Scene(depths.min(axis=0), normals, surface)


def rotation(yaw_deg, pitch_deg):
    """Rows: room axes to camera axes, turned by `yaw` about the vertical, then tilted by `pitch`."""
    a, b = np.radians([yaw_deg, pitch_deg])
    yaw = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    pitch = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return pitch @ yaw


def box_room(camera, yaw_deg=25.0, pitch_deg=8.0):
    """A closed room: surfaces 0 floor, 1 ceiling, 2 left, 3 right, 4 front wall."""
    R = rotation(yaw_deg, pitch_deg)
    planes = [((0, -1, 0), 1.4), ((0, 1, 0), 1.1), ((1, 0, 0), 1.6), ((-1, 0, 0), 2.1), ((0, 0, -1), 3.2)]
    return nearest(camera, [(R @ np.array(n, float), d) for n, d in planes])
