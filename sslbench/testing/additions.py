"""Checks of what is added to a data set or a method by ``+``: alterations and trackers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sslbench.array_types import Floats
from sslbench.contracts import Alteration, Dataset, DatasetRequest, Incompatible, Tracker
from sslbench.registry import load_target
from sslbench.scene import Kind, Prediction, Scene, Tracks
from sslbench.specs import AlterationSpec, TrackerSpec
from sslbench.testing.recordings import tiny_recording
from sslbench.testing.violations import (
    Violation,
    collect_errors,
    defaults,
    described,
    parameter_messages,
    violations,
)

__all__ = ["check_alteration", "check_tracker"]

KINDS: tuple[Kind, ...] = ("position", "direction")


class _TinyDataset(Dataset):
    """Three recordings of the same array, each with one source and a reference microphone."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(DatasetRequest("test", "smoke", {}, None, Path()))
        self.kind = kind

    def __len__(self) -> int:
        return 3

    def scene(self, index: int) -> Scene:
        recording = tiny_recording(self.kind)
        source = np.array([0.6, 0.0, 0.8]) if self.kind == "direction" else [1.0 + index, 1.5, 1.2]
        recording = replace(recording, id=f"tiny-{index}", reference=recording.audio[0])
        return Scene(recording, Prediction(Tracks.still(recording, source)))

    def fingerprint(self) -> str:
        return self.kind


def check_alteration(spec: AlterationSpec) -> list[Violation]:
    """Check that an alteration returns scenes, the same for the same seed, with their truth."""
    messages = list(parameter_messages(spec.parameters))
    alteration: Any = None
    with collect_errors(messages, "cannot be constructed with its default parameters"):
        alteration = load_target(spec.target, spec.name)(**defaults(spec.parameters))
    if alteration is not None and not isinstance(alteration, Alteration):
        messages.append(f"{spec.target} is not an Alteration")
    elif alteration is not None:
        for kind in KINDS:
            with collect_errors(messages, f"fails on a recording that requests a {kind}"):
                messages += _alteration_messages(alteration, _TinyDataset(kind))
    return violations(spec.name, messages)


def _alteration_messages(alteration: Alteration, inner: Dataset) -> Iterator[str]:
    before = inner.scene(0).recording.audio.copy()
    try:
        scenes: list[Any] = [alteration.scene(inner, 0, np.random.default_rng(0)) for _ in range(2)]
    except Incompatible:
        return
    for scene in scenes:
        if not isinstance(scene, Scene):
            yield f"returns {described(scene)}, not a Scene"
            return
    first, second = scenes
    if not np.array_equal(first.recording.audio, second.recording.audio):
        yield "returns different audio for the same random numbers"
    if not np.array_equal(first.truth.tracks.times, first.recording.times):
        yield "returns a ground truth with other times than the recording"
    if not np.array_equal(before, inner.scene(0).recording.audio):
        yield "changes the audio of the inner data set in place"
    name, truth = alteration.truth(inner, 0, np.random.default_rng(0))
    if name != first.recording.id:
        yield f"truth names the recording {name!r}, scene {first.recording.id!r}"
    if not np.array_equal(truth.tracks.xyz, first.truth.tracks.xyz, equal_nan=True):
        yield "truth returns other sources than scene"


def check_tracker(spec: TrackerSpec) -> list[Violation]:
    """Check a tracker on two sources with gaps, and without any detection."""
    messages = list(parameter_messages(spec.parameters))
    tracker: Any = None
    with collect_errors(messages, "cannot be constructed with its default parameters"):
        tracker = load_target(spec.target, spec.name)(**defaults(spec.parameters))
    if tracker is not None and not isinstance(tracker, Tracker):
        messages.append(f"{spec.target} is not a Tracker")
    elif tracker is not None:
        for kind in KINDS:
            detections = _two_sources(kind)
            with collect_errors(messages, f"fails on detections of {kind}s"):
                messages += _tracker_messages(tracker, detections)
            nothing = np.full(detections.xyz.shape, np.nan)
            with collect_errors(messages, f"fails without detections of {kind}s"):
                messages += _tracker_messages(tracker, Tracks.of(detections.times, nothing, kind))
    return violations(spec.name, messages)


def _two_sources(kind: Kind, frames: int = 20) -> Tracks:
    """Return detections of two sources that stand still, with gaps and in changing columns."""
    xyz: Floats = np.tile([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], (frames, 1, 1))
    xyz[1::2] = xyz[1::2, ::-1]
    xyz[5, 0] = xyz[11] = np.nan
    return Tracks.of(np.arange(frames) * 0.1, xyz, kind)


def _tracker_messages(tracker: Tracker, detections: Tracks) -> Iterator[str]:
    results: list[Any] = [tracker.track(detections, 2) for _ in range(2)]
    for tracks in results:
        if not isinstance(tracks, Tracks):
            yield f"returns {described(tracks)}, not Tracks"
            return
    first, second = results
    if first.kind != detections.kind:
        yield f"returns a {first.kind} for detections of {detections.kind}s"
    if not np.array_equal(first.times, detections.times):
        yield "returns tracks at other times than the detections"
        return
    if (first.active.sum(axis=1) > 2).any():
        yield "returns more tracks at once than max_sources"
    if not np.array_equal(first.xyz, second.xyz, equal_nan=True):
        yield "returns different tracks when it is run twice on the same detections"
