"""What stands in the cells of a board, as text for readers and as numbers for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from sslbench.leaderboard.board import Board, Figure, Row
from sslbench.results.record import RunRecord

__all__ = ["data_cells", "figure_text", "legend", "short_name", "terminal_cells", "text_cells"]

_DECIMALS = {"m": 3, "deg": 2, "%": 1}

Cells = list[dict[str, str]]

_PREFIXES = ("position-error-", "angular-error-")
_CHOSEN = re.compile(r"(?P<name>[^\[]+)\[\w+=(?P<value>[^,\]]+)\]")

_NARROWED = ("training", "parameters", "licence", "trained on", "seeds")
"""Columns that a terminal shows only where they tell rows apart."""


def text_cells(board: Board) -> Cells:
    """Return the rows of a board as texts by column; columns that are empty throughout are out."""
    rows = [_texts(board, row, _rank(row)) for row in board.rows]
    rows += [_texts(board, row, "ref") for row in board.references]
    kept = [name for name in rows[0] if any(row[name] for row in rows)] if rows else []
    return [{name: row[name] for name in kept} for row in rows]


def _rank(row: Row) -> str:
    return "-" if row.rank is None else str(row.rank)


def _texts(board: Board, row: Row, rank: str) -> dict[str, str]:
    primary, *others = board.metrics
    published = row.published(primary)
    unit = _unit(board, primary)
    # Intervals of the others are in the table for programs; here they would hide the numbers.
    figures = {_header(board, name): _value_cell(row, name) for name in others}
    return {
        "rank": rank,
        "method": row.label,
        _header(board, primary): _figure_cell(row, primary),
        "published": _number(published.value, unit) if published else "",
        **figures,
        "n eff.": _effective(row, primary),
        **_cost_texts(row),
        "licence": row.records[0].method.licence,
        "trained on": row.records[0].method.trained_on,
        "seeds": ", ".join(map(str, row.seeds)),
        "version": _versions(row),
    }


def _figure_cell(row: Row, metric: str) -> str:
    return figure_text(row.figures[metric]) if metric in row.figures else ""


def _value_cell(row: Row, metric: str) -> str:
    figure = row.figures.get(metric)
    return "" if figure is None else figure_text(replace(figure, ci95=None))


def _effective(row: Row, metric: str) -> str:
    entries = [record.metric(metric) for record in row.records]
    sizes = [entry.n_eff for entry in entries if entry and entry.n_eff is not None]
    return f"{sum(sizes) / len(sizes):.0f}" if sizes else ""


def short_name(metric: str) -> str:
    """Return the name of a metric as it fits over a column.

    >>> short_name("position-error-truncated"), short_name("position-accuracy[within=30cm]")
    ('truncated', '<30cm')
    >>> short_name("angular-error-percentile[p=50]"), short_name("mota[gate=20deg]")
    ('median', 'mota 20deg')
    """
    chosen = _CHOSEN.fullmatch(metric)
    name, value = (chosen["name"], chosen["value"]) if chosen else (metric, "")
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    if name == "percentile":
        return "median" if value == "50" else f"p{value}"
    if name in {"position-accuracy", "angular-accuracy"}:
        return f"<{value}"
    return f"{name.replace('-', ' ')} {value}".rstrip()


def _header(board: Board, metric: str) -> str:
    unit = _unit(board, metric)
    # Units in words are too long for a column; the legend gives them.
    return f"{short_name(metric)} [{unit}]" if unit in _DECIMALS else short_name(metric)


def legend(board: Board) -> str:
    """Return what the headers of a board stand for, with the full names of its metrics."""
    names = []
    for metric in board.metrics:
        unit = _unit(board, metric)
        words = f" [{unit}]" if unit and unit not in _DECIMALS else ""
        if short_name(metric) != metric or words:
            names.append(f"{short_name(metric)}: {metric}{words}")
    return "; ".join([*names, "RTF: real-time factor, seconds of inference a second of audio"])


def terminal_cells(board: Board) -> tuple[Cells, str]:
    """Return the rows of a board for a terminal, and in words what all of them share.

    A column that says the same of every row is out, and its text is among the words. So is
    `trained on` if whatever was trained was trained on the same.
    """
    rows = text_cells(board)
    shared = {name: text for name in _NARROWED if (text := _shared(rows, name))}
    out = {*shared, "version", "n eff."}
    kept = [{name: text for name, text in row.items() if name not in out} for row in rows]
    return kept, "; ".join(f"{name} {text}" for name, text in shared.items())


def _shared(rows: Cells, column: str) -> str:
    texts = {row.get(column, "") for row in rows}
    if column != "trained on":
        return texts.pop() if len(texts) == 1 else ""
    given = texts - {""}
    if len(given) != 1:
        return ""
    return given.pop() + (", if at all" if "" in texts else "")


def _unit(board: Board, metric: str) -> str:
    rows = (*board.rows, *board.references)
    return next((row.figures[metric].unit for row in rows if metric in row.figures), "")


def figure_text(figure: Figure) -> str:
    """Return a number with its interval.

    >>> figure_text(Figure(0.3829, (0.371, 0.396), "m"))
    '0.383 (0.371 to 0.396)'
    """
    if figure.value is None:
        return "undefined"
    text = _number(figure.value, figure.unit)
    if figure.ci95 is None:
        return text
    low, high = (_number(bound, figure.unit) for bound in figure.ci95)
    return f"{text} ({low} to {high})"


def _number(value: float, unit: str) -> str:
    return f"{value:.{_DECIMALS[unit]}f}" if unit in _DECIMALS else f"{value:.3g}"


def _cost_texts(row: Row) -> dict[str, str]:
    parameters = row.records[0].method.parameters
    factor = row.mean(lambda record: record.cost.real_time_factor)
    return {
        "training": _duration(row.mean(lambda record: record.cost.train_s)),
        "RTF": "" if factor is None else f"{factor:.2g}",
        "parameters": f"{parameters:,}" if parameters else "",
        "memory [MB]": _whole(row.most(lambda record: record.cost.peak_ram_mb)),
        "GPU memory [MB]": _whole(row.most(lambda record: record.cost.peak_vram_mb)),
    }


def _whole(number: float | None) -> str:
    return "" if number is None else f"{number:.0f}"


def _duration(seconds: float | None) -> str:
    if not seconds:
        return ""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _versions(row: Row) -> str:
    method = row.records[0].method
    code = f" ({method.source_sha256[:7]})" if method.source_sha256 else ""
    return f"{method.plugin.distribution} {method.plugin.version}".rstrip() + code


def data_cells(board: Board) -> Cells:
    """Return the rows of a board with all digits, for programs; the same columns everywhere."""
    rows = [(row, _rank(row).replace("-", "")) for row in board.rows]
    rows += [(row, "ref") for row in board.references]
    return [_data(board, row, rank) for row, rank in rows]


def _data(board: Board, row: Row, rank: str) -> dict[str, str]:
    method = row.records[0].method
    published = row.published(board.metrics[0])
    figures: dict[str, str] = {}
    for name in board.metrics:
        figures |= _figure_data(name, row.figures.get(name) or Figure(None))
    return {
        "rank": rank,
        "method": row.label,
        "parameters_of_method": json.dumps(method.params, sort_keys=True),
        **figures,
        "n_eff": _effective(row, board.metrics[0]),
        "published": repr(published.value) if published else "",
        "published_in": published.source if published else "",
        "train_s": _digits(row.mean(lambda record: record.cost.train_s)),
        "real_time_factor": _digits(row.mean(lambda record: record.cost.real_time_factor)),
        "learned_parameters": str(method.parameters),
        "peak_ram_mb": _digits(row.most(lambda record: record.cost.peak_ram_mb)),
        "peak_vram_mb": _digits(row.most(lambda record: record.cost.peak_vram_mb)),
        "licence": method.licence,
        "trained_on": method.trained_on,
        "seeds": " ".join(map(str, row.seeds)),
        "plugin": f"{method.plugin.distribution} {method.plugin.version}".rstrip(),
        "source_sha256": method.source_sha256,
        "commits": _distinct(row, lambda record: record.source.commit or ""),
        "runs": _distinct(row, lambda record: record.run_id),
        "command": "; ".join(dict.fromkeys(record.command for record in row.records)),
    }


def _figure_data(name: str, figure: Figure) -> dict[str, str]:
    low, high = figure.ci95 or (None, None)
    values = {name: figure.value, f"{name}_low": low, f"{name}_high": high}
    return {key: "" if value is None else repr(value) for key, value in values.items()}


def _digits(number: float | None) -> str:
    return "" if number is None else repr(number)


def _distinct(row: Row, text: Callable[[RunRecord], str]) -> str:
    found: Sequence[str] = list(dict.fromkeys(map(text, row.records)))
    return " ".join(filter(None, found))
