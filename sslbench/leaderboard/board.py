"""Boards: comparable records, one row per method, ranked.

Records are on the same board only if data set, version, parameters, split, scenes, scale,
protocol, primary metric and its version are the same. Of the other metrics, only values of the
newest version on the board are shown. Oracles are listed below as references and are not ranked.

A row is a method with its parameters, code and training data. Its value is the mean over seeds,
and the bounds of its confidence interval are the means of the bounds.

Rows are sorted by value; their ranks come from paired tests (`ranking`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from sslbench.leaderboard.ranking import Comparison, compare, ranks
from sslbench.metrics.uncertainty import Interval
from sslbench.results.record import MetricEntry, PublishedEntry, RunRecord
from sslbench.scene import Kind
from sslbench.scoring.protocol_definitions import DEFAULT_PROTOCOL
from sslbench.specs import Scale

__all__ = ["COLUMNS", "Board", "BoardKey", "MetricValue", "Row", "make_boards", "mean_over_seeds"]

COLUMNS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        "position": (
            "position-error-capped",
            "position-error-mean",
            "position-error-percentile[p=50]",
            "position-accuracy[within=30cm]",
            "coverage",
        ),
        "direction": (
            "angular-error-capped",
            "angular-error-mean",
            "angular-accuracy[within=10deg]",
            "coverage",
            "false-alarms",
        ),
    }
)
"""Metrics shown after the primary one under the default protocol, by kind."""

MAX_METRICS = 8
"""Largest number of metrics, the primary one included, shown under any other protocol."""

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class BoardKey:
    """Properties that records must have in common to be compared.

    Args:
        dataset: name of the data set. Its label is not compared: records may contain any label.
        version: version of the data set.
        params: all parameters of the data set, as JSON.
        split: the split that was scored.
        scenes_sha256: checksum of everything that determines the scenes.
        scale: size of the run.
        protocol: rules of the scoring.
        metric: name of the primary metric.
        metric_version: version of the primary metric.
    """

    dataset: str
    version: str
    params: str
    split: str
    scenes_sha256: str
    scale: Scale
    protocol: str
    metric: str
    metric_version: int

    @classmethod
    def of(cls, record: RunRecord) -> BoardKey:
        """Return the key of the board to which a record belongs."""
        data = record.dataset
        primary = record.metric(data.primary_metric)
        return cls(
            dataset=data.name,
            version=data.version,
            params=json.dumps(data.params, sort_keys=True),
            split=data.split,
            scenes_sha256=data.scenes_sha256,
            scale=record.scale,
            protocol=record.protocol,
            metric=data.primary_metric,
            metric_version=primary.version if primary else 0,
        )

    @property
    def digest(self) -> str:
        """Eight characters that distinguish boards of the same data set, split and scale."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class MetricValue:
    """Mean of a metric over seeds, with its 95 % confidence interval; None if undefined."""

    value: float | None
    ci95: Interval | None = None
    unit: str = ""


