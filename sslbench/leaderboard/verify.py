"""Whether committed records are what the committed answers give: everything is scored again.

What a record says besides its numbers is compared with what is installed (`facts`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from sslbench.contracts import ProtocolSpec
from sslbench.errors import DataError, LeaderboardError, MissingDataError, SslbenchError
from sslbench.leaderboard.consistency import (
    inconsistencies,
    installed_differences,
    recorded_cell,
    recorded_protocol,
)
from sslbench.leaderboard.records import committed_paths, load_one, predictions_of
from sslbench.results.predictions import read_predictions
from sslbench.results.record import MetricEntry, RunRecord
from sslbench.running.ground_truth import scenes_of
from sslbench.running.record_builder import SEED, microphone_pair, pair_up
from sslbench.running.stages import Workbench
from sslbench.scene import Condition, Kind, Prediction, Tracks
from sslbench.scoring.conditions import scene_conditions
from sslbench.scoring.protocols import ConfiguredMetric, configure_metrics
from sslbench.scoring.scores import Score, Strata, score_run, score_strata

__all__ = ["TOLERANCE", "Truth", "Verification", "rules_from", "truth_from", "verify"]

TOLERANCE = 1e-6
"""Relative difference up to which two values are the same."""

Verdict = Literal["verified", "differs", "no data"]
Rules = tuple[ProtocolSpec, Sequence[ConfiguredMetric]]
"""A protocol and its metrics for one kind."""

T = TypeVar("T")


@dataclass(frozen=True)
class Truth:
    """What the scenes of a record's data set are on this machine.

    Args:
        tracks: truth by recording id.
        conditions: by recording id; strata are made of them.
        microphones: their places in metres, shape (channels, 3), by recording id.
        manifest_sha256: over all that determines the scenes; empty if unknown.
        differences: in what the record, numbers aside, is not what is installed here.
    """

    tracks: Mapping[str, Tracks]
    conditions: Mapping[str, Mapping[str, Condition]] = field(default_factory=dict)
    microphones: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    manifest_sha256: str = ""
    differences: tuple[str, ...] = ()


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
    choose_rules: Callable[[str, Kind], Rules],
) -> list[Verification]:
    """Score the committed predictions of every record again and compare all that is in it.

    A damaged record or predictions file is a difference, not an error, so that one does not hide
    the rest. A record whose data is not on this machine is `no data`: neither right nor wrong.

    Args:
        boards: folder of the boards.
        open_truth: opens the data set of a record; None, or a `MissingDataError`, if it is not on
            this machine. Any other `SslbenchError` is a difference. See `truth_from`.
        choose_rules: gives a protocol with its metrics for a kind. See `rules_from`.

    Raises:
        LeaderboardError: if there are no records.
    """
    paths = committed_paths(boards)
    return [_verify_path(path, boards, open_truth, choose_rules) for path in paths]


def truth_from(bench: Workbench) -> Callable[[RunRecord], Truth | None]:
    """Return a function that opens the truth of a record with what is installed here.

    It also compares the record with the installed data set and method: where the data is missing
    but these already differ, it raises a `LeaderboardError` that says how.
    """

    def open_truth(record: RunRecord) -> Truth | None:
        differences = installed_differences(bench.registry, record)
        try:
            return _open(bench, record, differences)
        except SslbenchError as error:
            if differences:
                raise LeaderboardError("\n".join(differences)) from error
            raise

    return open_truth


def _open(bench: Workbench, record: RunRecord, differences: Sequence[str]) -> Truth:
    cell = recorded_cell(bench.registry, record)
    manifest = bench.data_key(cell, cell.split)
    tracks, conditions = {}, {}
    microphones: dict[str, NDArray[np.float64]] = {}
    for scene in scenes_of(bench, cell):
        name, own = scene.recording.id, dict(scene.recording.conditions)
        tracks[name] = scene.truth
        conditions[name] = scene_conditions(scene) | own
        if scene.recording.array.positions is not None:
            microphones[name] = scene.recording.array.positions
    return Truth(tracks, conditions, microphones, manifest, tuple(differences))


def rules_from(bench: Workbench) -> Callable[[str, Kind], Rules]:
    """Return a function that gives the rules of the protocols that are installed here."""
    return lambda protocol, kind: (
        bench.registry.protocol(protocol).spec,
        configure_metrics(bench.registry, protocol, kind),
    )


def _verify_path(
    path: Path,
    boards: Path,
    open_truth: Callable[[RunRecord], Truth | None],
    choose_rules: Callable[[str, Kind], Rules],
) -> Verification:
    try:
        record = load_one(path, boards)
        predictions = read_predictions(predictions_of(record, path))
    except DataError as error:
        return Verification(path.stem, path, "differs", (str(error),))
    if details := inconsistencies(record):
        return Verification(record.run_id, path, "differs", tuple(details))
    try:
        truth = open_truth(record)
    except MissingDataError as error:
        return Verification(record.run_id, path, "no data", (str(error),))
    except SslbenchError as error:
        return Verification(record.run_id, path, "differs", (str(error),))
    if truth is None:
        return Verification(record.run_id, path, "no data", (_nowhere(record),))
    details = list(truth.differences)
    try:
        details += _differences(record, truth, predictions, choose_rules)
    except SslbenchError as error:
        details.append(str(error))
    return Verification(record.run_id, path, "differs" if details else "verified", tuple(details))


def _nowhere(record: RunRecord) -> str:
    return str(MissingDataError(f"{record.dataset.label} is not on this machine"))


def _differences(
    record: RunRecord,
    truth: Truth,
    predictions: Mapping[str, Prediction],
    choose_rules: Callable[[str, Kind], Rules],
) -> list[str]:
    data = record.dataset
    found = []
    pairs = pair_up(predictions, truth.tracks)
    if truth.manifest_sha256 and truth.manifest_sha256 != data.manifest_sha256:
        here, there = truth.manifest_sha256[:12], data.manifest_sha256[:12]
        found.append(f"the scenes here have manifest {here}..., the record {there}...")
    if len(pairs) != data.recordings:
        found.append(f"{len(pairs)} recordings, the record says {data.recordings}")
    kind = next((tracks.kind for tracks in truth.tracks.values()), data.kind)
    protocol, metrics = choose_rules(recorded_protocol(record), kind)
    microphones = [
        microphone_pair(answer.microphones, truth.microphones[name])
        for name, answer in predictions.items()
        if answer.microphones is not None and name in truth.microphones
    ]
    scores = score_run(list(pairs.values()), microphones, metrics, protocol, SEED)
    found += _missing(record, scores, protocol)
    found += _compare(record.metrics, scores, "")
    found += _compare_resampled(record, scores)
    ranking = [metric for metric in metrics if metric.label == data.primary_metric]
    strata = score_strata(pairs, truth.conditions, ranking, protocol, SEED)
    return found + _compare_strata(record, strata)


def _missing(record: RunRecord, fresh: Sequence[Score], protocol: ProtocolSpec) -> list[str]:
    # Metrics that a plugin of this machine adds to the protocol need not be in a record.
    named = {score.name for score in fresh} & set(protocol.metrics)
    gone = sorted(named - {entry.name for entry in record.metrics})
    return [f"{name} is missing from the record" for name in gone]


def _compare_resampled(record: RunRecord, fresh: Sequence[Score]) -> list[str]:
    primary = record.dataset.primary_metric
    own = next((score for score in fresh if score.name == primary), None)
    if own is None:
        return [f"the primary metric {primary} is not installed for this kind and protocol"]
    kept = record.resampled
    if kept is None or (kept.metric, kept.units) != (primary, own.units):
        return [f"{primary} on resamples is missing from the record, or of other resamples"]
    same = len(kept.values) == len(own.resampled) and all(map(_close, kept.values, own.resampled))
    return [] if same else [f"{primary} on resamples is not what the answers give"]


def _compare_strata(record: RunRecord, fresh: Strata) -> list[str]:
    recorded = _by_bin(record.strata)
    scores = _by_bin(fresh)
    found = [f"stratum {name} cannot be made again" for name in recorded if name not in scores]
    found += [f"stratum {name} is missing" for name in scores if name not in recorded]
    for name in (name for name in recorded if name in scores):
        gone = {score.name for score in scores[name]} - {entry.name for entry in recorded[name]}
        found += [f"{name}: {metric} is missing from the record" for metric in sorted(gone)]
        found += _compare(recorded[name], scores[name], f"{name}: ")
    return found


def _by_bin(strata: Mapping[str, Mapping[str, Sequence[T]]]) -> dict[str, Sequence[T]]:
    return {
        f"{condition} {label}": entries
        for condition, bins in strata.items()
        for label, entries in bins.items()
    }


def _compare(recorded: Sequence[MetricEntry], fresh: Sequence[Score], where: str) -> list[str]:
    scores = {found.name: found for found in fresh}
    differences = []
    for entry in recorded:
        if entry.name not in scores:
            differences.append(f"{where}{entry.name} is not installed for this kind and protocol")
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
        "n_eff": (entry.n_eff, fresh.n_eff),
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
