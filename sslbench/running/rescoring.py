"""Scoring answers again that are there already: another protocol, other metrics, by condition."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sslbench.cell import Cell, Choice
from sslbench.errors import FormatError, UsageError
from sslbench.metrics.corpus import Pair
from sslbench.results.predictions import read_predictions
from sslbench.results.record import PublishedEntry, RunRecord, read_record
from sslbench.running.ground_truth import conditions_of, truths_of
from sslbench.running.record_builder import (
    SEED,
    pair_up,
    published_of,
    run_id,
    score_cell,
    with_numbers,
)
from sslbench.running.stages import Workbench
from sslbench.scene import Prediction, Tracks
from sslbench.scoring.protocols import ConfiguredMetric, configure_metric, configure_metrics
from sslbench.scoring.scores import Score, Strata, score, score_strata
from sslbench.selection import choose

__all__ = ["StoredRun", "open_run", "rescore", "score_by_condition", "score_with"]


@dataclass(frozen=True)
class StoredRun:
    """A run of the store with its answers and the truth.

    Args:
        record: what is known of it.
        cell: what was run, with the protocol by which it is to be scored.
        predictions: by recording id.
        truths: by recording id.
    """

    record: RunRecord
    cell: Cell
    predictions: dict[str, Prediction]
    truths: dict[str, Tracks]

    @property
    def pairs(self) -> dict[str, Pair]:
        """Answer and truth by recording id."""
        return pair_up(self.predictions, self.truths)


def open_run(bench: Workbench, path: Path, protocol: str) -> StoredRun:
    """Open a stored run to score it.

    Raises:
        UnknownNameError: if its method or data set is not installed.
        FormatError: if the scenes are no longer those that were answered.
        DataError: if the truth cannot be read.
    """
    record = read_record(path)
    cell = _cell(bench, record, protocol)
    if bench.data_key(cell, cell.split) != record.dataset.manifest_sha256:
        raise FormatError(
            "the scenes have changed since they were answered",
            where=record.run_id,
            hint=f"run it again: {cell.command}",
        )
    predictions = path.with_name(record.predictions.path)
    if hashlib.sha256(predictions.read_bytes()).hexdigest() != record.predictions.sha256:
        raise FormatError(
            "not the predictions that the record speaks of",
            where=str(predictions),
            hint=f"run it again: {cell.command} --fresh",
        )
    return StoredRun(record, cell, read_predictions(predictions), truths_of(bench, cell))


def rescore(bench: Workbench, path: Path, protocol: str) -> RunRecord:
    """Score a stored run under a protocol and put the new record into the store.

    Raises:
        UnknownNameError: if its method or data set is not installed.
        UsageError: if the protocol cannot score such answers.
        FormatError: if the scenes are no longer those that were answered.
        DataError: if the truth cannot be read.
    """
    run = open_run(bench, path, protocol)
    conditions = conditions_of(bench, run.cell)
    numbers = score_cell(bench, run.cell, run.predictions, run.truths, conditions)
    scored = with_numbers(run.record, numbers).model_copy(
        update={
            "run_id": run_id(bench.registry, run.cell, run.record.predictions.sha256),
            "command": run.record.command if run.record.elsewhere else run.cell.command,
            "published": [] if run.record.elsewhere else _published(bench, run.cell),
        }
    )
    answers = path.with_name(run.record.predictions.path).read_bytes()
    bench.store.put_run(scored.run_id, scored.to_json(), answers)
    return scored


def score_with(bench: Workbench, run: StoredRun, labels: Sequence[str]) -> list[Score]:
    """Score a run with metrics of one's choice, as `mota[gate=30deg]`; no labels: the protocol's.

    Raises:
        UsageError: if a metric is unknown or cannot compare such answers.
    """
    metrics = _metrics(bench, run, labels)
    protocol = bench.registry.protocol(run.cell.protocol).spec
    return score(list(run.pairs.values()), metrics, protocol, SEED)


def score_by_condition(
    bench: Workbench, run: StoredRun, labels: Sequence[str], condition: str
) -> dict[str, list[Score]]:
    """Score the recordings of each bin of a condition on their own.

    Raises:
        UsageError: if there is no such condition, or a metric is unknown or does not fit.
    """
    metrics = _metrics(bench, run, labels or [run.record.dataset.primary_metric])
    protocol = bench.registry.protocol(run.cell.protocol).spec
    known = conditions_of(bench, run.cell)
    only = {name: {condition: own[condition]} for name, own in known.items() if condition in own}
    found: Strata = score_strata(run.pairs, only, metrics, protocol, SEED)
    if condition not in found:
        names = sorted({name for own in known.values() for name in own})
        raise UsageError(
            f"{condition!r} does not split the recordings", expected="one of " + ", ".join(names)
        )
    return found[condition]


def _metrics(bench: Workbench, run: StoredRun, labels: Sequence[str]) -> list[ConfiguredMetric]:
    kind = run.record.dataset.kind
    if not labels:
        chosen = configure_metrics(bench.registry, run.cell.protocol, kind)
        return [metric for metric in chosen if metric.spec.subject == "sources"]
    return [metric for label in labels for metric in configure_metric(bench.registry, label, kind)]


def _published(bench: Workbench, cell: Cell) -> list[PublishedEntry]:
    return published_of(cell, bench.registry.method(cell.method.name).spec)


def _method(bench: Workbench, record: RunRecord) -> Choice:
    if record.elsewhere:
        return Choice(record.method.name)
    return choose(bench.registry.method(record.method.name).spec, record.method.params)


def _cell(bench: Workbench, record: RunRecord, protocol: str) -> Cell:
    bench.registry.protocol(protocol)
    dataset = bench.registry.dataset(record.dataset.name).spec
    return Cell(
        _method(bench, record),
        choose(dataset, record.dataset.params),
        record.dataset.split,
        record.scale,
        record.seeds[0],
        protocol,
    )
