"""From linear light to a photograph: exposure, white balance, tone curve, vignette, noise, gamma."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.colour import LUMINANCE, encode

CLIP = 6.0  # times white: brighter light is cut before pixels are averaged, so that bright edges stay smooth
VIGNETTE, NOISE = 0.18, 0.008


def exposure(radiance: np.ndarray, target: float = 0.26) -> np.ndarray:
    """Gain (3,) that brings the middle of a picture to `target`, with most of its colour cast taken out.

    Args:
        radiance: (N, 3) linear, window panes left out.
    """
    luminance = np.maximum(radiance @ LUMINANCE, 1e-6)
    level = 0.55 * np.exp(np.log(luminance).mean()) + 0.45 * np.percentile(luminance, 60)
    bright = radiance[luminance >= np.percentile(luminance, 40)]
    cast = bright.mean(0) / max(float(bright.mean()), 1e-6)
    balance = np.clip(cast, 0.5, 2.0) ** -0.65
    gain = target / level * balance / float(balance @ LUMINANCE)
    return gain.astype(np.float32)


def develop(linear: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """uint8 (H, W, 3) picture of exposed linear light (H, W, 3)."""
    h, w = linear.shape[:2]
    y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)
    light = linear * (1 - VIGNETTE * (x * x + y * y)[..., None] / 2) * 0.72
    # Filmic curve (Narkowicz 2015, ACES fit): highlights roll off, white near 4.
    picture = encode(np.clip(light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14), 0, 1))
    grain = rng.standard_normal(picture.shape, np.float32) + rng.standard_normal((h, w, 1), np.float32)
    return np.clip((picture + NOISE * grain * (1.15 - picture)) * 255 + 0.5, 0, 255).astype(np.uint8)
