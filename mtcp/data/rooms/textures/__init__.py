"""Textures as exact functions of surface coordinates; no image files."""
