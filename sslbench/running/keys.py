"""The keys under which the stages of a cell are found again."""

from __future__ import annotations

from typing import Any

from sslbench.cache_keys import digest, identity, source_sha256
from sslbench.cell import Cell, Choice, Training
from sslbench.running.session import Session
from sslbench.scoring.selection_metric import selection_versions
from sslbench.specs import Part, TrackerSpec, Value

__all__ = [
    "detection_key",
    "part_key",
    "part_params",
    "parts_key",
    "prediction_key",
    "training_key",
]

STAGE_VERSION = 3
"""Raised when what a stage leaves in the store changes."""


def training_key(session: Session, training: Training) -> str:
    """Return the key of a training: method, data, scale, seed, parts, and what it started from."""
    spec = session.method_spec(training.method)
    learned = {parameter.name for parameter in spec.parameters if parameter.training}
    params = identity(spec.parameters, training.method)
    kind = session.dataset_spec(training.data).kind
    return digest(
        {
            **_code(session, training.method),
            "params": {name: value for name, value in params.items() if name in learned},
            "selection": selection_versions(session.registry, spec.selection, kind),
            "parts": parts_key(session, training),
            "start": training_key(session, training.start) if training.start else "",
            **_training_facts(session, training),
        }
    )


def _training_facts(session: Session, training: Training) -> dict[str, Any]:
    return {
        "scale": training.scale,
        "seed": training.seed,
        "stage": STAGE_VERSION,
        "data": {
            split: session.data_key(training.data, split, training.scale)
            for split in ("train", "validation")
        },
    }


def parts_key(session: Session, training: Training) -> str:
    """Return one key for all parts that a method needs; empty if it needs none."""
    needed = session.method_spec(training.method).needed_parts(training.method.params)
    keys = {part.name: part_key(session, training, part) for part in needed}
    return digest(keys) if keys else ""


def part_key(session: Session, training: Training, part: Part) -> str:
    """Return the key of a part: its code and parameters, and the data unless it makes its own."""
    facts: dict[str, Any] = {"scale": training.scale, "seed": training.seed, "stage": STAGE_VERSION}
    if part.data == "training":
        facts = _training_facts(session, training)
    return digest(
        {
            "part": part.name,
            "target": part.target,
            "source": source_sha256(part.target),
            "params": part_params(training.method, part),
            **facts,
        }
    )


def part_params(method: Choice, part: Part) -> dict[str, Value]:
    """Return the parameters that a part is constructed with."""
    return {name: method.params[name] for name in part.parameters}


def detection_key(session: Session, cell: Cell) -> str:
    """Return the key of the predictions of a cell's method, before any tracker."""
    spec = session.method_spec(cell.method)
    return digest(
        {
            **_code(session, cell.method),
            "params": identity(spec.parameters, cell.method),
            "training": _training_of(session, cell),
            "data": session.data_key(cell.dataset, cell.split, cell.scale),
            "stage": STAGE_VERSION,
        }
    )


def _training_of(session: Session, cell: Cell) -> str:
    if cell.training is None:
        return ""
    if session.method_spec(cell.method).trainable:
        return training_key(session, cell.training)
    return parts_key(session, cell.training)


def prediction_key(session: Session, cell: Cell) -> str:
    """Return the key of the predictions of a cell, trackers included."""
    key = detection_key(session, cell)
    for choice in cell.method.additions:
        spec = session.registry.find(TrackerSpec, choice.name).spec
        key = digest(
            {
                "detections": key,
                "tracker": spec.name,
                "version": spec.version,
                "source": source_sha256(spec.target),
                "params": identity(spec.parameters, choice),
            }
        )
    return key


def _code(session: Session, method: Choice) -> dict[str, Any]:
    spec = session.method_spec(method)
    source = source_sha256(spec.target)
    return {"method": spec.name, "version": spec.version, "source": source}
