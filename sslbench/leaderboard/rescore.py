"""Scoring committed answers anew, after a metric was added or its version raised.

The answers, their costs and the commit that gave them stay; the numbers are those that the metrics
here give, with the published ones that the method's spec has here. `verify` afterwards holds for
every record that was scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sslbench.errors import FormatError, MissingDataError
from sslbench.leaderboard.consistency import recorded_cell
from sslbench.leaderboard.records import committed_paths, load_one, predictions_of, replace_record
from sslbench.results.predictions import read_predictions
from sslbench.results.record import RunRecord
from sslbench.running.ground_truth import conditions_of, truths_of
from sslbench.running.record_builder import published_of, score_cell, with_numbers
from sslbench.running.stages import Workbench

__all__ = ["Rescored", "rescore"]


@dataclass(frozen=True)
class Rescored:
    """What came of one record.

    Args:
        path: of the record.
        status: `changed`, `same`, or `no data` if its truth is not on this machine.
    """

    path: Path
    status: Literal["changed", "same", "no data"]


def rescore(bench: Workbench, boards: Path) -> Iterator[Rescored]:
    """Score the answers of every committed record again and write the records anew.

    Raises:
        LeaderboardError: if there are no records.
        FormatError: if a record or its predictions are damaged, or the scenes are other ones.
        StoreError: if a record cannot be written.
    """
    for path in committed_paths(boards):
        record = load_one(path, boards)
        try:
            fresh = _scored(bench, record, path)
        except MissingDataError:
            yield Rescored(path, "no data")
            continue
        changed = fresh.to_json() != path.read_text(encoding="utf-8")
        if changed:
            replace_record(path, fresh)
        yield Rescored(path, "changed" if changed else "same")


def _scored(bench: Workbench, record: RunRecord, path: Path) -> RunRecord:
    cell = recorded_cell(bench.registry, record)
    if bench.data_key(cell, cell.split) != record.dataset.manifest_sha256:
        raise FormatError(
            "the scenes have changed since they were answered",
            where=str(path),
            hint=f"run it again: {record.command}",
        )
    predictions = read_predictions(predictions_of(record, path))
    truths, conditions = truths_of(bench, cell), conditions_of(bench, cell)
    fresh = with_numbers(record, score_cell(bench, cell, predictions, truths, conditions))
    known = bench.registry.methods.get(record.method.name)
    published = published_of(cell, known.spec) if known else record.published
    return fresh.model_copy(update={"published": published})
