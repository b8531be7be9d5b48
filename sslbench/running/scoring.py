"""The score stage, for predictions from wherever they come: every record is made here.

=====================================  =========================================================
`sslbench run`                         `score_cell`: predictions that were just made or found
`sslbench score RUN`, `leaderboard`    `open_run`, then `scored_again`
`sslbench score FILE`                  `score_external`: predictions of other software
=====================================  =========================================================

All of them open the ground truth through the session and score with `scoring.evaluate`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sslbench.cell import Cell, Choice
from sslbench.errors import FormatError, UsageError
from sslbench.metrics.corpus import Pair
from sslbench.registry import NAME
from sslbench.results.external_predictions import read_external_predictions
from sslbench.results.predictions import dump_and_reload, read_predictions
from sslbench.results.record import (
    EXTERNAL,
    SCHEMA_VERSION,
    CostEntry,
    MethodEntry,
    PluginEntry,
    RunRecord,
    read_record,
)
from sslbench.running.environment import source
from sslbench.running.inference_cost import cost_entry
from sslbench.running.prediction import Stored
from sslbench.running.records import (
    dataset_entry,
    evaluation_entries,
    named,
    predictions_entry,
    public_dataset,
    published_entries,
    recorded_cell,
    run_record,
    with_evaluation,
)
from sslbench.running.session import Session
from sslbench.scene import Prediction
from sslbench.scoring.ground_truth import GroundTruth
from sslbench.scoring.protocols import ConfiguredMetric, configure_metric
from sslbench.scoring.scores import (
    SEED,
    Score,
    evaluate,
    score,
    score_strata,
    source_pairs,
)
from sslbench.specs import MethodSpec

__all__ = [
    "OpenRun",
    "Submission",
    "check_scenes",
    "open_run",
    "score_by_condition",
    "score_cell",
    "score_external",
    "score_with",
    "scored_again",
]


def score_cell(session: Session, cell: Cell, stored: Stored, cost: CostEntry) -> RunRecord:
    """Score the predictions of a cell and return its record.

    Args:
        session: plugins and data sets.
        cell: which method on which data set, under which protocol.
        stored: the predictions.
        cost: what they took.

    Raises:
        FormatError: if the predictions are damaged or not what was requested.
        DataError: if the ground truth cannot be read.
        UsageError: if the protocol cannot score such predictions.
    """
    ground_truth, where = session.ground_truth(cell), str(stored.path)
    found = evaluate(session.rules(cell), stored.predictions, ground_truth, where)
    entry = predictions_entry(stored.path.read_bytes())
    return run_record(session, cell, found, stored.left, entry, cost)


@dataclass(frozen=True, eq=False)
class OpenRun:
    """A record with its predictions and the ground truth, ready to be scored.

    Args:
        record: of the run.
        cell: what was run, with the protocol by which it is to be scored.
        predictions: by recording id.
        ground_truth: of the same recordings.
        path: of the predictions file.
    """

    record: RunRecord
    cell: Cell
    predictions: dict[str, Prediction]
    ground_truth: GroundTruth
    path: Path

    @property
    def pairs(self) -> dict[str, Pair]:
        """Estimated and true sources by recording id."""
        return source_pairs(self.predictions, self.ground_truth)


def open_run(session: Session, path: Path, protocol: str = "") -> OpenRun:
    """Open a record of a store with its predictions and ground truth.

    Args:
        session: plugins and data sets.
        path: of the record.
        protocol: by which it is to be scored; empty for that of the record.

    Raises:
        UnknownNameError: if its data set is not installed.
        FormatError: if the predictions are damaged, or the scenes have changed since.
        DataError: if the ground truth cannot be read.
    """
    record = read_record(path)
    cell = recorded_cell(session.registry, record, protocol)
    check_scenes(session, record, cell)
    predictions = path.with_name(record.predictions.path)
    if hashlib.sha256(predictions.read_bytes()).hexdigest() != record.predictions.sha256:
        raise FormatError(
            "not the predictions that the record was made from",
            where=str(predictions),
            hint=f"run it again: {cell.command} --fresh",
        )
    found = read_predictions(predictions)
    return OpenRun(record, cell, found, session.ground_truth(cell), predictions)


def check_scenes(session: Session, record: RunRecord, cell: Cell) -> None:
    """Check that the scenes of a cell are those that a record was made from.

    Raises:
        FormatError: if they have changed since.
    """
    here = session.data_key(cell.dataset, cell.split, cell.scale)
    if here != record.dataset.scenes_sha256:
        raise FormatError(
            f"the scenes of {record.dataset.label} have changed since the predictions were made"
            f" (hash {record.dataset.scenes_sha256[:12]}, now {here[:12]})",
            where=record.run_id,
            hint=f"run it again: {record.command}",
        )


def scored_again(session: Session, run: OpenRun) -> RunRecord:
    """Return the record of a run, scored again under the protocol of its cell.

    Raises:
        UsageError: if the protocol cannot score such predictions.
        FormatError: if the predictions are not what was requested.
    """
    found = evaluate(session.rules(run.cell), run.predictions, run.ground_truth, str(run.path))
    known = session.registry.table(MethodSpec).get(run.cell.method.name)
    record = with_evaluation(run.record, found, run.ground_truth)
    if run.cell.protocol != run.record.protocol:
        command = run.record.command if run.record.external else run.cell.command
        record = record.model_copy(update={"protocol": run.cell.protocol, "command": command})
        record = named(record, session, run.cell)
    if known is None:
        return record
    return record.model_copy(update={"published": published_entries(run.cell, known.spec)})


def score_with(session: Session, run: OpenRun, labels: Sequence[str]) -> list[Score]:
    """Score a run with metrics such as `mota[gate=30deg]`; without labels, the protocol's.

    Raises:
        UsageError: if a metric is unknown or cannot compare such predictions.
    """
    protocol = session.rules(run.cell).protocol
    return score(list(run.pairs.values()), _metrics(session, run, labels), protocol, SEED)


def score_by_condition(
    session: Session, run: OpenRun, labels: Sequence[str], condition: str
) -> dict[str, list[Score]]:
    """Score the recordings of each bin of a condition on their own.

    Raises:
        UsageError: if there is no such condition, or a metric is unknown or does not fit.
    """
    metrics = _metrics(session, run, labels or [run.record.dataset.primary_metric])
    known = run.ground_truth.conditions
    only = {name: {condition: own[condition]} for name, own in known.items() if condition in own}
    found = score_strata(run.pairs, only, metrics, session.rules(run.cell).protocol, SEED)
    if condition not in found:
        names = sorted({name for own in known.values() for name in own})
        raise UsageError(
            f"{condition!r} does not split the recordings", expected="one of " + ", ".join(names)
        )
    return found[condition]


def _metrics(session: Session, run: OpenRun, labels: Sequence[str]) -> list[ConfiguredMetric]:
    if not labels:
        chosen = session.rules(run.cell).metrics
        return [metric for metric in chosen if metric.spec.subject == "sources"]
    kind = run.record.dataset.kind
    return [
        metric for label in labels for metric in configure_metric(session.registry, label, kind)
    ]


@dataclass(frozen=True)
class Submission:
    """Predictions in a file, made by other software.

    Args:
        path: of the file (`results.external_predictions` reads it).
        cell: a name for the method, which is not installed, and what it was run on.
    """

    path: Path
    cell: Cell


def score_external(session: Session, submission: Submission) -> RunRecord:
    """Score predictions of other software and put a record of them into the store.

    The record says that they were made elsewhere: code, costs and training data are unknown.

    Raises:
        UsageError: if the name of the method cannot be used.
        FormatError: if the file is damaged, or not what was requested.
        DataError: if the ground truth cannot be read.
    """
    cell = submission.cell
    _check_name(session, cell.method.name)
    ground_truth = session.ground_truth(cell)
    given = read_external_predictions(submission.path, ground_truth.tracks)
    data, predictions = dump_and_reload(given)
    found = evaluate(session.rules(cell), predictions, ground_truth, str(submission.path))
    record = RunRecord.model_validate(
        {
            "schema_version": SCHEMA_VERSION,
            "run_id": "",
            "scale": cell.scale,
            "seed": cell.seed,
            "protocol": cell.protocol,
            "command": _command(submission),
            "method": _external_method(cell.method),
            "dataset": dataset_entry(session, public_dataset(session, cell), found),
            "published": [],
            "predictions": predictions_entry(data),
            "cost": cost_entry(),
            "environment": {},
            "source": source(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            **evaluation_entries(found),
        }
    )
    record = named(record, session, cell)
    session.store.put_run(record.run_id, record.to_json(), data)
    return record


def _check_name(session: Session, name: str) -> None:
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a valid name", expected="lower-case words joined by hyphens"
        )
    if name in session.registry.table(MethodSpec):
        raise UsageError(
            f"{name} is an installed method", expected="another name for external predictions"
        )


def _external_method(choice: Choice) -> MethodEntry:
    return MethodEntry(
        name=choice.name,
        version=1,
        params={},
        additions=[],
        plugin=PluginEntry(distribution=EXTERNAL, version="", files_sha256=""),
        source_sha256="",
        parameters=0,
        licence="",
        training=[],
        parts=[],
        reference=False,
        label=choice.name,
        curve=[],
    )


def _command(submission: Submission) -> str:
    cell = submission.cell
    return (
        f"sslbench score {submission.path.name} --dataset '{cell.dataset}:{cell.split}'"
        f" --scale {cell.scale} --method-name {cell.method}"
        + ("" if cell.protocol == "sslbench" else f" --protocol {cell.protocol}")
    )
