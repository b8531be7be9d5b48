"""Whether committed records are what the committed predictions give: everything is scored again.

What a record says besides its scores is compared with what is installed (`consistency`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Literal

from sslbench.errors import DataError, MissingDataError, SslbenchError
from sslbench.leaderboard.consistency import inconsistencies, installed_differences
from sslbench.leaderboard.records import committed_paths, load_one, predictions_of
from sslbench.registry import Registry
from sslbench.results.predictions import read_predictions
from sslbench.results.record import MetricEntry, RunRecord
from sslbench.results.store import Store
from sslbench.running.executors import process_pool
from sslbench.running.records import recorded_cell
from sslbench.running.scoring import OpenRun, check_scenes, scored_again
from sslbench.running.session import Session
from sslbench.specs import ProtocolSpec

__all__ = ["TOLERANCE", "Verification", "record_differences", "verify"]

TOLERANCE = 1e-6
"""Relative difference up to which two values are the same."""

GROUP = 12
"""Records that a process verifies in one go."""

Verdict = Literal["verified", "differs", "no data"]


@dataclass(frozen=True)
class Verification:
    """The result for one record.

    Args:
        run_id: of the record; name of its file if it cannot be read.
        path: of the record.
        status: `verified`; `differs`; or `no data` if the data set is not on this machine.
        details: each difference, or why there is no data.
    """

    run_id: str
    path: Path
    status: Verdict
    details: tuple[str, ...] = ()


def verify(session: Session, boards: Path, processes: int = 1) -> Iterator[Verification]:
    """Score the committed predictions of every record again and compare all that is in it.

    A damaged record or predictions file is a difference, not an error, so that one does not hide
    the others. A record whose data is not on this machine is `no data`: it was not verified.

    Args:
        session: of this process.
        boards: folder of the boards.
        processes: how many records at a time; with several, each process has a session of its own
            with the installed plugins.

    Raises:
        LeaderboardError: if there are no records.
    """
    paths = committed_paths(boards)
    if processes == 1 or len(paths) <= GROUP:
        yield from (_verify_one(session, path, boards) for path in paths)
        return
    groups = _groups(paths, boards)
    with process_pool(min(processes, len(groups))) as pool:
        work = partial(_verify_group, session.store.root, session.cache, boards)
        for found in pool.map(work, groups):
            yield from found


def _groups(paths: Iterable[Path], boards: Path) -> list[list[Path]]:
    """Return paths in groups of one data set each: opening one takes longer than scoring."""
    groups: list[list[Path]] = []
    by_dataset = groupby(paths, lambda path: path.relative_to(boards / "results").parts[0])
    for _, same in by_dataset:
        listed = list(same)
        groups += [listed[first : first + GROUP] for first in range(0, len(listed), GROUP)]
    return groups


def _verify_group(
    store: Path, cache: Path, boards: Path, paths: Sequence[Path]
) -> list[Verification]:
    session = _session_of_process(store, cache)
    return [_verify_one(session, path, boards) for path in paths]


@cache
def _session_of_process(store: Path, cache: Path) -> Session:
    return Session(Registry.installed(), Store(store), cache)


def _verify_one(session: Session, path: Path, boards: Path) -> Verification:
    try:
        record = load_one(path, boards)
        predictions_path = predictions_of(record, path)
        predictions = read_predictions(predictions_path)
    except DataError as error:
        return Verification(path.stem, path, "differs", (str(error),))
    if details := inconsistencies(record):
        return Verification(record.run_id, path, "differs", tuple(details))
    try:
        cell = recorded_cell(session.registry, record)
        details = installed_differences(session.registry, record, cell)
    except SslbenchError as error:
        return Verification(record.run_id, path, "differs", (str(error),))
    try:
        check_scenes(session, record, cell)
        ground_truth = session.ground_truth(cell)
        run = OpenRun(record, cell, predictions, ground_truth, predictions_path)
        protocol = session.rules(cell).protocol
        details += record_differences(record, scored_again(session, run), protocol)
    except MissingDataError as error:
        if not details:
            return Verification(record.run_id, path, "no data", (str(error),))
    except SslbenchError as error:
        details.append(str(error))
    return Verification(record.run_id, path, "differs" if details else "verified", tuple(details))


def record_differences(record: RunRecord, fresh: RunRecord, protocol: ProtocolSpec) -> list[str]:
    """Return in what a record differs from the same record scored again.

    Args:
        record: as it is.
        fresh: scored again.
        protocol: its own metrics must be in the record; those that an installed plugin adds need
            not be.
    """
    found = _facts(record, fresh)
    found += _missing(record, fresh, protocol)
    found += _entries(record.metrics, fresh.metrics, "")
    found += _resampled(record, fresh)
    old, new = _by_bin(record.by_condition), _by_bin(fresh.by_condition)
    found += [f"condition {name} cannot be computed again" for name in old if name not in new]
    found += [f"condition {name} is missing" for name in new if name not in old]
    for name in (name for name in old if name in new):
        found += _absent(old[name], new[name], f"{name}: ")
        found += _entries(old[name], new[name], f"{name}: ")
    return found


def _facts(record: RunRecord, fresh: RunRecord) -> list[str]:
    old, new = record.dataset, fresh.dataset
    numbers = {
        "dataset.primary_metric": (old.primary_metric, new.primary_metric),
        "dataset.recordings": (old.recordings, new.recordings),
        "dataset.clusters": (old.clusters, new.clusters),
    }
    return [
        f"{name}: recorded {recorded}, computed {computed}"
        for name, (recorded, computed) in numbers.items()
        if recorded != computed
    ]


def _missing(record: RunRecord, fresh: RunRecord, protocol: ProtocolSpec) -> list[str]:
    named = [entry for entry in fresh.metrics if entry.name in protocol.metrics]
    return _absent(record.metrics, named, "")


def _absent(
    recorded: Sequence[MetricEntry], expected: Sequence[MetricEntry], where: str
) -> list[str]:
    gone = {entry.name for entry in expected} - {entry.name for entry in recorded}
    return [f"{where}{name} is missing from the record" for name in sorted(gone)]


def _resampled(record: RunRecord, fresh: RunRecord) -> list[str]:
    old, new = record.resampled, fresh.resampled
    assert new is not None, "scoring gives values on resamples"
    if old is None or (old.metric, old.units) != (new.metric, new.units):
        return [f"{new.metric} on resamples is missing from the record, or of other resamples"]
    same = len(old.values) == len(new.values) and all(map(_close, old.values, new.values))
    return [] if same else [f"{new.metric} on resamples is not what the predictions give"]


def _by_bin(
    conditions: Mapping[str, Mapping[str, Sequence[MetricEntry]]],
) -> dict[str, Sequence[MetricEntry]]:
    return {
        f"{condition} {label}": entries
        for condition, bins in conditions.items()
        for label, entries in bins.items()
    }


def _entries(
    recorded: Sequence[MetricEntry], fresh: Sequence[MetricEntry], where: str
) -> list[str]:
    known = {entry.name: entry for entry in fresh}
    found = []
    for entry in recorded:
        other = known.get(entry.name)
        if other is None:
            found.append(f"{where}{entry.name} is not installed for this kind and protocol")
        elif other.version != entry.version:
            found.append(
                f"{where}{entry.name} has version {other.version} here, {entry.version} in the"
                " record"
            )
        else:
            found += _entry(entry, other, where)
    return found


def _entry(old: MetricEntry, new: MetricEntry, where: str) -> list[str]:
    (old_low, old_high), (new_low, new_high) = (e.ci95 or (None, None) for e in (old, new))
    numbers = {
        "value": (old.value, new.value),
        "ci95 low": (old_low, new_low),
        "ci95 high": (old_high, new_high),
        "n": (old.n, new.n),
        "n_eff": (old.n_eff, new.n_eff),
    }
    found = [
        f"{where}{old.name} {name}: recorded {recorded}, scored again {computed}"
        for name, (recorded, computed) in numbers.items()
        if not _close(recorded, computed)
    ]
    if (old.unit, old.higher_is_better) != (new.unit, new.higher_is_better):
        found.append(f"{where}{old.name}: unit or direction was changed")
    return found


def _close(recorded: float | None, fresh: float | None) -> bool:
    undefined = [value is None or math.isnan(value) for value in (recorded, fresh)]
    if any(undefined):
        return all(undefined)
    assert recorded is not None
    assert fresh is not None
    return math.isclose(recorded, fresh, rel_tol=TOLERANCE, abs_tol=1e-12)
