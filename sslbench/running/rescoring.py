"""Scoring the predictions of a stored run again: new metrics, or another protocol."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sslbench.cell import Cell
from sslbench.choices import choose
from sslbench.errors import FormatError
from sslbench.running.predictions import read_predictions
from sslbench.running.record import RunRecord, read_record
from sslbench.running.scoring import run_id, score_cell
from sslbench.running.stages import Workbench
from sslbench.running.truth import conditions_of, truths_of

__all__ = ["rescore"]


def rescore(bench: Workbench, path: Path, protocol: str) -> RunRecord:
    """Score a stored run again and put the new record into the store.

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
    conditions = conditions_of(bench, cell)
    answers = read_predictions(predictions)
    numbers = score_cell(bench, cell, answers, truths_of(bench, cell), conditions)
    scored = record.model_copy(
        update={
            "run_id": run_id(bench.registry, cell, record.predictions.sha256),
            "dataset": record.dataset.model_copy(update={"primary_metric": numbers.primary}),
            "metrics": numbers.metrics,
            "strata": numbers.strata,
            "resampled": numbers.resampled,
            "command": cell.command,
        }
    )
    bench.store.put_run(scored.run_id, scored.to_json(), predictions.read_bytes())
    return scored


def _cell(bench: Workbench, record: RunRecord, protocol: str) -> Cell:
    method = bench.registry.method(record.method.name).spec
    dataset = bench.registry.dataset(record.dataset.name).spec
    return Cell(
        choose(method, record.method.params),
        choose(dataset, record.dataset.params),
        record.dataset.split,
        record.scale,
        record.seeds[0],
        protocol,
    )