@dataclass(frozen=True)
class Row:
    """A method on a board.

    Args:
        records: its runs, one per seed, in the order of the seeds.
        values: values by metric; a metric without a comparable value is absent.
        rank: the same for rows that are not significantly different; None for references and
            undefined values.
    """

    records: tuple[RunRecord, ...]
    values: Mapping[str, MetricValue]
    rank: int | None = None

    @property
    def label(self) -> str:
        """Name of the method with the parameters that differ from their defaults."""
        return self.records[0].method.label

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds over which the values are averaged."""
        return tuple(sorted({record.seed for record in self.records}))

    def published(self, metric: str) -> PublishedEntry | None:
        """Return the published value of a metric; None if there is none."""
        known = self.records[0].published
        return next((entry for entry in known if entry.metric == metric), None)

    def mean(self, number: Callable[[RunRecord], float | None]) -> float | None:
        """Return the mean of a number over the runs; None if it is unknown for any run."""
        known = [value for record in self.records if (value := number(record)) is not None]
        return sum(known) / len(known) if len(known) == len(self.records) else None

    def largest(self, number: Callable[[RunRecord], float | None]) -> float | None:
        """Return the maximum of a number over the runs; None if it is unknown for all runs."""
        known = [value for record in self.records if (value := number(record)) is not None]
        return max(known, default=None)


@dataclass(frozen=True)
class Board:
    """Comparable records as a ranked table.

    Args:
        key: what the records have in common.
        metrics: the primary metric, then the secondary ones.
        rows: ranked methods, best first.
        references: oracles, best first.
        differences: of the best method from each of the others, on the same resamples.
    """

    key: BoardKey
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    references: tuple[Row, ...]
    differences: tuple[Comparison, ...] = ()

    @property
    def label(self) -> str:
        """Name of the data set with parameters that differ from defaults, as in most records."""
        counts = Counter(record.dataset.label for record in self.records)
        return min(counts, key=lambda label: (-counts[label], label))

    @property
    def records(self) -> list[RunRecord]:
        """All records on the board, ranked methods first."""
        return [record for row in (*self.rows, *self.references) for record in row.records]


def make_boards(records: Iterable[RunRecord]) -> list[Board]:
    """Group records into boards, sorted by data set, and rank their methods.

    The order of the records does not matter.
    """
    ordered = sorted(records, key=lambda record: (record.run_id, record.predictions.sha256))
    boards = [_board(key, group) for key, group in _grouped(ordered, BoardKey.of).items()]
    return sorted(boards, key=lambda board: astuple(board.key))


def _grouped(
    records: Iterable[RunRecord], key: Callable[[RunRecord], K]
) -> dict[K, list[RunRecord]]:
    groups: dict[K, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups


def _board(key: BoardKey, records: Sequence[RunRecord]) -> Board:
    metrics = (key.metric, *_secondary_metrics(key, records))
    newest = {name: _newest_version(records, name) for name in metrics}
    rows = [_row(group, newest) for group in _grouped(records, _method_identity).values()]
    primary = records[0].metric(key.metric)
    better = primary.higher_is_better if primary else None
    rows.sort(key=lambda row: _order(row, key.metric, better))
    references = tuple(row for row in rows if row.records[0].method.reference)
    competing = [row for row in rows if not row.records[0].method.reference]
    if better is None:
        return Board(key, metrics, tuple(competing), references)
    groups = [row.records for row in competing]
    compared = compare(groups)
    places = ranks(groups, compared, higher_is_better=better)
    ranked = tuple(replace(row, rank=rank) for row, rank in zip(competing, places, strict=True))
    from_best = tuple(compared[0, other] for other in range(1, len(ranked)))
    return Board(key, metrics, ranked, references, from_best)


def _secondary_metrics(key: BoardKey, records: Sequence[RunRecord]) -> list[str]:
    present = [entry.name for entry in records[0].metrics if entry.name != key.metric]
    usual = [name for name in COLUMNS[records[0].dataset.kind] if name in present]
    return usual if key.protocol == DEFAULT_PROTOCOL else present[: MAX_METRICS - 1]


def _method_identity(record: RunRecord) -> tuple[str, ...]:
    method = record.method
    params = json.dumps(method.params, sort_keys=True)
    plugin = method.plugin.model_dump_json(exclude={"files_sha256"})
    return (method.label, params, plugin, method.source_sha256, method.trained_on)


def _newest_version(records: Sequence[RunRecord], metric: str) -> int:
    entries = (record.metric(metric) for record in records)
    return max((entry.version for entry in entries if entry), default=0)


def _row(records: Sequence[RunRecord], versions: Mapping[str, int]) -> Row:
    values = {}
    for name, version in versions.items():
        entries = [entry for record in records if (entry := record.metric(name))]
        if len(entries) == len(records) and all(entry.version == version for entry in entries):
            values[name] = mean_over_seeds(entries)
    return Row(tuple(sorted(records, key=lambda record: record.seed)), values)


def mean_over_seeds(entries: Sequence[MetricEntry]) -> MetricValue:
    """Return the mean of one metric in several records, and of the bounds of its intervals."""
    values = [entry.value for entry in entries if entry.value is not None]
    bounds = [entry.ci95 for entry in entries if entry.ci95 is not None]
    if len(values) < len(entries):
        return MetricValue(None, unit=entries[0].unit)
    interval = None
    if len(bounds) == len(entries):
        lows, highs = zip(*bounds, strict=True)
        interval = (sum(lows) / len(lows), sum(highs) / len(highs))
    return MetricValue(sum(values) / len(values), interval, entries[0].unit)


def _order(row: Row, metric: str, better: bool | None) -> tuple[bool, float, str, str]:
    value = _value(row, metric)
    signed = 0.0 if value is None or better is None else -value if better else value
    return (value is None, signed, row.label, row.records[0].run_id)


def _value(row: Row, metric: str) -> float | None:
    return row.values[metric].value if metric in row.values else None
