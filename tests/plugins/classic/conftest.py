"""Synthetic recordings of sources in the free field, with exact fractional delays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sslbench.geometry import Box
from sslbench.scene import MicArray, Recording

RATE = 16000
SPEED = 343.0

LUVIRA = np.array(
    [
        [2.44654, 1.73981, 1.15366],
        [2.87814, -0.64852, 1.04743],
        [1.32796, -3.13323, 1.56532],
        [-1.05590, -3.54572, 1.10822],
        [-3.07651, -0.05903, 1.37150],
        [-2.41190, 2.47719, 1.54504],
        [2.22765, -0.75627, 0.21350],
        [1.78977, -2.37611, 0.20472],
        [0.05017, -3.35889, 0.21266],
        [-1.92065, -2.82050, 0.14431],
        [-2.92366, 0.71836, 0.14705],
    ]
)


@pytest.fixture(scope="session")
def luvira() -> np.ndarray:
    """Return the published positions of eleven microphones in a room of 7 x 8 x 2 m."""
    return LUVIRA


@pytest.fixture(scope="session")
def room() -> Box:
    """Return the room of that array."""
    return Box((-3.5, -4.0, 0.0), (3.5, 4.0, 2.0))


def _delayed(signal: np.ndarray, delays: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Return a signal with one delay in seconds and one gain per channel."""
    length = 2 * len(signal)
    spectrum = np.fft.rfft(signal, length)
    cycles = np.fft.rfftfreq(length, 1 / RATE) * delays[:, None]
    return gains[:, None] * np.fft.irfft(spectrum * np.exp(-2j * np.pi * cycles), length)


@pytest.fixture(scope="session")
def near() -> Callable[..., Recording]:
    """Make a recording of white noise at a position: `near(microphones, source, region)`."""

    def make(mics: np.ndarray, source: Any, region: Box, **options: Any) -> Recording:
        seed, samples = options.pop("seed", 0), options.pop("samples", 2048)
        distance = np.linalg.norm(np.asarray(source) - mics, axis=1)
        signal = np.random.default_rng(seed).standard_normal(samples + 1024)
        audio = _delayed(signal, distance / SPEED, 1 / distance)[:, 1024 : 1024 + samples]
        fields = {"frame": samples / RATE, **options}
        return Recording(
            "near",
            audio.astype(np.float32),
            RATE,
            MicArray(mics),
            np.array([samples / 2 / RATE]),
            region=region,
            **fields,
        )

    return make


@pytest.fixture(scope="session")
def far() -> Callable[..., Recording]:
    """Make a recording of plane waves of white noise: `far(microphones, directions)`."""

    def make(mics: np.ndarray, directions: Any, **options: Any) -> Recording:
        rng = np.random.default_rng(options.pop("seed", 0))
        audio = np.zeros((len(mics), 8192))
        for direction in np.atleast_2d(directions):
            delays = -(mics @ direction) / SPEED
            audio += _delayed(rng.standard_normal(8192), delays, np.ones(len(mics)))[:, :8192]
        return Recording(
            "far",
            audio.astype(np.float32),
            RATE,
            MicArray(mics),
            np.array([0.1, 0.3]),
            kind="direction",
            **options,
        )

    return make
