"""Whether committed numbers are what the committed answers give: everything is scored again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sslbench.cell import Cell, Choice
from sslbench.contracts import Metric, MetricSpec
from sslbench.errors import DataError, MissingDataError, PluginError, SslbenchError, UsageError
from sslbench.leaderboard.collect import load_one, predictions_of, record_paths
from sslbench.metrics.scoring import Pair, Score, score, score_strata
from sslbench.running.predictions import read_predictions
from sslbench.running.record import MetricEntry, RunRecord
from sslbench.running.scoring import SEED, chosen_metrics, pair_up
from sslbench.running.selection import choose
from sslbench.running.stages import Workbench
from sslbench.scene import Condition, Kind, Tracks

__all__ = ["TOLERANCE", "Truth", "Verification", "metrics_from", "truth_from", "verify"]

TOLERANCE = 1e-6
"""Relative difference up to which two values are the same."""

Verdict = Literal["verified", "differs", "no data"]
Metrics = Sequence[tuple[MetricSpec, Metric]]


@dataclass(frozen=True)
class Truth:
    """What the scenes of a record's data set are on this machine.

    Args:
        tracks: truth by recording id.
        conditions: by recording id; needed for records with strata.
        manifest_sha256: over all that determines the scenes; empty if unknown.
    """

    tracks: Mapping[str, Tracks]
    conditions: Mapping[str, Mapping[str, Condition]] = field(default_factory=dict)
    manifest_sha256: str = ""


@dataclass(frozen=True)
class Verification:
    """What came of one record.

    Args:
        run_id: of the record; name of its file if it cannot be read.
        path: of the record.
        status: `verified`; `differs`; or `no data` if its truth is not on this machine.
        details: each difference, or why there is no data.
    """

    run_id: str
    path: Path
    status: Verdict
    details: tuple[str, ...] = ()


def verify(
    boards: Path,
    open_truth: Callable[[RunRecord], Truth | None],
    choose_metrics: Callable[[str, Kind], Metrics],
) -> list[Verification]:
    """Score the committed predictions of every record again and compare all numbers.

    A damaged record or predictions file is a difference, not an error, so that one does not hide
    the rest. A record whose truth cannot be opened is `no data`: neither right nor wrong.

    Args:
        boards: folder of the boards.
        open_truth: opens the data set of a record; None if it is not on this machine. See
            `truth_from`.
        choose_metrics: gives the metrics of a protocol and kind. See `metrics_from`.
    """
    return [_verify_path(path, boards, open_truth, choose_metrics) for path in record_paths(boards)]


def truth_from(bench: Workbench) -> Callable[[RunRecord], Truth | None]:
    """Return a function that opens the truth of a record with what is installed here."""

    def open_truth(record: RunRecord) -> Truth | None:
        cell = _cell(bench, record)
        dataset = bench.dataset(cell.dataset, cell.split, cell.scale)
        manifest = bench.data_key(cell, cell.split)
        if not record.strata:
            truths = dict(dataset.truth(index) for index in range(len(dataset)))
            return Truth(truths, manifest_sha256=manifest)
        dataset.prepare()
        truths, conditions = {}, {}
        for index in range(len(dataset)):
            scene = dataset.scene(index)
            truths[scene.recording.id] = scene.truth
            conditions[scene.recording.id] = scene.recording.conditions
        return Truth(truths, conditions, manifest)

    return open_truth


def metrics_from(bench: Workbench) -> Callable[[str, Kind], Metrics]:
    """Return a function that gives the metrics that are installed here."""
    return lambda protocol, kind: chosen_metrics(bench.registry, protocol, kind)


def _cell(bench: Workbench, record: RunRecord) -> Cell:
    # The method need not be installed: its answers are here.
    method = Choice(record.method.name, record.method.params)
    spec = bench.registry.dataset(record.dataset.name).spec
    dataset = choose(spec, record.dataset.params)
    return Cell(method, dataset, record.dataset.split, record.scale, record.seeds[0])


def _verify_path(
    path: Path,
    boards: Path,
    open_truth: Callable[[RunRecord], Truth | None],
    choose_metrics: Callable[[str, Kind], Metrics],
) -> Verification:
    try:
        record = load_one(path, boards)
        predictions = read_predictions(predictions_of(record, path))
    except DataError as error:
        return Verification(path.stem, path, "differs", (str(error),))
    try:
        truth = open_truth(record)
    except (DataError, UsageError, PluginError) as error:
        return Verification(record.run_id, path, "no data", (str(error),))
    if truth is None:
        return Verification(record.run_id, path, "no data", (_nowhere(record),))
    try:
        pairs = pair_up(predictions, truth.tracks)
        details = _differences(record, truth, pairs, choose_metrics)
    except SslbenchError as error:
        details = [str(error)]
    return Verification(record.run_id, path, "differs" if details else "verified", tuple(details))


def _nowhere(record: RunRecord) -> str:
    return str(MissingDataError(f"{record.dataset.label} is not on this machine"))


def _differences(
    record: RunRecord,
    truth: Truth,
    pairs: Mapping[str, Pair],
    choose_metrics: Callable[[str, Kind], Metrics],
) -> list[str]:
    data = record.dataset
    found = []
    if truth.manifest_sha256 and truth.manifest_sha256 != data.manifest_sha256:
        here, there = truth.manifest_sha256[:12], data.manifest_sha256[:12]
        found.append(f"the scenes here have manifest {here}..., the record {there}...")
    if len(pairs) != data.recordings:
        found.append(f"{len(pairs)} recordings, the record says {data.recordings}")
    for protocol in sorted({entry.protocol for entry in record.metrics}):
        metrics = choose_metrics(protocol, data.kind)
        recorded = [entry for entry in record.metrics if entry.protocol == protocol]
        fresh = score(list(pairs.values()), _named(metrics, recorded), protocol, SEED)
        found += _compare(recorded, fresh, "")
        found += _compare_strata(record, truth, pairs, metrics, protocol)
    return found


def _named(metrics: Metrics, entries: Sequence[MetricEntry]) -> Metrics:
    names = {entry.name for entry in entries}
    return [(spec, metric) for spec, metric in metrics if spec.name in names]


def _compare_strata(
    record: RunRecord,
    truth: Truth,
    pairs: Mapping[str, Pair],
    metrics: Metrics,
    protocol: str,
) -> list[str]:
    recorded = {
        (condition, label): [entry for entry in entries if entry.protocol == protocol]
        for condition, bins in record.strata.items()
        for label, entries in bins.items()
    }
    named = _named(metrics, [entry for entries in recorded.values() for entry in entries])
    if not named:
        return []
    fresh = score_strata(pairs, truth.conditions, named, protocol, SEED)
    found = []
    for (condition, label), entries in recorded.items():
        scores = fresh.get(condition, {}).get(label, [])
        found += _compare(entries, scores, f"{condition} {label}: ")
    return found


def _compare(recorded: Sequence[MetricEntry], fresh: Sequence[Score], where: str) -> list[str]:
    scores = {found.name: found for found in fresh}
    differences = []
    for entry in recorded:
        if entry.name not in scores:
            differences.append(f"{where}{entry.name} cannot be computed here")
        elif scores[entry.name].version != entry.version:
            here = scores[entry.name].version
            differences.append(
                f"{where}{entry.name} is of version {here} here, {entry.version} in the record"
            )
        else:
            differences += _compare_entry(entry, scores[entry.name], where)
    return differences


def _compare_entry(entry: MetricEntry, fresh: Score, where: str) -> list[str]:
    low, high = entry.ci95 or (None, None)
    fresh_low, fresh_high = fresh.ci95 or (None, None)
    numbers = {
        "value": (entry.value, fresh.value),
        "ci95 low": (low, fresh_low),
        "ci95 high": (high, fresh_high),
        "n": (entry.n, fresh.n),
    }
    differences = [
        f"{where}{entry.name} {name}: recorded {old}, scored again {new}"
        for name, (old, new) in numbers.items()
        if not _close(old, new)
    ]
    facts = (entry.unit, entry.higher_is_better)
    if facts != (fresh.unit, fresh.higher_is_better):
        differences.append(f"{where}{entry.name}: unit or direction was changed")
    return differences


def _close(recorded: float | None, fresh: float | None) -> bool:
    undefined = [value is None or math.isnan(value) for value in (recorded, fresh)]
    if any(undefined):
        return all(undefined)
    assert recorded is not None
    assert fresh is not None
    return math.isclose(recorded, fresh, rel_tol=TOLERANCE, abs_tol=1e-12)
