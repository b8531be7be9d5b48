"""The columns of a board: texts for people, and numbers with all digits for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from sslbench.leaderboard.board import Board, MetricValue, Row
from sslbench.results.record import RunRecord

__all__ = [
    "TextRows",
    "csv_rows",
    "droppable",
    "legend",
    "short_name",
    "terminal_rows",
    "text_rows",
    "value_text",
]

TextRows = list[dict[str, str]]
"""Texts by column, one mapping per row."""

_DECIMALS = {"m": 3, "deg": 2, "%": 1}

_PREFIXES = ("position-error-", "angular-error-")
_WITH_PARAMETER = re.compile(r"(?P<name>[^\[]+)\[\w+=(?P<value>[^,\]]+)\]")

_EFFECTIVE = "eff. n"
_TRAINED_ON = "trained on"

_SHARED = ("training", "parameters", "licence", "seeds", "version")
"""Columns that a terminal shows only if they differ between rows."""

_COSTS = ("GPU memory [MB]", "memory [MB]", "parameters", "training", "RTF")


def text_rows(board: Board) -> TextRows:
    """Return the rows of a board as texts by column, without columns that are empty."""
    rows = [_texts(board, row, _rank(row)) for row in board.rows]
    rows += [_texts(board, row, "ref") for row in board.references]
    kept = [name for name in rows[0] if any(row[name] for row in rows)] if rows else []
    return [{name: row[name] for name in kept} for row in rows]


def _rank(row: Row) -> str:
    return "-" if row.rank is None else str(row.rank)


def _texts(board: Board, row: Row, rank: str) -> dict[str, str]:
    primary, *secondary = board.metrics
    published = row.published(primary)
    unit = _unit(board, primary)
    # Only the primary metric has its confidence interval here. Those of the others are in the CSV.
    values = {_header(board, name): _without_interval(row, name) for name in secondary}
    return {
        "rank": rank,
        "method": row.label,
        _header(board, primary): value_text(row.values[primary]) if primary in row.values else "",
        "published": _number(published.value, unit) if published else "",
        **values,
        _EFFECTIVE: _effective_size(row, primary),
        **_cost_texts(row),
        "licence": row.records[0].method.licence,
        _TRAINED_ON: row.records[0].method.trained_on,
        "seeds": ", ".join(map(str, row.seeds)),
        "version": _version(row),
    }


def _without_interval(row: Row, metric: str) -> str:
    value = row.values.get(metric)
    return "" if value is None else value_text(replace(value, ci95=None))


def _effective_size(row: Row, metric: str) -> str:
    entries = [record.metric(metric) for record in row.records]
    sizes = [entry.n_eff for entry in entries if entry and entry.n_eff is not None]
    return f"{sum(sizes) / len(sizes):.0f}" if sizes else ""


def short_name(metric: str) -> str:
    """Return a short name of a metric for the header of a column.

    >>> short_name("position-error-capped"), short_name("position-accuracy[within=30cm]")
    ('capped', '<30cm')
    >>> short_name("angular-error-percentile[p=50]"), short_name("mota[gate=20deg]")
    ('median', 'mota 20deg')
    """
    found = _WITH_PARAMETER.fullmatch(metric)
    name, value = (found["name"], found["value"]) if found else (metric, "")
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    if name == "percentile":
        return "median" if value == "50" else f"p{value}"
    if name in {"position-accuracy", "angular-accuracy"}:
        return f"<{value}"
    return f"{name.replace('-', ' ')} {value}".rstrip()


def _header(board: Board, metric: str) -> str:
    unit = _unit(board, metric)
    # Units in words are too long for a column; the legend has them.
    return f"{short_name(metric)} [{unit}]" if unit in _DECIMALS else short_name(metric)


def legend(board: Board, columns: Collection[str]) -> str:
    """Return what the columns of a board mean, with the full names of its metrics."""
    meanings = {}
    for metric in board.metrics:
        unit = _unit(board, metric)
        words = f" [{unit}]" if unit and unit not in _DECIMALS else ""
        if short_name(metric) != metric or words:
            meanings[_header(board, metric)] = f"{short_name(metric)}: {metric}{words}"
    meanings[_EFFECTIVE] = (
        f"{_EFFECTIVE}: effective sample size, the number of independent sources that would give"
        " the same uncertainty"
    )
    meanings["RTF"] = (
        "RTF: real-time factor, seconds of inference per second of audio on one thread (* within"
        " the run, where it depends on what else ran)"
    )
    meanings["memory [MB]"] = "memory: of inference on one thread, above that of the loaded method"
    return "; ".join(text for column, text in meanings.items() if column in columns)


def terminal_rows(board: Board) -> tuple[TextRows, list[str]]:
    """Return the rows of a board for a terminal, and sentences about what the rows share.

    A column with the same text in all rows becomes part of a sentence. So does `trained on` if
    all learned methods were trained on the same data.
    """
    rows = text_rows(board)
    given = [name for name in _SHARED if name in rows[0]]
    shared = {name: rows[0][name] for name in given if len({row[name] for row in rows}) == 1}
    notes = []
    if shared:
        texts = "; ".join(f"{name} {text}" for name, text in shared.items())
        notes.append(f"Same in all rows: {texts}.")
    training = {text for row in rows if (text := row.get(_TRAINED_ON))}
    if len(training) == 1:
        notes.append(f"Learned methods were trained on {training.pop()}.")
        shared[_TRAINED_ON] = ""
    kept = [{name: text for name, text in row.items() if name not in shared} for row in rows]
    return kept, notes


def droppable(board: Board) -> list[str]:
    """Return the columns that a narrow terminal may leave out, the least important one first."""
    secondary = [_header(board, name) for name in reversed(board.metrics[1:])]
    return [
        "version",
        _EFFECTIVE,
        *_COSTS,
        "licence",
        *secondary,
        "seeds",
        "published",
        _TRAINED_ON,
    ]


def _unit(board: Board, metric: str) -> str:
    rows = (*board.rows, *board.references)
    return next((row.values[metric].unit for row in rows if metric in row.values), "")


def value_text(value: MetricValue) -> str:
    """Return a value with its confidence interval.

    >>> value_text(MetricValue(0.3829, (0.371, 0.396), "m"))
    '0.383 (0.371 to 0.396)'
    """
    if value.value is None:
        return "undefined"
    text = _number(value.value, value.unit)
    if value.ci95 is None:
        return text
    low, high = (_number(bound, value.unit) for bound in value.ci95)
    return f"{text} ({low} to {high})"


def _number(value: float, unit: str) -> str:
    if unit in _DECIMALS:
        return f"{value:.{_DECIMALS[unit]}f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _cost_texts(row: Row) -> dict[str, str]:
    parameters = row.records[0].method.parameters
    factor = row.mean(lambda record: record.cost.real_time_factor)
    return {
        "training": _duration(row.mean(lambda record: record.cost.train_s)),
        "RTF": "" if factor is None else f"{factor:.2g}{'' if _isolated(row) else '*'}",
        "parameters": f"{parameters:,}" if parameters else "",
        "memory [MB]": _whole(row.largest(lambda record: record.cost.peak_ram_mb)),
        "GPU memory [MB]": _whole(row.largest(lambda record: record.cost.peak_vram_mb)),
    }


def _isolated(row: Row) -> bool:
    return all(record.cost.isolated for record in row.records)


def _whole(number: float | None) -> str:
    return "" if number is None else f"{number:.0f}"


def _duration(seconds: float | None) -> str:
    if not seconds:
        return ""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _version(row: Row) -> str:
    method = row.records[0].method
    code = f" ({method.source_sha256[:7]})" if method.source_sha256 else ""
    return f"{method.plugin.distribution} {method.plugin.version}".rstrip() + code


def csv_rows(board: Board) -> TextRows:
    """Return the rows of a board with all columns and all digits."""
    rows = [(row, _rank(row).replace("-", "")) for row in board.rows]
    rows += [(row, "ref") for row in board.references]
    return [_csv_row(board, row, rank) for row, rank in rows]


def _csv_row(board: Board, row: Row, rank: str) -> dict[str, str]:
    method = row.records[0].method
    published = row.published(board.metrics[0])
    values: dict[str, str] = {}
    for name in board.metrics:
        values |= _csv_value(name, row.values.get(name) or MetricValue(None))
    return {
        "rank": rank,
        "method": row.label,
        "parameters_of_method": json.dumps(method.params, sort_keys=True),
        **values,
        "n_eff": _effective_size(row, board.metrics[0]),
        "published": repr(published.value) if published else "",
        "published_in": published.source if published else "",
        "train_s": _digits(row.mean(lambda record: record.cost.train_s)),
        "real_time_factor": _digits(row.mean(lambda record: record.cost.real_time_factor)),
        "learned_parameters": str(method.parameters),
        "cost_isolated": str(_isolated(row)).lower(),
        "cpu": _distinct(row, lambda record: record.cost.cpu),
        "peak_ram_mb": _digits(row.largest(lambda record: record.cost.peak_ram_mb)),
        "peak_vram_mb": _digits(row.largest(lambda record: record.cost.peak_vram_mb)),
        "licence": method.licence,
        "trained_on": method.trained_on,
        "seeds": " ".join(map(str, row.seeds)),
        "plugin": f"{method.plugin.distribution} {method.plugin.version}".rstrip(),
        "source_sha256": method.source_sha256,
        "commits": _distinct(row, lambda record: record.source.commit or ""),
        "runs": _distinct(row, lambda record: record.run_id),
        "command": "; ".join(dict.fromkeys(record.command for record in row.records)),
    }


def _csv_value(name: str, value: MetricValue) -> dict[str, str]:
    low, high = value.ci95 or (None, None)
    return {name: _digits(value.value), f"{name}_low": _digits(low), f"{name}_high": _digits(high)}


def _digits(number: float | None) -> str:
    return "" if number is None else repr(number)


def _distinct(row: Row, text: Callable[[RunRecord], str]) -> str:
    found: Sequence[str] = list(dict.fromkeys(map(text, row.records)))
    return " ".join(filter(None, found))
