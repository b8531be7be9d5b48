"""Answers and truths to try metrics on, and metrics by the label that a protocol gives them."""

import numpy as np

from sslbench.metrics import sslbench_metrics
from sslbench.registry import load_target
from sslbench.scene import Tracks
from sslbench.selection import choices, parse

SPECS = {spec.name: spec for spec in sslbench_metrics()}


def make(label):
    """Return a metric of sslbench as a protocol names it: `mota[gate=20deg]`."""
    selection = parse(label)
    spec = SPECS[selection.pattern]
    (choice,) = choices(spec, selection)
    return load_target(spec.target, label)(**choice.params)


def unit(xyz):
    return xyz / np.linalg.norm(xyz, axis=-1, keepdims=True)


def single_source(seed=0, frames=200, kind="position", missing=0.2):
    """Return answer and truth of one source, some frames unanswered, as tracks and arrays."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(frames, 3))
    answer = truth + rng.normal(size=(frames, 3)) * rng.exponential(size=(frames, 1))
    if kind == "direction":
        truth, answer = unit(truth), unit(answer)
    answer[rng.random(frames) < missing] = np.nan
    times = np.arange(frames)
    return (
        Tracks.of(times, answer[:, None], kind),
        Tracks.of(times, truth[:, None], kind),
        answer,
        truth,
    )


def several_sources(seed, kind="position", frames=12, sources=3, answers=3):
    """Return answer and truth of sources that come and go, some answers far off."""
    rng = np.random.default_rng(seed)
    truth = np.cumsum(0.1 * rng.normal(size=(frames, sources, 3)), axis=0)
    truth += rng.normal(size=(1, sources, 3))
    answer = rng.normal(size=(frames, answers, 3))
    shared = min(sources, answers)
    near = rng.random((frames, shared, 1)) < 0.8
    close = truth[:, :shared] + 0.1 * rng.normal(size=(frames, shared, 3))
    answer[:, :shared] = np.where(near, close, answer[:, :shared])
    times = 0.1 * np.arange(frames)
    if kind == "direction":
        truth, answer = unit(truth), unit(answer)
    return (
        Tracks.of(times, answer, kind, rng.random((frames, answers)) < 0.8),
        Tracks.of(times, truth, kind, rng.random((frames, sources)) < 0.7),
    )
