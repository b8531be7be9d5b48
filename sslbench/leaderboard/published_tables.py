"""Tables of papers with our values beside the published ones, computed from committed records.

A table is described by `tables/<name>.yaml` in the boards folder: what its rows and columns stand
for, and the published values. `build` writes `tables/<name>.md` beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from sslbench.datasets.formats.yaml_file import Checked, read_yaml
from sslbench.errors import FormatError, LeaderboardError, UsageError
from sslbench.leaderboard.board import MetricValue, mean_over_seeds
from sslbench.leaderboard.columns import value_text
from sslbench.results.record import MetricEntry, RunRecord
from sslbench.scoring.protocol_definitions import DEFAULT_PROTOCOL
from sslbench.selection import parse
from sslbench.specs import Scale
from sslbench.tables import markdown_table

__all__ = ["PublishedTable", "read_tables", "table_page"]

FOLDER = "tables"

_LEGEND = """\
Numbers in brackets are our 95 % confidence intervals. With several seeds, values and bounds are
means over them; `0; 0, 1` means one seed in some cells and two in others. The word after a
published value says where it lies in relation to our interval.
"""


class _Cells(Checked):
    """What some cells show. What is left open is given by the column, or by the whole table.

    Args:
        method: with parameters and trackers, as it is typed.
        dataset: with parameters and alterations, as it is typed.
        split: of the data set.
        scale: of the run.
        protocol: rules of the scores.
        trained_on: training data in words, as boards show it; of learned methods the data set
            itself if it is not given.
        metric: name of a metric, or of a number in the report of a part.
        condition: `name=bin`; the metric for recordings of this bin only.
        part: the metric is one of the report of this part.
        cost: in place of a metric: hours of training, seconds of inference per second of audio, or
            the number of learned parameters.
    """

    method: str | None = None
    dataset: str | None = None
    split: str | None = None
    scale: Scale | None = None
    protocol: str | None = None
    trained_on: str | None = None
    metric: str | None = None
    condition: str | None = None
    part: str | None = None
    cost: Literal["training", "inference", "parameters"] | None = None


class _Column(_Cells):
    """A column; its header has the unit."""

    header: str


class _Row(_Cells):
    """A row.

    Args:
        label: what the paper calls it.
        cells: what single cells show, by header of the column.
        published: values of the paper by header of the column; with half the width of the
            interval if the paper has one.
        reason: why there is no value of ours. A cell without a record needs it.
    """

    label: str
    cells: dict[str, _Cells] = Field(default_factory=dict)
    published: dict[str, float | tuple[float, float]] = Field(default_factory=dict)
    reason: str = ""


class PublishedTable(Checked):
    """The description of a table.

    Args:
        title: of the page.
        source: paper and number of its table; empty if it is a table of ours.
        conditions: in what our values differ from the published ones, one sentence each.
        cells: what all cells have in common.
        columns: from left to right.
        rows: from top to bottom.
    """

    title: str
    source: str = ""
    conditions: list[str] = Field(default_factory=list)
    cells: _Cells = _Cells()
    columns: list[_Column] = Field(min_length=1)
    rows: list[_Row] = Field(min_length=1)


def read_tables(boards: Path) -> dict[str, PublishedTable]:
    """Return the descriptions of all tables by name, sorted.

    Raises:
        FormatError: if one is damaged, or names a column that it does not have.
    """
    found = {}
    for path in sorted((boards / FOLDER).glob("*.yaml")):
        table = read_yaml(path, PublishedTable)
        headers = {column.header for column in table.columns}
        for row in table.rows:
            for header in (row.published.keys() | row.cells.keys()) - headers:
                raise FormatError(
                    f"row {row.label!r} names {header!r}",
                    where=str(path),
                    expected="one of the columns " + ", ".join(sorted(headers)),
                )
        found[path.stem] = table
    return found


def table_page(name: str, table: PublishedTable, records: Sequence[RunRecord]) -> str:
    """Return a table as a page of Markdown.

    Args:
        name: of the table, for errors.
        table: its description.
        records: all committed records.

    Raises:
        LeaderboardError: if a cell without a reason has no record.
    """
    rows, commands = [], dict[str, None]()
    for row in table.rows:
        shown = [_shown(name, table, row, column, records) for column in table.columns]
        texts = {"": row.label}
        for column, cell in zip(table.columns, shown, strict=True):
            texts |= _texts(table, row, column, cell.value)
        texts["seeds"] = "; ".join(dict.fromkeys(cell.seeds for cell in shown if cell.seeds))
        texts["remark"] = row.reason
        rows.append(texts)
        commands |= dict.fromkeys(command for cell in shown for command in cell.commands)
    return _page(table, _without_empty(rows), list(commands))


@dataclass(frozen=True)
class _Shown:
    """The value of a cell, None without one, with the seeds and commands of its records."""

    value: MetricValue | None
    seeds: str
    commands: tuple[str, ...]


def _shown(
    name: str,
    table: PublishedTable,
    row: _Row,
    column: _Column,
    records: Sequence[RunRecord],
) -> _Shown:
    cells = _merged(table.cells, column, row)
    found = _records(cells, records)
    value = _value(cells, found)
    if value is None and not row.reason:
        raise LeaderboardError(
            f"no record for row {row.label!r}, column {column.header!r}",
            where=f"{FOLDER}/{name}.yaml",
            expected=f"a record of {_description(cells)}",
            hint="add a record, or say in `reason` why there is none",
        )
    if value is None:
        return _Shown(None, "", ())
    seeds = ", ".join(str(record.seed) for record in found if record.method.training)
    return _Shown(value, seeds, tuple(record.command for record in found))


def _merged(table: _Cells, column: _Column, row: _Row) -> _Cells:
    """Return what a cell shows: its own keys decide, then those of row, column and table."""
    given: dict[str, Any] = {"split": "test", "scale": "quick", "protocol": DEFAULT_PROTOCOL}
    for each in (table, column, row, row.cells.get(column.header, _Cells())):
        values = each.model_dump(include=set(_Cells.model_fields), exclude_none=True)
        given |= values
    return _Cells.model_validate(given)


def _records(cells: _Cells, records: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the records of a cell, one per seed, all of one version of the code, the newest."""
    found = [record for record in records if _fits(cells, record)]
    if not found:
        return []
    newest = max(found, key=lambda record: (record.created, record.run_id))
    code = newest.method.source_sha256
    same = [record for record in found if record.method.source_sha256 == code]
    return sorted(same, key=lambda record: record.seed)


