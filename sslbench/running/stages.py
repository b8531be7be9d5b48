"""The stages of a cell: train, predict, score. Each is done once and then found again.

A stage leaves files and a typed description in the store, under a key that identifies everything
that it depends on (`keys`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from sslbench.cache_keys import identity
from sslbench.cell import Cell, Choice, Training
from sslbench.contracts import (
    Dataset,
    DatasetRequest,
    EpochReport,
    Incompatible,
    Method,
    Oracle,
    Tracker,
    Trainable,
    TrainableMethod,
    TrainingContext,
)
from sslbench.datasets.windows import NoScenes
from sslbench.errors import FormatError
from sslbench.registry import call_hooks, load_class
from sslbench.results.predictions import dump_predictions, read_predictions
from sslbench.results.record import PartEntry, SourceEntry, TrainingEntry
from sslbench.results.store import Stage
from sslbench.running.cost import Stopwatch
from sslbench.running.environment import environment, source
from sslbench.running.inference import as_cell_error, check_request, run_inference
from sslbench.running.keys import (
    detection_key,
    part_key,
    part_params,
    parts_key,
    prediction_key,
    training_key,
)
from sslbench.running.records import addition_entries
from sslbench.running.session import Session
from sslbench.scene import Prediction
from sslbench.scoring.selection_metric import selection_metrics
from sslbench.specs import AlterationSpec, Part, TrackerSpec

__all__ = [
    "PredictedStage",
    "Report",
    "Stored",
    "TrainedStage",
    "open_tracker",
    "predict",
    "ready_method",
    "train",
]

Report = Callable[[EpochReport], None]

Left = TypeVar("Left", bound="_Left")

CHECKPOINT, PREDICTIONS = "checkpoint", "predictions.npz"
"""Names of what a stage leaves in its folder of the store."""


class _Left(BaseModel):
    """What a stage leaves besides its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainedStage(_Left):
    """What training leaves beside its checkpoint.

    Args:
        cell: in words.
        train_s: seconds of training, without what an interruption made it do twice.
        report: scores of its own on validation data.
        curve: what was reported after each epoch.
    """

    cell: str
    train_s: float
    report: dict[str, float]
    curve: list[dict[str, float | None]]


class PredictedStage(_Left):
    """What prediction leaves beside the predictions.

    Args:
        cell: in words.
        infer_s: seconds of inference.
        audio_s: seconds of audio that were processed.
        peak_vram_mb: largest memory on the GPU; None without one.
        parameters: learned parameters of the method, its parts included.
        warnings: what the method warned of.
        train_s: seconds of all trainings that led to it.
        training: the chain of trainings.
        parts: the parts that it used.
        curve: what was reported after each epoch of the last training.
        environment, source, created: when and where the predictions were made.
    """

    cell: str
    infer_s: float
    audio_s: float
    peak_vram_mb: float | None
    parameters: int
    warnings: list[str]
    train_s: float
    training: list[TrainingEntry]
    parts: list[PartEntry]
    curve: list[dict[str, float | None]]
    environment: dict[str, str]
    source: SourceEntry
    created: str


@dataclass(frozen=True)
class Stored:
    """Predictions in the store.

    Args:
        path: of the predictions file.
        left: what was measured.
        reused: whether they were in the store already.
    """

    path: Path
    left: PredictedStage
    reused: bool = False


def train(session: Session, training: Training, report: Report) -> TrainedStage:
    """Train a method, with everything that must be trained before, or find it in the store.

    Raises:
        Incompatible: if the data set has no splits to train on.
        CellError: if the method fails.
    """
    _check_splits(session, training)
    if training.start is not None:
        train(session, training.start, report)
    for part in _needed(session, training):
        _train_part(session, training, part, report)

    def make() -> Trainable:
        method = session.method(training.method)
        assert isinstance(method, TrainableMethod)
        method.parts = _loaded_parts(session, training)
        return method

    return _trained(session, training, None, make, report)


