"""The train stage: train a method, its parts and what it starts from, or find them in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sslbench.cache_keys import identity
from sslbench.cell import Cell, Training
from sslbench.contracts import (
    Dataset,
    DatasetRequest,
    EpochReport,
    Incompatible,
    Method,
    Oracle,
    Trainable,
    TrainableMethod,
    TrainingContext,
)
from sslbench.datasets.windows import NoScenes
from sslbench.registry import load_class
from sslbench.results.record import PartEntry, TrainingEntry
from sslbench.results.stages import CHECKPOINT, TrainedStage
from sslbench.running.cost import Stopwatch
from sslbench.running.inference import as_cell_error
from sslbench.running.keys import part_key, part_params, parts_key, training_key
from sslbench.running.records import addition_entries
from sslbench.running.session import Session
from sslbench.scoring.selection_metric import selection_metrics
from sslbench.specs import AlterationSpec, Part

__all__ = ["Report", "ready_method", "train", "train_part", "training_facts"]

Report = Callable[[EpochReport], None]
"""Called after each epoch."""


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
        train_part(session, training, part, report)

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


def train_part(session: Session, training: Training, part: Part, report: Report) -> TrainedStage:
    """Train a part of a method, or find it in the store.

    Raises:
        CellError: if the part fails.
    """

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
        known = session.store.find("train", key, TrainedStage)
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

    session.store.put("train", key, left, fill)
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
            train_part(session, training, part, report)
    method.parts = _loaded_parts(session, training)
    if isinstance(method, TrainableMethod):
        method.device = session.device
        method.load(_checkpoint(session, training_key(session, training)))
    return method


def training_facts(session: Session, cell: Cell) -> dict[str, Any]:
    """Return what `PredictedStage` says of the finished trainings of a cell.

    The chain of trainings, the parts, their seconds together, and the curve of the last training.
    """
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
    found = session.store.find("train", key, TrainedStage)
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
