"""Checks that a recording is like those a network was trained on; each raises a `FormatError`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sslbench.errors import FormatError
from sslbench.geometry import Box
from sslbench.scene import Recording

__all__ = ["TOLERANCE", "check_array", "check_plane", "check_region", "corners"]

TOLERANCE = 1e-4
"""Metres by which array and region may differ from those of the training."""


def corners(region: Box) -> NDArray[np.float64]:
    """Return the lowest and the highest corner of a region in metres, shape (2, 3)."""
    return np.array([region.low, region.high], dtype=float)


def check_plane(recording: Recording) -> None:
    """Check that there is a plane to map, and that all microphone positions are known.

    Raises:
        FormatError: if the region is missing or not flat, or a position is unknown.
    """
    region = recording.region
    if region is None or not region.flat:
        raise FormatError(
            "no search region" if region is None else "a search region that is not flat",
            where=recording.id,
            expected="a region of one height, the plane that is mapped",
            hint="give the region the height of the sources as its lowest and its highest z",
        )
    if recording.array.positions is None or not recording.array.complete:
        raise FormatError(
            "unknown microphone positions",
            where=recording.id,
            expected="the position of every microphone",
        )


def check_array(recording: Recording, config: Mapping[str, Any]) -> None:
    """Check that the microphone positions are those of the training.

    Raises:
        FormatError: if one differs by more than 1e-4 m.
    """
    here, there = recording.array.positions, np.asarray(config["microphones"])
    if here is None or here.shape != there.shape or np.abs(here - there).max() > TOLERANCE:
        raise FormatError(
            "another array than in training",
            where=recording.id,
            expected="the same microphones in the same places",
            hint="train on this data set",
        )


def check_region(recording: Recording, config: Mapping[str, Any]) -> None:
    """Check that the search region is the one of training.

    Raises:
        FormatError: if a side differs by more than 1e-4 m.
    """
    there, region = np.asarray(config["region"]), recording.region
    if region is None or np.abs(corners(region) - there).max() > TOLERANCE:
        raise FormatError(
            f"another search region than in training: {_text(region)}",
            where=recording.id,
            expected=_text(Box(*there.tolist())),
            hint="train on this data set",
        )


def _text(region: Box | None) -> str:
    if region is None:
        return "none"
    low, high = ("({:g}, {:g}, {:g})".format(*each) for each in (region.low, region.high))
    return f"{low} to {high} m"
