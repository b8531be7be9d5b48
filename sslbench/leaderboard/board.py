"""Boards: records that may be compared, one row a method, ranked.

Records stand on one board only if data set, version, parameters, split, manifest, scale, protocol
and the version of the primary metric are the same. In the other columns only values of the newest
version of the metric on the board are shown. Oracles stand below as references and have no rank.

A row is a method with its parameters, code and training data; its value is the mean over seeds,
and the bounds of its interval are the means of the bounds.

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
from sslbench.results.record import MetricEntry, PublishedEntry, RunRecord
from sslbench.scene import Kind
from sslbench.scoring.protocol_definitions import DEFAULT_PROTOCOL
from sslbench.specs import Scale

__all__ = ["COLUMNS", "Board", "BoardKey", "Figure", "Interval", "Row", "make_boards"]

COLUMNS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        "position": (
            "position-error-truncated",
            "position-error-mean",
            "position-error-percentile[p=50]",
            "position-accuracy[within=30cm]",
            "coverage",
        ),
        "direction": (
            "angular-error-truncated",
            "angular-error-mean",
            "angular-accuracy[within=10deg]",
            "coverage",
            "false-alarms",
        ),
    }
)
"""Metrics that are shown after the primary one, where the protocol has them."""

MOST_COLUMNS = 8
"""Metrics that are shown of a protocol that has none of those."""

K = TypeVar("K", bound=Hashable)
Interval = tuple[float, float]


@dataclass(frozen=True)
class BoardKey:
    """What records must have in common to be compared.

    Args:
        dataset: its name; its label, which anyone may write, decides nothing.
        version: of the data set.
        params: all its parameters, as JSON.
        split: that was scored.
        scenes_sha256: over all that determines the scenes.
        scale: how much was run.
        protocol: rules of the scoring.
        metric: name of the primary metric.
        metric_version: its version.
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
        """Return the key of the board that a record belongs to."""
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
        """Eight characters that tell boards of one name apart."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Figure:
    """A number of a board: mean over seeds, with its interval; None if undefined."""

    value: float | None
    ci95: Interval | None = None
    unit: str = ""


@dataclass(frozen=True)
class Row:
    """A method on a board.

    Args:
        records: its runs, one a seed, in the order of the seeds.
        figures: numbers by metric; a metric without a comparable value is absent.
        rank: shared with rows that cannot be told apart; None for references and undefined values.
    """

    records: tuple[RunRecord, ...]
    figures: Mapping[str, Figure]
    rank: int | None = None

    @property
    def label(self) -> str:
        """Method with the parameters that differ from their defaults."""
        return self.records[0].method.label

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds that the values are means over."""
        return tuple(sorted({record.seed for record in self.records}))

    def published(self, metric: str) -> PublishedEntry | None:
        """Return what a paper gives for a metric; None if nothing."""
        known = self.records[0].published
        return next((entry for entry in known if entry.metric == metric), None)

    def mean(self, number: Callable[[RunRecord], float | None]) -> float | None:
        """Return the mean of a number over the runs; None if it is not known of all."""
        known = [value for record in self.records if (value := number(record)) is not None]
        return sum(known) / len(known) if len(known) == len(self.records) else None

    def most(self, number: Callable[[RunRecord], float | None]) -> float | None:
        """Return the largest of a number over the runs; None if it is known of none."""
        known = [value for record in self.records if (value := number(record)) is not None]
        return max(known, default=None)


@dataclass(frozen=True)
class Board:
    """Records that may be compared, as a ranked table.

    Args:
        key: what they have in common.
        metrics: primary metric and those shown beside it.
        rows: ranked methods, best first.
        references: oracles, best first.
        differences: from the best ranked method to each of the others, on the same resamples.
    """

    key: BoardKey
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    references: tuple[Row, ...]
    differences: tuple[Comparison, ...] = ()

    @property
    def label(self) -> str:
        """Data set with the parameters that differ from their defaults, as most records say."""
        counts = Counter(record.dataset.label for record in self.records)
        return min(counts, key=lambda label: (-counts[label], label))

    @property
    def records(self) -> list[RunRecord]:
        """All records on it, ranked methods first."""
        return [record for row in (*self.rows, *self.references) for record in row.records]


def make_boards(records: Iterable[RunRecord]) -> list[Board]:
    """Group records into boards, sorted by data set, and rank their methods.

    The order of the records does not matter. Records of runs that did not finish are left out.
    """
    finished = sorted(records, key=lambda record: (record.run_id, record.predictions.sha256))
    boards = [_board(key, group) for key, group in _grouped(finished, BoardKey.of).items()]
    return sorted(boards, key=lambda board: astuple(board.key))


def _grouped(
    records: Iterable[RunRecord], key: Callable[[RunRecord], K]
) -> dict[K, list[RunRecord]]:
    groups: dict[K, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups


def _board(key: BoardKey, records: Sequence[RunRecord]) -> Board:
    metrics = (key.metric, *_beside(key, records))
    newest = {name: _newest(records, name) for name in metrics}
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


def _beside(key: BoardKey, records: Sequence[RunRecord]) -> list[str]:
    """Return the metrics that are shown after the primary one."""
    present = [entry.name for entry in records[0].metrics if entry.name != key.metric]
    usual = [name for name in COLUMNS[records[0].dataset.kind] if name in present]
    return usual if key.protocol == DEFAULT_PROTOCOL else present[: MOST_COLUMNS - 1]


def _method_identity(record: RunRecord) -> tuple[str, ...]:
    method = record.method
    params = json.dumps(method.params, sort_keys=True)
    plugin = method.plugin.model_dump_json(exclude={"files_sha256"})
    return (method.label, params, plugin, method.source_sha256, method.trained_on)


def _newest(records: Sequence[RunRecord], metric: str) -> int:
    entries = (record.metric(metric) for record in records)
    return max((entry.version for entry in entries if entry), default=0)


def _row(records: Sequence[RunRecord], versions: Mapping[str, int]) -> Row:
    figures = {}
    for name, version in versions.items():
        entries = [entry for record in records if (entry := record.metric(name))]
        if len(entries) == len(records) and all(entry.version == version for entry in entries):
            figures[name] = _figure(entries)
    return Row(tuple(sorted(records, key=lambda record: record.seed)), figures)


def _figure(entries: Sequence[MetricEntry]) -> Figure:
    values = [entry.value for entry in entries if entry.value is not None]
    bounds = [entry.ci95 for entry in entries if entry.ci95 is not None]
    if len(values) < len(entries):
        return Figure(None, unit=entries[0].unit)
    interval = None
    if len(bounds) == len(entries):
        lows, highs = zip(*bounds, strict=True)
        interval = (sum(lows) / len(lows), sum(highs) / len(highs))
    return Figure(sum(values) / len(values), interval, entries[0].unit)


def _order(row: Row, metric: str, better: bool | None) -> tuple[bool, float, str, str]:
    value = _value(row, metric)
    signed = 0.0 if value is None or better is None else -value if better else value
    return (value is None, signed, row.label, row.records[0].run_id)


def _value(row: Row, metric: str) -> float | None:
    return row.figures[metric].value if metric in row.figures else None
