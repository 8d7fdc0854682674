"""Furniture: functions of (random generator, style, sizes) that give an `Item`."""
