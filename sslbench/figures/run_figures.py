"""Figures of runs, as in the papers: error distributions, curves, trajectories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from sslbench.array_types import Floats
from sslbench.errors import UsageError
from sslbench.figures.style import line_styles, new_figure, show_legend
from sslbench.geometry import azimuth_elevation
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.resolution import f1_curve
from sslbench.results.record import MetricEntry, RunRecord
from sslbench.running.scoring import OpenRun
from sslbench.scene import Kind, MicArray, Tracks
from sslbench.scoring.frame_table import error_curve, frame_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "FigureOptions", "draw"]

LARGEST_ERROR: Mapping[Kind, float] = MappingProxyType({"position": 3.0, "direction": 90.0})
"""Ends of the axes of errors, in metres and degrees: where capped errors end."""

LARGEST_RADIUS: Mapping[Kind, float] = MappingProxyType({"position": 1.0, "direction": 30.0})

COORDINATES: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        "position": ("x [m]", "y [m]", "z [m]"),
        "direction": ("azimuth [degrees]", "elevation [degrees]"),
    }
)

ANGLES = {"azimuth [degrees]": 180, "elevation [degrees]": 90}
"""Ends of the axes of angles."""

UNITS: Mapping[Kind, str] = MappingProxyType({"position": "m", "direction": "degrees"})


@dataclass(frozen=True)
class FigureOptions:
    """What a figure shows besides its runs.

    Args:
        condition: by which recordings are split (`conditions`).
        recording: id of the recording (`trajectory`, `room`); the first one if empty.
        median: frames of a moving median over the estimates (`room`); 1 for none.
        array: of a recording by its id (`room`).
    """

    condition: str = ""
    recording: str = ""
    median: int = 1
    array: Callable[[str], MicArray] | None = None


def draw(name: str, runs: Sequence[OpenRun], options: FigureOptions) -> Figure:
    """Draw one of `FIGURES`.

    Raises:
        UsageError: if the runs are of different kinds, or have not what the figure shows.
    """
    kinds = {run.record.dataset.kind for run in runs}
    if len(kinds) > 1:
        raise UsageError("some runs are of positions, others of directions")
    return FIGURES[name](runs, options)


def _learning_curves(runs: Sequence[OpenRun], options: FigureOptions) -> Figure:
    """Loss and validation value by epoch."""
    del options
    figure = new_figure(8.0, 4.0)
    loss, validation = figure.subplots(1, 2)
    loss.set(xlabel="epoch", ylabel="training loss")
    validation.set(xlabel="epoch", ylabel="value on validation scenes")
    curves = {label: run.record.method.curve for label, run in _labelled(runs)}
    if not any(curves.values()):
        raise UsageError("none of these runs has a learning curve")
    for (label, curve), style in zip(curves.items(), line_styles(len(curves)), strict=True):
        for axes, key in ((loss, "loss"), (validation, "validation")):
            points = [(each["epoch"], each[key]) for each in curve if each.get(key) is not None]
            if points:
                axes.plot(*zip(*points, strict=True), **style, label=label)
    for axes in (loss, validation):
        axes.xaxis.get_major_locator().set_params(integer=True)
    show_legend(figure)
    return figure


def _error_distribution(runs: Sequence[OpenRun], options: FigureOptions) -> Figure:
    """Share of the sources by their largest error (Berg et al. 2024, figure 6)."""
    del options

    def curve(run: OpenRun) -> tuple[Floats, Floats]:
        errors, shares = error_curve(frame_table(run.pairs))
        return np.append(0, errors), 100 * np.append(0, shares)

    steps = {"drawstyle": "steps-post"}
    labels = ("error", "sources with at most this error [%]")
    return _percent_curves(runs, curve, labels, LARGEST_ERROR, steps)


def _resolution(runs: Sequence[OpenRun], options: FigureOptions) -> Figure:
    """F1 score by the largest error of a hit (Le Moing et al. 2019)."""
    del options

    def curve(run: OpenRun) -> tuple[Floats, Floats]:
        radii = np.linspace(0, LARGEST_RADIUS[run.record.dataset.kind], 101)[1:]
        return radii, f1_curve(Corpus.of(list(run.pairs.values())), radii)

    return _percent_curves(runs, curve, ("resolution", "F1 score [%]"), LARGEST_RADIUS, {})


def _percent_curves(
    runs: Sequence[OpenRun],
    curve: Callable[[OpenRun], tuple[Floats, Floats]],
    labels: tuple[str, str],
    ends: Mapping[Kind, float],
    line: Mapping[str, Any],
) -> Figure:
    """Draw a curve of each run, in % by a distance from 0 to the end of its kind."""
    kind = runs[0].record.dataset.kind
    figure = new_figure()
    axes = figure.subplots()
    for (label, run), style in zip(_labelled(runs), line_styles(len(runs)), strict=True):
        axes.plot(*curve(run), **style, **line, label=label)
    across, up = labels
    axes.set(xlabel=f"{across} [{UNITS[kind]}]", ylabel=up, xlim=(0, ends[kind]), ylim=(0, 100))
    show_legend(figure)
    return figure


def _conditions(runs: Sequence[OpenRun], options: FigureOptions) -> Figure:
    """Primary metric by a condition, with 95 % intervals (Berg et al. 2024, figure 3)."""
    figure = new_figure()
    axes = figure.subplots()
    bins = _bins(runs, options.condition)
    shift = np.linspace(-0.15, 0.15, len(runs)) if len(runs) > 1 else np.zeros(1)
    for number, (label, run) in enumerate(_labelled(runs)):
        found = _by_bin(run.record, options.condition)
        places = [place for place, name in enumerate(bins) if name in found]
        entries = [found[bins[place]] for place in places]
        values = np.array([entry.value for entry in entries], dtype=float)
        ends = np.array([entry.ci95 or (np.nan, np.nan) for entry in entries], dtype=float)
        below, above = np.abs(ends.T - values)
        style = line_styles(len(runs))[number]
        axes.errorbar(
            np.array(places) + shift[number],
            values,
            np.array([below, above]),
            color=style["color"],
            linestyle=style["linestyle"],
            marker="o",
            capsize=3,
            label=label,
        )
    axes.set_xticks(range(len(bins)), bins, rotation=20 if max(map(len, bins)) > 8 else 0)
    axes.set(xlabel=options.condition, ylabel=_primary_label(runs[0].record))
    axes.set_xlim(-0.5, len(bins) - 0.5)
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    show_legend(figure)
    return figure


def _bins(runs: Sequence[OpenRun], condition: str) -> list[str]:
    found = [list(run.record.by_condition.get(condition, {})) for run in runs]
    if not all(found):
        known = sorted(set.intersection(*(set(run.record.by_condition) for run in runs)))
        raise UsageError(
            f"these runs are not split by {condition!r}",
            expected="--by with one of " + ", ".join(known) if known else "runs with conditions",
        )
    return list(dict.fromkeys(name for each in found for name in each))


def _by_bin(record: RunRecord, condition: str) -> dict[str, MetricEntry]:
    bins = record.by_condition[condition]
    return {name: entries[0] for name, entries in bins.items() if entries}


def _primary_label(record: RunRecord) -> str:
    name = record.dataset.primary_metric
    entry = record.metric(name)
    return f"{name} [{entry.unit}]" if entry and entry.unit else name


def _trajectory(runs: Sequence[OpenRun], options: FigureOptions) -> Figure:
    """Coordinates by time beside the ground truth (Berg et al. 2024, figure 7)."""
    name = _recording(runs, options)
    names = COORDINATES[runs[0].record.dataset.kind]
    figure = new_figure(7.0, 2.0 * len(names) + 0.6)
    rows = figure.subplots(len(names), 1, sharex=True)
    for (label, run), style in zip(_labelled(runs), line_styles(len(runs)), strict=True):
        tracks = run.predictions[name].tracks
        for axes, values in zip(rows, _coordinates(tracks), strict=True):
            axes.plot(
                np.repeat(tracks.times, len(tracks.ids)),
                values.ravel(),
                marker=".",
                markersize=3,
                linestyle="",
                color=style["color"],
                label=label,
            )
    truth = runs[0].ground_truth.truth[name].tracks
    for axes, values, text in zip(rows, _coordinates(truth), names, strict=True):
        lines = axes.plot(truth.times, _unwrapped(values), color="black", linewidth=1)
        lines[0].set_label("ground truth")
        axes.set_ylabel(text)
        if text in ANGLES:
            axes.set_ylim(-ANGLES[text], ANGLES[text])
            axes.set_yticks(np.linspace(-ANGLES[text], ANGLES[text], 5))
    rows[-1].set(xlabel="time [s]")
    rows[0].set_title(f"{runs[0].record.dataset.label}, {name}")
    show_legend(figure)
    return figure


def _unwrapped(values: Floats) -> Floats:
    """Return values without those before which an angle jumps from 180 to -180 degrees."""
    jump = np.abs(np.diff(values, axis=0, prepend=values[:1])) > 180
    return np.where(jump, np.nan, values)


def _coordinates(tracks: Tracks) -> list[Floats]:
    """Return metres, or degrees of azimuth and elevation, each of shape (frames, tracks)."""
    xyz = np.where(tracks.active[..., None], tracks.xyz, np.nan)
    if tracks.kind == "position":
        return list(np.moveaxis(xyz, -1, 0))
    return [np.degrees(angle) for angle in azimuth_elevation(xyz)]


def _room(runs: Sequence[OpenRun], options: FigureOptions) -> Figure:
    """The room from above, with microphones and estimated ones (Berg et al. 2024, figure 1)."""
    name = _recording(runs, options)
    if runs[0].record.dataset.kind == "direction":
        raise UsageError("directions have no place in a room", hint="draw `trajectory` instead")
    figure = new_figure(5.5, 5.5)
    axes = figure.subplots()
    truth = runs[0].ground_truth.truth[name]
    # Positions of hidden microphones are not in the array, but in the ground truth.
    arrays = [options.array(name).positions] if options.array else []
    for positions in (*arrays, truth.microphones):
        if positions is not None:
            axes.scatter(*positions[:, :2].T, marker="^", color="0.6", label="microphones")
    for (label, run), style in zip(_labelled(runs), line_styles(len(runs)), strict=True):
        found = run.predictions[name]
        smooth = _moving_median(_visible(found.tracks), options.median)
        axes.plot(smooth[..., 0], smooth[..., 1], ".", color=style["color"], markersize=4)
        axes.lines[-1].set_label(label)
        if found.microphones is not None:
            axes.scatter(*found.microphones[:, :2].T, marker="x", color=style["color"])
    x, y, _ = _coordinates(truth.tracks)
    lines = axes.plot(x, y, color="black", linewidth=1, marker=".", markersize=3)
    lines[0].set_label("ground truth")
    axes.set(xlabel="x [m]", ylabel="y [m]", aspect="equal")
    axes.set_title(f"{runs[0].record.dataset.label}, {name}")
    show_legend(figure)
    return figure


def _visible(tracks: Tracks) -> Floats:
    return np.where(tracks.active[..., None], tracks.xyz, np.nan)


def _moving_median(xyz: Floats, frames: int) -> Floats:
    """Return the median over a centred window along time, of shape (frames, tracks, 3)."""
    if frames <= 1:
        return xyz
    half = frames // 2
    padded = np.pad(xyz, ((half, half), (0, 0), (0, 0)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=0)
    empty = np.asarray(np.isnan(windows).all(axis=-1))
    filled = np.where(empty[..., None], 0.0, windows)
    return np.where(empty, np.nan, np.nanmedian(filled, axis=-1))


def _recording(runs: Sequence[OpenRun], options: FigureOptions) -> str:
    """Return the id of the recording, which all runs must have."""
    common = [name for name in runs[0].predictions if all(name in run.predictions for run in runs)]
    name = options.recording or next(iter(common), "")
    if name not in common:
        shown = ", ".join(common[:5])
        raise UsageError(
            f"these runs have no recording {name!r} in common",
            expected=f"--recording with one of {shown}, ..." if common else "runs on the same data",
        )
    return name


def _labelled(runs: Sequence[OpenRun]) -> list[tuple[str, OpenRun]]:
    """Return runs with their names in the legend: as much as distinguishes them."""
    labels = [run.record.method.label for run in runs]
    distinctions: tuple[Callable[[RunRecord], str], ...] = (
        lambda record: record.dataset.label,
        lambda record: record.method.trained_on and f"trained on {record.method.trained_on}",
        lambda record: f"seed {record.seed}",
    )
    for text in distinctions:
        more = [text(run.record) for run in runs]
        if len(set(labels)) < len(labels) and len(set(more)) > 1:
            labels = [
                f"{label}, {each}" if each else label
                for label, each in zip(labels, more, strict=True)
            ]
    return list(zip(labels, runs, strict=True))


FIGURES: Mapping[str, Callable[[Sequence[OpenRun], FigureOptions], Figure]] = MappingProxyType(
    {
        "learning-curves": _learning_curves,
        "error-distribution": _error_distribution,
        "resolution": _resolution,
        "conditions": _conditions,
        "trajectory": _trajectory,
        "room": _room,
    }
)
"""The figures by name; their first lines are the help of `sslbench plot`."""
