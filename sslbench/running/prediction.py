"""The predict stage: let a method, and the trackers after it, localize the sources of a split.

The predictions are stored under a key that identifies everything that they depend on (`keys`), and
found again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sslbench.cell import Cell, Choice
from sslbench.contracts import Dataset, Incompatible, Method, Oracle, Tracker
from sslbench.errors import FormatError
from sslbench.registry import call_hooks, load_class
from sslbench.results.predictions import dump_and_reload, read_predictions
from sslbench.results.stages import PREDICTIONS, PredictedStage
from sslbench.running.compatibility import recording_incompatibility
from sslbench.running.environment import environment, source
from sslbench.running.inference import as_cell_error, check_request, run_inference
from sslbench.running.keys import detection_key, prediction_key
from sslbench.running.session import Session
from sslbench.running.training import Report, ready_method, training_facts
from sslbench.scene import Prediction
from sslbench.specs import MethodSpec, TrackerSpec

__all__ = ["Stored", "open_tracker", "predict"]


@dataclass(frozen=True, eq=False)
class Stored:
    """Predictions in the store.

    Args:
        path: of the predictions file.
        predictions: its content, by recording id.
        left: what was measured.
        reused: whether they were in the store already.
    """

    path: Path
    predictions: Mapping[str, Prediction]
    left: PredictedStage
    reused: bool = False


def predict(session: Session, cell: Cell, report: Report) -> Stored:
    """Let a cell's method localize the sources of every recording, or find its predictions.

    Raises:
        Incompatible: if the method cannot process such recordings.
        DataError: if a recording cannot be read.
        CellError: if the method fails, or returns something other than requested.
    """
    if cell.method.additions:
        return _track(session, cell, report)
    key = detection_key(session, cell)
    with session.store.lock(key):
        found = None if session.fresh else _stored(session, key, reused=True)
        return found or _infer(session, cell, key, report)


def _infer(session: Session, cell: Cell, key: str, report: Report) -> Stored:
    spec = session.method_spec(cell.method)
    dataset = session.dataset(cell.dataset, cell.split, cell.scale)
    _check_first(spec, dataset)
    method = ready_method(session, cell, report)
    made = run_inference(cell, spec, method, dataset)
    left = PredictedStage(
        cell=str(cell),
        infer_s=made.seconds,
        audio_s=made.audio_s,
        peak_vram_mb=made.peak_vram_mb,
        parameters=_parameter_count(method),
        warnings=list(made.warnings.values()),
        **training_facts(session, cell),
        **_provenance(session),
    )
    return _put(session, key, left, made.predictions)


def _check_first(spec: MethodSpec, dataset: Dataset) -> None:
    """Raise `Incompatible` before hours of training, if the recordings do not fit the method."""
    if len(dataset):
        recording = dataset.window(0, slice(0, 1)).recording
        if reason := recording_incompatibility(spec, recording):
            raise Incompatible(reason)


def _parameter_count(method: Method | Oracle) -> int:
    if isinstance(method, Oracle):
        return 0
    return method.parameter_count + sum(part.parameter_count for part in method.parts.values())


def _provenance(session: Session) -> dict[str, Any]:
    # Taken when predictions are made: scoring may be done later, by other code.
    return {
        "environment": environment(call_hooks(session.registry, "sslbench_provenance")),
        "source": source(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _track(session: Session, cell: Cell, report: Report) -> Stored:
    *before, last = cell.method.additions
    detector = replace(cell, method=replace(cell.method, additions=tuple(before)))
    detected = predict(session, detector, report)
    key = prediction_key(session, cell)
    with session.store.lock(key):
        found = None if session.fresh else _stored(session, key, reused=detected.reused)
        if found is not None:
            return found
        tracker = open_tracker(session, last)
        requests = session.ground_truth(cell).requests
        predictions = {}
        started = time.perf_counter()
        with as_cell_error(cell, "while tracking"):
            for name, detections in detected.predictions.items():
                tracks = tracker.track(detections.tracks, requests[name].max_sources)
                predictions[name] = replace(detections, tracks=tracks)
                check_request(requests[name], predictions[name], name)
        seconds = detected.left.infer_s + time.perf_counter() - started
        left = detected.left.model_copy(
            update={"cell": str(cell), "infer_s": seconds, **_provenance(session)}
        )
        return _put(session, key, left, predictions)


def open_tracker(session: Session, addition: Choice) -> Tracker:
    """Construct a tracker with its parameters.

    Raises:
        BrokenPluginError: if its class cannot be imported or is no `Tracker`.
    """
    offer = session.registry.find(TrackerSpec, addition.name)
    return load_class(offer.spec.target, Tracker, str(offer), **addition.params)


def _put(
    session: Session, key: str, left: PredictedStage, predictions: Mapping[str, Prediction]
) -> Stored:
    data, read_again = dump_and_reload(predictions)

    def fill(folder: Path) -> None:
        (folder / PREDICTIONS).write_bytes(data)

    path = session.store.put("predict", key, left, fill) / PREDICTIONS
    return Stored(path, read_again, left)


def _stored(session: Session, key: str, *, reused: bool) -> Stored | None:
    left = session.store.find("predict", key, PredictedStage)
    path = session.store.folder("predict", key) / PREDICTIONS
    if left is None:
        return None
    try:
        return Stored(path, read_predictions(path), left, reused)
    except FormatError:
        return None
