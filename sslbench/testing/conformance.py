"""What a plugin must do to work with the rest, tried on the smallest inputs there are.

Each check returns findings, in words; none means that the contract is kept. A check never stops
at the first fault, so that an author sees all of them at once.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from sslbench.contracts import Dataset, DatasetRequest, Method, Metric, Oracle, TrainableMethod
from sslbench.errors import MissingDataError, SslbenchError
from sslbench.geometry import Box
from sslbench.registry import PluginReport, Registry, load_target
from sslbench.scene import Kind, MicArray, Prediction, Recording, Scene, Tracks
from sslbench.specs import DatasetSpec, MethodSpec, MetricSpec, Parameter

__all__ = [
    "Finding",
    "check_dataset",
    "check_method",
    "check_metric",
    "check_plugin",
    "tiny_recording",
]


@dataclass(frozen=True)
class Finding:
    """One way in which something breaks its contract.

    Args:
        subject: name of the method, data set, metric or plugin.
        fault: what is wrong, in words.
    """

    subject: str
    fault: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.fault}"


def check_plugin(registry: Registry, report: PluginReport) -> list[Finding]:
    """Check all that a plugin offers, and how it was loaded."""
    findings = [Finding(report.name, fault) for fault in (report.error, *report.warnings) if fault]
    for name in report.offers.get("methods", ()):
        findings += check_method(registry.find(MethodSpec, name).spec)
    for name in report.offers.get("datasets", ()):
        faults: list[str] = []
        root = None
        with _noted(faults, "its folder cannot be looked for"):
            root = registry.locate_data(name)
        findings += [Finding(name, fault) for fault in faults]
        findings += check_dataset(registry.find(DatasetSpec, name).spec, root)
    for name in report.offers.get("metrics", ()):
        findings += check_metric(registry.find(MetricSpec, name).spec)
    return findings


def tiny_recording(kind: Kind, channels: int = 6, frames: int = 3) -> Recording:
    """Return half a second of noise from one source, delayed to whole samples, in a 4 m room.

    Args:
        kind: what is asked for.
        channels: of an array spread over the room for positions, within 10 cm for directions.
        frames: times at which an answer is asked for.
    """
    rng = np.random.default_rng(0)
    spread = 2.0 if kind == "position" else 0.05
    mics = 2.0 + rng.uniform(-spread, spread, (channels, 3)) * [1, 1, 0.5]
    source = np.array([1.0, 1.5, 1.2])
    delays = np.round(np.linalg.norm(mics - source, axis=1) / 343 * 16000).astype(int)
    signal = rng.standard_normal(8000 + delays.max())
    audio = np.stack([signal[delays.max() - d :][:8000] for d in delays]).astype(np.float32)
    return Recording(
        id="tiny",
        audio=audio,
        sample_rate=16000,
        array=MicArray(mics),
        times=np.linspace(0.1, 0.4, frames),
        kind=kind,
        frame=0.128,
        region=Box((0, 0, 0), (4, 4, 4)) if kind == "position" else None,
    )


def check_method(spec: MethodSpec) -> list[Finding]:
    """Check that a method keeps its contract on a tiny recording, on silence, and twice alike."""
    faults = list(_parameter_faults(spec.parameters))
    method: Any = None
    with _noted(faults, "cannot be made with its defaults"):
        method = load_target(spec.target, spec.name)(**_defaults(spec.parameters))
    if method is not None:
        promised = Oracle if spec.oracle else TrainableMethod if spec.trainable else Method
        if not isinstance(method, promised):
            faults.append(f"{spec.target} is no {promised.__name__}, as its spec promises")
        elif not isinstance(method, TrainableMethod):
            for kind in spec.outputs:
                faults += _answer_faults(method, kind, max(6, spec.min_channels))
    return [Finding(spec.name, fault) for fault in faults]


def _answer_faults(method: Method | Oracle, kind: Kind, channels: int) -> list[str]:
    faults: list[str] = []
    recording = tiny_recording(kind, channels)
    silence = replace(recording, audio=np.zeros_like(recording.audio))
    answers: list[Prediction] = []
    with _noted(faults, f"fails on a tiny recording that asks for a {kind}"):
        answers = [_ask(method, recording), _ask(method, recording)]
    wrong = [fault for answer in answers[:1] for fault in _type_faults(answer)]
    if wrong:
        return wrong
    with _noted(faults, "fails on silence, where it should give no track"):
        faults += [f"{fault} on silence" for fault in _type_faults(_ask(method, silence))]
    if answers and not any(_type_faults(answers[1])):
        tracks = answers[0].tracks
        if tracks.kind != kind:
            faults.append(f"answers a {tracks.kind} where a {kind} is asked for")
        if not np.array_equal(tracks.times, recording.times):
            faults.append("answers at other times than it is asked for")
        again = answers[1].tracks.xyz
        if not np.array_equal(tracks.xyz, again, equal_nan=True):
            faults.append("answers differently when it is asked the same again")
    return faults


def _type_faults(answer: object) -> Iterator[str]:
    if not isinstance(answer, Prediction):
        yield f"answers {_what(answer)}, not a Prediction"
        return
    tracks: Any = answer.tracks
    if not isinstance(tracks, Tracks):
        yield f"answers a Prediction of {_what(tracks)}, not of Tracks"


def _what(value: object) -> str:
    return "None" if value is None else f"an object of type {type(value).__name__}"


def _ask(method: Method | Oracle, recording: Recording) -> Prediction:
    if isinstance(method, Oracle):
        place = [1.0, 1.5, 1.2] if recording.kind == "position" else [1.0, 0.0, 0.0]
        return method.locate(Scene(recording, Prediction(Tracks.still(recording, place))))
    return method.locate(recording)


def check_dataset(spec: DatasetSpec, root: Path | None = None) -> list[Finding]:
    """Check the smoke scale of every split of a data set; one that is not here is left alone."""
    faults = list(_parameter_faults(spec.parameters))
    if spec.default_split not in spec.splits:
        faults.append(f"its default split {spec.default_split!r} is none of its splits")
    with tempfile.TemporaryDirectory() as cache:
        for split in spec.splits:
            request = DatasetRequest(split, "smoke", _defaults(spec.parameters), root, Path(cache))
            with _noted(faults, f"split {split}"):
                dataset = load_target(spec.target, spec.name)(request)
                if isinstance(dataset, Dataset):
                    faults += _split_faults(dataset, spec)
                else:
                    faults.append(f"{spec.target} is no Dataset")
    return [Finding(spec.name, fault) for fault in faults]


def _split_faults(dataset: Dataset, spec: DatasetSpec) -> Iterator[str]:
    where = f"split {dataset.request.split}"
    if len(dataset) == 0:
        yield f"{where} has no scenes"
        return
    first, again = dataset.scene(0), dataset.scene(0)
    wrong = [*_scene_faults(first), *_scene_faults(again)]
    if wrong:
        yield f"{where}: scene 0 {wrong[0]}"
        return
    recording, truth = first.recording, first.truth.tracks
    if not np.array_equal(recording.audio, again.recording.audio):
        yield f"{where}: scene 0 sounds different the second time"
    if recording.kind != spec.kind or truth.kind != spec.kind:
        yield f"{where}: scene 0 asks for a {recording.kind}, its spec says {spec.kind}"
    if not np.array_equal(truth.times, recording.times):
        yield f"{where}: the truth of scene 0 is at other times than the recording asks for"
    name, alone = dataset.truth(0)
    if name != recording.id or not np.array_equal(alone.tracks.xyz, truth.xyz, equal_nan=True):
        yield f"{where}: truth(0) differs from scene(0).truth"
    if not re.fullmatch("[0-9a-f]{64}", str(dataset.fingerprint())):
        yield f"{where}: its fingerprint is no SHA-256 in hexadecimal"
    ids = [dataset.truth(index)[0] for index in range(len(dataset))]
    if len(set(ids)) < len(ids):
        yield f"{where}: two scenes have one id"


def _scene_faults(scene: object) -> Iterator[str]:
    if not isinstance(scene, Scene):
        yield f"is {_what(scene)}, not a Scene"
        return
    recording: Any = scene.recording
    truth: Any = scene.truth
    if not isinstance(recording, Recording) or not isinstance(truth, Prediction):
        held = f"{_what(recording)} and {_what(truth)}"
        yield f"is a Scene of {held}, not of a Recording and a Prediction"


def check_metric(spec: MetricSpec) -> list[Finding]:
    """Check that a metric gives a number where it should, and NaN where nothing is defined."""
    faults: list[str] = []
    metric: Any = None
    with _noted(faults, "cannot be made"):
        metric = load_target(spec.target, spec.name)()
    if metric is not None and not isinstance(metric, Metric):
        faults.append(f"{spec.target} gives no Metric")
    elif metric is not None:
        for kind in spec.kinds:
            faults += _metric_faults(metric, kind)
    return [Finding(spec.name, fault) for fault in faults]


def _metric_faults(metric: Metric, kind: Kind) -> list[str]:
    faults: list[str] = []
    truth = Tracks.still(tiny_recording(kind), [0.6, 0.0, 0.8])
    absent = Tracks.of(truth.times, np.full(truth.xyz.shape, np.nan), kind)
    with _noted(faults, f"fails on a perfect answer of {kind}s"):
        rows: Any = metric.components(truth, truth)
        if not isinstance(rows, np.ndarray):
            return [f"components gives {_what(rows)}, not a numpy array"]
        if rows.ndim != 2:
            faults.append(f"components have shape {rows.shape}, not (rows, columns)")
        value: Any = metric.value(rows)
        if not isinstance(value, Real):
            return [*faults, f"its value is {_what(value)}, not a number"]
        if not np.isfinite(float(value)):
            faults.append("gives no number for a perfect answer")
    for prediction, reality, what in ((absent, truth, "no answer"), (truth, absent, "no truth")):
        with _noted(faults, f"fails where there is {what}, instead of giving NaN or a number"):
            metric.value(metric.components(prediction, reality))
    return faults


def _defaults(parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    return {parameter.name: parameter.default for parameter in parameters}


def _parameter_faults(parameters: tuple[Parameter, ...]) -> Iterator[str]:
    for parameter in parameters:
        if not parameter.name.isidentifier():
            yield f"parameter {parameter.name!r} is no identifier"
        try:
            parameter.check(parameter.default)
        except SslbenchError as error:
            yield f"the default of {parameter.name} is refused: {error.what}"


@contextmanager
def _noted(faults: list[str], what: str) -> Iterator[None]:
    try:
        yield
    except MissingDataError:
        return  # data that is not on this machine is no fault of the plugin
    except (Exception, SystemExit) as error:  # noqa: BLE001  # the fault is what is looked for
        faults.append(f"{what}: {type(error).__name__}: {error}")
