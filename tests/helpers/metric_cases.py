"""Estimates and ground truth to test metrics with, and metrics by their label in a protocol."""

import numpy as np

from sslbench.metrics import sslbench_metrics
from sslbench.registry import load_target
from sslbench.scene import Tracks
from sslbench.selection import choices, parse

SPECS = {spec.name: spec for spec in sslbench_metrics()}


def make(label):
    """Return a metric of sslbench by its label in a protocol: `mota[gate=20deg]`."""
    item = parse(label).item
    spec = SPECS[item.pattern]
    (choice,) = choices(spec, item)
    return load_target(spec.target, label)(**choice.params)


def unit(xyz):
    return xyz / np.linalg.norm(xyz, axis=-1, keepdims=True)


def on_line(*tracks):
    """Return tracks on the x-axis, one list of places per track, None where it is inactive."""
    xyz = np.zeros((len(tracks[0]), len(tracks), 3))
    xyz[..., 0] = np.array(tracks, dtype=float).T
    return Tracks.of(np.arange(len(xyz)), np.where(np.isnan(xyz[..., :1]), np.nan, xyz), "position")


def pairwise_distance(first, second, kind):
    """Return metres or degrees between two sets of points, by numpy alone."""
    if kind == "position":
        return np.linalg.norm(first[:, None] - second, axis=-1)
    return np.degrees(np.arccos(np.clip(first @ second.T, -1, 1)))


def shuffled_turned_reversed(tracks, rng, turn):
    """Return tracks with columns shuffled, the room turned and time reversed."""
    order = rng.permutation(tracks.xyz.shape[1])
    xyz, active = tracks.xyz[::-1, order] @ turn, tracks.active[::-1, order]
    return Tracks.of(tracks.times, xyz, tracks.kind, active)


def reordered(tracks, xyz=None, order=slice(None)):
    """Return tracks at other places, or with their columns in another order."""
    places = tracks.xyz if xyz is None else xyz
    return Tracks.of(tracks.times, places[:, order], tracks.kind, tracks.active[:, order])


def walkers(rng, frames, sources=2):
    """Return estimates and ground truth of the directions of moving sources, for benchmarks.

    8 % of the estimates are missing, 5 % are gross errors, and tracks are swapped halfway.
    """
    shape = (frames, sources, 3)
    truth = rng.normal(size=(1, sources, 3)) + np.cumsum(0.02 * rng.normal(size=shape), axis=0)
    gross = rng.random((frames, sources, 1)) < 0.05
    estimate = np.where(gross, rng.normal(size=shape), truth + 0.1 * rng.normal(size=shape))
    estimate[frames // 2 :] = estimate[frames // 2 :, ::-1]
    times = 0.02 * np.arange(frames)
    return (
        Tracks.of(times, unit(estimate), "direction", rng.random(shape[:2]) < 0.92),
        Tracks.of(times, unit(truth), "direction", rng.random(shape[:2]) < 0.9),
    )


def single_source(seed=0, frames=200, kind="position", missing=0.2):
    """Return estimate and ground truth of one source, as tracks and as arrays.

    The estimate is missing in some frames.
    """
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(frames, 3))
    estimate = truth + rng.normal(size=(frames, 3)) * rng.exponential(size=(frames, 1))
    if kind == "direction":
        truth, estimate = unit(truth), unit(estimate)
    estimate[rng.random(frames) < missing] = np.nan
    times = np.arange(frames)
    return (
        Tracks.of(times, estimate[:, None], kind),
        Tracks.of(times, truth[:, None], kind),
        estimate,
        truth,
    )


def several_sources(seed, kind="position", frames=12, sources=3, estimates=3):
    """Return estimates and ground truth of intermittent sources; some estimates are far off."""
    rng = np.random.default_rng(seed)
    truth = np.cumsum(0.1 * rng.normal(size=(frames, sources, 3)), axis=0)
    truth += rng.normal(size=(1, sources, 3))
    estimate = rng.normal(size=(frames, estimates, 3))
    shared = min(sources, estimates)
    near = rng.random((frames, shared, 1)) < 0.8
    close = truth[:, :shared] + 0.1 * rng.normal(size=(frames, shared, 3))
    estimate[:, :shared] = np.where(near, close, estimate[:, :shared])
    times = 0.1 * np.arange(frames)
    if kind == "direction":
        truth, estimate = unit(truth), unit(estimate)
    return (
        Tracks.of(times, estimate, kind, rng.random((frames, estimates)) < 0.8),
        Tracks.of(times, truth, kind, rng.random((frames, sources)) < 0.7),
    )
