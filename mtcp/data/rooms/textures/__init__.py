"""Textures: frozen functions from points on a surface to its colour there."""
