"""Checks that plugins fulfil their contracts, on the smallest possible inputs.

Each check returns a list of violations; an empty list means that the contract is fulfilled. A check
continues after a violation where possible, so that authors see all violations at once.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from sslbench.contracts import Dataset, DatasetRequest, Method, Metric, Oracle, TrainableMethod
from sslbench.errors import UsageError
from sslbench.registry import PluginReport, Registry, load_target
from sslbench.running.shipped import ready_shipped, shipped_choice
from sslbench.scene import Kind, Prediction, Recording, Scene, Tracks
from sslbench.selection import choose
from sslbench.specs import AlterationSpec, DatasetSpec, MethodSpec, MetricSpec, TrackerSpec
from sslbench.testing.additions import check_alteration, check_tracker
from sslbench.testing.recordings import tiny_recording
from sslbench.testing.violations import (
    Violation,
    collect_errors,
    defaults,
    described,
    parameter_messages,
    violations,
)

__all__ = ["check_dataset", "check_method", "check_metric", "check_plugin"]


def check_plugin(registry: Registry, report: PluginReport) -> list[Violation]:
    """Check how a plugin was loaded, and everything that it offers."""
    messages = [message for message in (report.error, *report.warnings) if message]
    found = violations(report.name, messages)
    for name in report.offers.get("methods", ()):
        found += check_method(registry.find(MethodSpec, name).spec)
    for name in report.offers.get("datasets", ()):
        messages, root = [], None
        with collect_errors(messages, "locating its data failed"):
            root = registry.locate_data(name)
        found += violations(name, messages)
        found += check_dataset(registry.find(DatasetSpec, name).spec, root)
    for name in report.offers.get("metrics", ()):
        found += check_metric(registry.find(MetricSpec, name).spec)
    for name in report.offers.get("alterations", ()):
        found += check_alteration(registry.find(AlterationSpec, name).spec)
    for name in report.offers.get("trackers", ()):
        found += check_tracker(registry.find(TrackerSpec, name).spec)
    return found


def check_method(spec: MethodSpec) -> list[Violation]:
    """Check a method on noise and on silence, and that its estimates are deterministic.

    A method that is trainable, or needs a part, is run with the weights that it comes with. Without
    any it is constructed but not run, since it would have to be trained first.
    """
    messages = list(parameter_messages(spec.parameters))
    method: Any = None
    with collect_errors(messages, "cannot be constructed with its default parameters"):
        method = load_target(spec.target, spec.name)(**defaults(spec.parameters))
    if method is not None:
        declared = Oracle if spec.oracle else TrainableMethod if spec.trainable else Method
        if not isinstance(method, declared):
            messages.append(f"{spec.target} is not a {declared.__name__}, as its spec declares")
            method = None
    if method is not None and spec.learns(defaults(spec.parameters)):
        method = None  # it cannot be run untrained
        with collect_errors(messages, "cannot be used with the weights that it comes with"):
            method = _with_shipped_weights(spec)
    if method is not None:
        for kind in spec.outputs:
            messages += _method_messages(method, kind, max(6, spec.min_channels))
    return violations(spec.name, messages)


def _with_shipped_weights(spec: MethodSpec) -> Method | None:
    try:
        choice = shipped_choice(spec, choose(spec, {}))
    except UsageError:
        return None
    return ready_shipped(spec, choice)


def _method_messages(method: Method | Oracle, kind: Kind, channels: int) -> list[str]:
    messages: list[str] = []
    recording = tiny_recording(kind, channels)
    predictions: list[Prediction] = []
    with collect_errors(messages, f"fails on a recording that requests a {kind}"):
        predictions = [_run(method, recording), _run(method, recording)]
    type_messages = [m for prediction in predictions[:1] for m in _type_messages(prediction)]
    if type_messages:
        return type_messages
    silence = replace(recording, audio=np.zeros_like(recording.audio))
    with collect_errors(messages, "fails on silence, instead of detecting no source"):
        messages += [f"{m} for silence" for m in _type_messages(_run(method, silence))]
    if predictions and not any(_type_messages(predictions[1])):
        messages += _track_messages(predictions[0].tracks, predictions[1].tracks, recording)
    return messages


def _track_messages(first: Tracks, second: Tracks, recording: Recording) -> Iterator[str]:
    if first.kind != recording.kind:
        yield f"returns a {first.kind} where a {recording.kind} is requested"
    if not np.array_equal(first.times, recording.times):
        yield "returns tracks at other times than those of the recording"
    if not np.array_equal(first.xyz, second.xyz, equal_nan=True):
        yield "returns different estimates when it is run twice on the same recording"


def _type_messages(prediction: object) -> Iterator[str]:
    if not isinstance(prediction, Prediction):
        yield f"returns {described(prediction)}, not a Prediction"
        return
    tracks: Any = prediction.tracks
    if not isinstance(tracks, Tracks):
        yield f"returns a Prediction whose tracks are {described(tracks)}, not Tracks"


def _run(method: Method | Oracle, recording: Recording) -> Prediction:
    if isinstance(method, Oracle):
        source = [1.0, 1.5, 1.2] if recording.kind == "position" else [1.0, 0.0, 0.0]
        return method.locate(Scene(recording, Prediction(Tracks.still(recording, source))))
    return method.locate(recording)


def check_dataset(spec: DatasetSpec, root: Path | None = None) -> list[Violation]:
    """Check all splits of a data set at smoke scale; skip data that is not installed.

    Args:
        spec: spec of the data set.
        root: folder of the data on this machine; None for simulated data.
    """
    messages = list(parameter_messages(spec.parameters))
    if spec.default_split not in spec.splits:
        messages.append(f"the default split {spec.default_split!r} is not one of its splits")
    with tempfile.TemporaryDirectory() as cache:
        for split in spec.splits:
            request = DatasetRequest(split, "smoke", defaults(spec.parameters), root, Path(cache))
            with collect_errors(messages, f"split {split}"):
                dataset = load_target(spec.target, spec.name)(request)
                if isinstance(dataset, Dataset):
                    messages += _split_messages(dataset, spec)
                else:
                    messages.append(f"{spec.target} is not a Dataset")
    return violations(spec.name, messages)


def _split_messages(dataset: Dataset, spec: DatasetSpec) -> Iterator[str]:
    where = f"split {dataset.request.split}"
    if len(dataset) == 0:
        yield f"{where} has no scenes"
        return
    first, second = dataset.scene(0), dataset.scene(0)
    type_messages = [*_scene_type_messages(first), *_scene_type_messages(second)]
    if type_messages:
        yield f"{where}: scene 0 {type_messages[0]}"
        return
    yield from (f"{where}: {message}" for message in _scene_messages(dataset, spec, first, second))
    if not re.fullmatch("[0-9a-f]{64}", str(dataset.fingerprint())):
        yield f"{where}: the fingerprint is not a hexadecimal SHA-256"
    ids = [dataset.truth(index)[0] for index in range(len(dataset))]
    if len(set(ids)) < len(ids):
        yield f"{where}: two scenes have the same id"


def _scene_messages(
    dataset: Dataset, spec: DatasetSpec, first: Scene, second: Scene
) -> Iterator[str]:
    recording, truth = first.recording, first.truth.tracks
    if not np.array_equal(recording.audio, second.recording.audio):
        yield "the audio of scene 0 differs between two calls"
    if recording.kind != spec.kind or truth.kind != spec.kind:
        yield f"scene 0 requests a {recording.kind}, but the spec declares a {spec.kind}"
    if not np.array_equal(truth.times, recording.times):
        yield "the ground truth of scene 0 has other times than its recording"
    recording_id, alone = dataset.truth(0)
    if recording_id != recording.id or not np.array_equal(
        alone.tracks.xyz, truth.xyz, equal_nan=True
    ):
        yield "truth(0) differs from the ground truth of scene(0)"


def _scene_type_messages(scene: object) -> Iterator[str]:
    if not isinstance(scene, Scene):
        yield f"is {described(scene)}, not a Scene"
        return
    recording: Any = scene.recording
    truth: Any = scene.truth
    if not isinstance(recording, Recording) or not isinstance(truth, Prediction):
        content = f"{described(recording)} and {described(truth)}"
        yield f"is a Scene of {content}, not of a Recording and a Prediction"


def check_metric(spec: MetricSpec) -> list[Violation]:
    """Check a metric on perfect predictions, without detections and without active sources."""
    messages: list[str] = []
    metric: Any = None
    with collect_errors(messages, "cannot be constructed"):
        metric = load_target(spec.target, spec.name)()
    if metric is not None and not isinstance(metric, Metric):
        messages.append(f"{spec.target} does not return a Metric")
    elif metric is not None:
        for kind in spec.kinds:
            messages += _metric_messages(metric, kind)
    return violations(spec.name, messages)


def _metric_messages(metric: Metric, kind: Kind) -> list[str]:
    messages: list[str] = []
    source = Tracks.still(tiny_recording(kind), [0.6, 0.0, 0.8])
    nothing = Tracks.of(source.times, np.full(source.xyz.shape, np.nan), kind)
    with collect_errors(messages, f"fails on perfect predictions of {kind}s"):
        rows: Any = metric.components(source, source)
        if not isinstance(rows, np.ndarray):
            return [f"components returns {described(rows)}, not a numpy array"]
        if rows.ndim != 2:
            messages.append(
                f"components returns an array of shape {rows.shape}, not (rows, columns)"
            )
        value: Any = metric.value(rows)
        if not isinstance(value, Real):
            return [*messages, f"value returns {described(value)}, not a number"]
        if not np.isfinite(float(value)):
            messages.append("value returns NaN or infinity for perfect predictions")
    with collect_errors(messages, "fails without detections, instead of returning a number or NaN"):
        metric.value(metric.components(nothing, source))
    with collect_errors(messages, "fails without sources, instead of returning a number or NaN"):
        metric.value(metric.components(source, nothing))
    return messages