def _check_splits(session: Session, training: Training) -> None:
    spec = session.dataset_spec(training.data)
    if not spec.trains:
        raise Incompatible(
            f"{spec.name} has no splits to train {training.method.name} on; name another data set"
            " with --train-on"
        )


def _needed(session: Session, training: Training) -> tuple[Part, ...]:
    return session.method_spec(training.method).needed_parts(training.method.params)


def _train_part(session: Session, training: Training, part: Part, report: Report) -> TrainedStage:
    def make() -> Trainable:
        params = part_params(training.method, part)
        return load_class(part.target, Trainable, f"part {part.name}", **params)

    return _trained(session, training, part, make, report)


def _trained(
    session: Session,
    training: Training,
    part: Part | None,
    make: Callable[[], Trainable],
    report: Report,
) -> TrainedStage:
    """Train the method itself (`part` is None) or one of its parts, or find it in the store."""
    key = part_key(session, training, part) if part else training_key(session, training)
    with session.store.lock(key):
        known = _find(session, "train", key, TrainedStage)
        return known or _fit(session, key, training, part, make(), report)


def _fit(
    session: Session,
    key: str,
    training: Training,
    part: Part | None,
    learner: Trainable,
    report: Report,
) -> TrainedStage:
    curve: list[dict[str, float | None]] = []
    workspace = session.store.workspace(key)
    learner.device = session.device
    clock = Stopwatch(workspace / "seconds")

    def noted(each: EpochReport) -> None:
        clock.keep()
        curve.append({"epoch": each.epoch, **each.values})
        report(each)

    with as_cell_error(training, "while training"):
        learner.fit(
            _training_split(session, training, part, "train"),
            _training_split(session, training, part, "validation"),
            _context(session, training, part, workspace, noted),
        )
    left = TrainedStage(
        cell=str(training), train_s=clock.seconds, report=dict(learner.report), curve=curve
    )

    def fill(folder: Path) -> None:
        (folder / CHECKPOINT).mkdir()
        learner.save(folder / CHECKPOINT)

    session.store.put("train", key, left.model_dump(mode="json"), fill)
    session.store.forget_workspace(key)
    return left


def _training_split(session: Session, training: Training, part: Part | None, split: str) -> Dataset:
    if part is not None and part.data == "own":
        request = DatasetRequest(split, training.scale, {}, None, session.cache)
        return NoScenes(request)
    return session.dataset(training.data, split, training.scale)


def _context(
    session: Session, training: Training, part: Part | None, workspace: Path, report: Report
) -> TrainingContext:
    context = TrainingContext(
        seed=training.seed,
        scale=training.scale,
        workspace=workspace,
        report=report,
        device=session.device,
    )
    if part is not None:
        return context  # parts and the selection of the epoch belong to the method
    spec = session.method_spec(training.method)
    kind = session.dataset_spec(training.data).kind
    start = training.start
    return replace(
        context,
        start=_checkpoint(session, training_key(session, start)) if start else None,
        parts_key=parts_key(session, training),
        selection=selection_metrics(session.registry, spec.selection, kind),
    )


def _checkpoint(session: Session, key: str) -> Path:
    return session.store.folder("train", key) / CHECKPOINT


def _loaded_parts(session: Session, training: Training) -> Mapping[str, Trainable]:
    found = {}
    for part in _needed(session, training):
        params = part_params(training.method, part)
        loaded = load_class(part.target, Trainable, f"part {part.name}", **params)
        loaded.device = session.device
        loaded.load(_checkpoint(session, part_key(session, training, part)))
        found[part.name] = loaded
    return found


