"""Scoring committed predictions again, after a metric was added or its version raised.

The predictions, their costs and the commit that made them stay; the scores are those of the
installed metrics, with the published values of the installed method. Afterwards `verify` holds for
every record that was scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sslbench.errors import MissingDataError
from sslbench.leaderboard.records import (
    committed_paths,
    load_one,
    predictions_of,
    replace_record,
)
from sslbench.results.predictions import read_predictions
from sslbench.results.record import RunRecord
from sslbench.running.records import recorded_cell
from sslbench.running.scoring import OpenRun, check_scenes, scored_again
from sslbench.running.session import Session

__all__ = ["Rescored", "rescore"]


@dataclass(frozen=True)
class Rescored:
    """The result for one record.

    Args:
        run_id: of the record.
        status: `changed`, `same`, or `no data` if the data set is not on this machine.
    """

    run_id: str
    status: Literal["changed", "same", "no data"]


def rescore(session: Session, boards: Path) -> Iterator[Rescored]:
    """Score the predictions of every committed record again and write the records anew.

    Raises:
        LeaderboardError: if there are no records.
        FormatError: if a record or its predictions are damaged, or the scenes have changed.
        StoreError: if a record cannot be written.
    """
    for path in committed_paths(boards):
        record = load_one(path, boards)
        try:
            fresh = _scored(session, record, path)
        except MissingDataError:
            yield Rescored(record.run_id, "no data")
            continue
        changed = fresh.to_json() != path.read_text(encoding="utf-8")
        if changed:
            replace_record(path, fresh)
        yield Rescored(record.run_id, "changed" if changed else "same")


def _scored(session: Session, record: RunRecord, path: Path) -> RunRecord:
    cell = recorded_cell(session.registry, record)
    check_scenes(session, record, cell)
    predictions = predictions_of(record, path)
    found = read_predictions(predictions)
    run = OpenRun(record, cell, found, session.ground_truth(cell), predictions)
    return scored_again(session, run)
