"""A plot of a prediction: the room from above for positions, a compass for directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sslbench.figures.style import new_figure, save
from sslbench.geometry import azimuth_elevation
from sslbench.scene import Prediction, Recording, Tracks

__all__ = ["plot_prediction"]


def plot_prediction(path: Path, recording: Recording, prediction: Prediction) -> None:
    """Plot a prediction, with the microphones, into a PNG, SVG or PDF file.

    If the method maps the plane, its map is the background.

    Raises:
        UsageError: if matplotlib is not installed, or cannot write such a file.
        StoreError: if the file cannot be written.
    """
    figure = new_figure(5, 5)
    if recording.kind == "position":
        _plot_room(figure, recording, prediction)
    else:
        _plot_compass(figure, prediction.tracks)
    save(figure, path)


def _plot_room(figure: Any, recording: Recording, prediction: Prediction) -> None:
    tracks = prediction.tracks
    axes = figure.add_subplot(xlabel="x [m]", ylabel="y [m]", title=recording.id, aspect="equal")
    if recording.array.positions is not None:
        axes.scatter(*recording.array.positions[:, :2].T, marker="^", label="microphones")
    for index, name in enumerate(tracks.ids):
        xyz = tracks.xyz[tracks.active[:, index], index]
        axes.plot(*xyz[:, :2].T, "o", label=f"source {name}")
    if recording.region is not None:
        low, high = recording.region.low, recording.region.high
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        if prediction.likelihood is not None:
            extent = (low[0], high[0], low[1], high[1])
            axes.imshow(
                prediction.likelihood, extent=extent, origin="lower", cmap="Greys", zorder=0
            )
    figure.legend(loc="outside lower center", ncols=4)


def _plot_compass(figure: Any, tracks: Tracks) -> None:
    axes = figure.add_subplot(projection="polar")
    axes.set_title("azimuth around, elevation towards the centre", pad=20)
    axes.set_theta_zero_location("N")  # the front, +x, is up; the left, +y, is left
    axes.set(rlim=(0, 90), rticks=[30, 60, 90])
    axes.set_yticklabels(["60°", "30°", "0°"])
    for index, name in enumerate(tracks.ids):
        azimuth, elevation = azimuth_elevation(tracks.xyz[tracks.active[:, index], index])
        axes.plot(azimuth, 90 - np.degrees(np.abs(elevation)), "o", label=f"source {name}")
    figure.legend(loc="outside lower center", ncols=4)