def ready_method(session: Session, cell: Cell, report: Report) -> Method | Oracle:
    """Return the method of a cell, trained and loaded if it learns.

    Raises:
        Incompatible: if the data set has no splits to train on.
        CellError: if training fails.
    """
    method = session.method(cell.method)
    training = cell.training
    if training is None or isinstance(method, Oracle):
        return method
    if isinstance(method, TrainableMethod):
        train(session, training, report)
    else:
        needed = _needed(session, training)
        if any(part.data == "training" for part in needed):
            _check_splits(session, training)
        for part in needed:
            _train_part(session, training, part, report)
    method.parts = _loaded_parts(session, training)
    if isinstance(method, TrainableMethod):
        method.device = session.device
        method.load(_checkpoint(session, training_key(session, training)))
    return method


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
    method = ready_method(session, cell, report)
    dataset = session.dataset(cell.dataset, cell.split, cell.scale)
    made = run_inference(cell, session.method_spec(cell.method), method, dataset)
    left = PredictedStage(
        cell=str(cell),
        infer_s=made.seconds,
        audio_s=made.audio_s,
        peak_vram_mb=made.peak_vram_mb,
        parameters=_parameter_count(method),
        warnings=list(made.warnings.values()),
        **_training_facts(session, cell),
        **_provenance(session),
    )
    return _put(session, key, left, made.predictions)


def _parameter_count(method: Method | Oracle) -> int:
    if isinstance(method, Oracle):
        return 0
    return method.parameter_count + sum(part.parameter_count for part in method.parts.values())


def _training_facts(session: Session, cell: Cell) -> dict[str, Any]:
    """Return the chain of trainings, the parts, their seconds and the curve."""
    training, spec = cell.training, session.method_spec(cell.method)
    if training is None:
        return {"train_s": 0.0, "training": [], "parts": [], "curve": []}
    chain = training.chain if spec.trainable else ()
    stages = [_known(session, training_key(session, each)) for each in chain]
    parts = [(part, part_key(session, training, part)) for part in _needed(session, training)]
    made = [_known(session, key) for _, key in parts]
    return {
        "train_s": sum(stage.train_s for stage in (*stages, *made)),
        "training": [_training_entry(session, each, spec.trainable) for each in training.chain],
        "parts": [
            PartEntry(
                name=part.name,
                key=key[:16],
                data="its own" if part.data == "own" else f"{training.data} ({training.scale})",
                report=stage.report,
            )
            for (part, key), stage in zip(parts, made, strict=True)
        ],
        "curve": stages[-1].curve if stages else [],
    }


def _known(session: Session, key: str) -> TrainedStage:
    found = _find(session, "train", key, TrainedStage)
    assert found is not None, "a training is finished before it is described"
    return found


def _training_entry(session: Session, training: Training, trainable: bool) -> TrainingEntry:
    spec = session.dataset_spec(training.data)
    return TrainingEntry(
        data=str(training.data),
        name=training.data.name,
        params=identity(spec.parameters, training.data),
        additions=addition_entries(session.registry, AlterationSpec, training.data),
        scale=training.scale,
        seed=training.seed,
        key=training_key(session, training)[:16] if trainable else "",
    )


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
            for name, detections in read_predictions(detected.path).items():
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
    data = dump_predictions(predictions)

    def fill(folder: Path) -> None:
        (folder / PREDICTIONS).write_bytes(data)

    session.store.put("predict", key, left.model_dump(mode="json"), fill)
    return Stored(session.store.folder("predict", key) / PREDICTIONS, left)


def _stored(session: Session, key: str, *, reused: bool) -> Stored | None:
    left = _find(session, "predict", key, PredictedStage)
    path = session.store.folder("predict", key) / PREDICTIONS
    if left is None:
        return None
    try:
        read_predictions(path)
    except FormatError:
        return None
    return Stored(path, left, reused)


def _find(session: Session, stage: Stage, key: str, model: type[Left]) -> Left | None:
    """Return what a stage left; None if it is not in the store or damaged."""
    found = session.store.find(stage, key)
    try:
        return None if found is None else model.model_validate(found)
    except ValidationError:
        return None