def _fits(cells: _Cells, record: RunRecord) -> bool:
    data, method = record.dataset, record.method
    itself = f"{data.label.partition('+')[0]} ({record.scale})"
    trained_on = cells.trained_on or (itself if method.training else "")
    wanted = (cells.split, cells.scale, cells.protocol, trained_on)
    return (
        wanted == (data.split, record.scale, record.protocol, method.trained_on)
        and _meaning(cells.method or "") == _meaning(method.label)
        and _meaning(cells.dataset or "") == _meaning(data.label)
    )


@cache
def _meaning(label: str) -> object:
    """Return what a label stands for: the order of parameters and `5` or `5.0` do not matter."""
    try:
        selection = parse(label)
    except UsageError:
        return label  # of other software, or of no method
    items = (selection.item, *selection.additions)
    return [
        (item.pattern, {k: _number(*v) for k, v in item.alternatives.items()}) for item in items
    ]


def _number(text: str, *others: str) -> object:
    try:
        return float(text), others
    except ValueError:
        return text, others


def _value(cells: _Cells, records: Sequence[RunRecord]) -> MetricValue | None:
    """Return the mean over the seeds; None if there is no record, or it lacks the metric."""
    if cells.cost:
        return _cost(cells, records)
    if cells.part:
        return _reported(cells, records)
    entries = [entry for record in records if (entry := _entry(cells, record))]
    if not entries or len(entries) < len(records):
        return None
    return mean_over_seeds(entries)


def _cost(cells: _Cells, records: Sequence[RunRecord]) -> MetricValue | None:
    numbers: list[float | None] = []
    for record in records:
        cost = record.cost
        hours = None if cost.train_s is None else cost.train_s / 3600
        learned = float(record.method.parameters)
        known = {"training": hours, "inference": cost.real_time_factor, "parameters": learned}
        numbers.append(known[str(cells.cost)])
    values = [number for number in numbers if number is not None]
    return MetricValue(sum(values) / len(values)) if values else None


def _reported(cells: _Cells, records: Sequence[RunRecord]) -> MetricValue | None:
    parts = [part for record in records for part in record.method.parts if part.name == cells.part]
    values = [part.report[cells.metric] for part in parts if cells.metric in part.report]
    return MetricValue(sum(values) / len(values)) if values else None


def _entry(cells: _Cells, record: RunRecord) -> MetricEntry | None:
    if cells.condition is None:
        return record.metric(cells.metric or record.dataset.primary_metric)
    name, _, label = cells.condition.partition("=")
    entries = record.by_condition.get(name, {}).get(label, [])
    return next((entry for entry in entries if cells.metric in (None, entry.name)), None)


def _description(cells: _Cells) -> str:
    given = cells.model_dump(exclude_none=True)
    return ", ".join(f"{key} {value}" for key, value in given.items())


def _texts(
    table: PublishedTable, row: _Row, column: _Column, value: MetricValue | None
) -> dict[str, str]:
    """Return our value and the published one as texts by header."""
    texts = {column.header: "" if value is None else value_text(value)}
    published = row.published.get(column.header)
    if any(column.header in each.published for each in table.rows):
        texts[f"{column.header} (paper)"] = (
            "" if published is None else _published_text(published, value)
        )
    return texts


def _published_text(published: float | tuple[float, float], value: MetricValue | None) -> str:
    if isinstance(published, tuple):
        published, half = published
        text = f"{published:g} ± {half:g}"
    else:
        text = f"{published:,.0f}" if published >= 1000 else f"{published:g}"
    if value is None or value.ci95 is None:
        return text
    low, high = value.ci95
    place = "below" if published < low else "above" if published > high else "inside"
    return f"{text} ({place})"


def _without_empty(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    kept = [name for name in rows[0] if any(row[name] for row in rows)]
    return [{name: row[name] for name in kept} for row in rows]


def _page(table: PublishedTable, rows: list[dict[str, str]], commands: Sequence[str]) -> str:
    source = f"Published values are from {table.source}." if table.source else ""
    parts = [
        f"# {table.title}",
        source,
        "\n".join(f"- {sentence}" for sentence in table.conditions),
        markdown_table(rows),
        _LEGEND,
        "## How to reproduce it",
        "\n".join(f"- `{command}`" for command in commands),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"
