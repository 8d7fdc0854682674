"""From linear light to a photograph: exposure, white balance, bloom, tone curve, vignette, noise, gamma."""

from __future__ import annotations

import numpy as np

from mtcp.data.rooms.colour import LUMINANCE, encode

CLIP = 6.0  # times white: brighter light is cut before pixels are averaged, so that bright edges stay smooth


def exposure(radiance: np.ndarray, target: float = 0.26) -> np.ndarray:
    """Gain (3,) that brings the middle of a picture to `target`, with most of its colour cast taken out.

    Args:
        radiance: (N, 3) linear, window panes left out.
    """
    luminance = np.maximum(radiance @ LUMINANCE, 1e-6)
    level = 0.55 * np.exp(np.log(luminance).mean()) + 0.45 * np.percentile(luminance, 60)
    bright = radiance[luminance > np.percentile(luminance, 40)]
    cast = bright.mean(0) / max(float(bright.mean()), 1e-6)
    balance = np.clip(cast, 0.5, 2.0) ** -0.65
    gain = target / level * balance / float(balance @ LUMINANCE)
    return gain.astype(np.float32)


def tone(linear: np.ndarray) -> np.ndarray:
    """Filmic curve (Narkowicz 2015, ACES fit) of linear light: highlights roll off, white near 4."""
    x = linear * 0.72
    return np.clip(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0, 1)


def _bloom(linear: np.ndarray) -> np.ndarray:
    """Light scattered in the lens round what is brighter than white; made at a quarter of the size."""
    from scipy.ndimage import gaussian_filter

    h, w = linear.shape[:2]
    if min(h, w) < 16:
        return np.zeros_like(linear)
    over = np.maximum(linear[: h // 4 * 4, : w // 4 * 4] - 1.0, 0)
    small = over.reshape(h // 4, 4, w // 4, 4, 3).mean((1, 3))
    near, far = (gaussian_filter(small, (s * w / 4, s * w / 4, 0), truncate=2.5) for s in (0.012, 0.045))
    glow = 0.06 * near + 0.04 * far
    return np.einsum(
        "hi,ijc,wj->hwc", _stretch(h, glow.shape[0]), glow, _stretch(w, glow.shape[1]), optimize=True
    )


def _stretch(large: int, small: int) -> np.ndarray:
    """Linear interpolation from `small` to `large` samples as a matrix (large, small)."""
    at = np.clip((np.arange(large) + 0.5) * small / large - 0.5, 0, small - 1)
    return np.maximum(1 - np.abs(at[:, None] - np.arange(small)), 0).astype(np.float32)


def develop(
    linear: np.ndarray, rng: np.random.Generator, noise: float = 0.008, vignette: float = 0.18
) -> np.ndarray:
    """uint8 (H, W, 3) picture of exposed linear light (H, W, 3)."""
    h, w = linear.shape[:2]
    linear = (linear + _bloom(linear)).astype(np.float32)
    y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)
    linear = linear * (1 - vignette * (x * x + y * y)[..., None] / 2)
    picture = encode(tone(linear))
    grain = noise * (
        rng.standard_normal(picture.shape, np.float32) + rng.standard_normal((h, w, 1), np.float32)
    )
    picture = picture + grain * (1.15 - picture)
    return np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)
