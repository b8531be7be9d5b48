"""Tables as plain text and as Markdown, both laid out by tabulate."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tabulate import tabulate

__all__ = [
    "DEFAULT_WIDTH",
    "FittedTable",
    "fitted_table",
    "markdown_table",
    "plain_table",
    "terminal_width",
]

DEFAULT_WIDTH = 100
"""Width in characters where the output is not a terminal and COLUMNS is not set."""

GAP = 2
"""Spaces between two columns of a plain table."""


def terminal_width() -> int:
    """Return the width of the terminal in characters."""
    return shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns


def plain_table(
    rows: Sequence[Sequence[object]], headers: Sequence[str] = (), width: int | None = None
) -> str:
    """Lay out rows as plain text, with long texts wrapped to fit a width.

    The widest columns are wrapped first. Words stay whole, so that names can be copied, unless
    the longest words of all columns together are wider than the table may be.

    Args:
        rows: cells by row, all rows of one length.
        headers: names of the columns; none for a table of names and values.
        width: of the table in characters; the width of the terminal by default.
    """
    cells = [[str(cell) for cell in row] for row in ([headers] if headers else []) + [*rows]]
    if not cells:
        return ""
    room = (terminal_width() if width is None else width) - GAP * (len(cells[0]) - 1)
    words = [_longest(" ".join(column).split()) for column in zip(*cells, strict=True)]
    words_fit = sum(words) <= room
    widths = _column_widths(cells, words if words_fit else [1] * len(words), room)
    if headers:
        cells.insert(1, ["-" * width for width in widths])
    # tabulate 0.10 fails to wrap columns with numbers such as 1,000. The header is laid out as a
    # row, because it makes columns two characters wider than a header.
    wrapped = [
        [_wrapped(cell, width, not words_fit) for cell, width in zip(row, widths, strict=True)]
        for row in cells
    ]
    return tabulate(wrapped, tablefmt="plain", disable_numparse=True)


def _wrapped(text: str, width: int, break_words: bool) -> str:
    lines = [
        textwrap.wrap(line, width, break_long_words=break_words, break_on_hyphens=False) or [""]
        for line in text.splitlines()
    ]
    return "\n".join(part for line in lines for part in line)


def _column_widths(cells: Sequence[Sequence[str]], least: Sequence[int], room: int) -> list[int]:
    """Return widths that cut the widest columns to one common width, as large as possible."""
    full = [_longest(column) for column in zip(*cells, strict=True)]
    widths = list(full)
    for common in range(max(full), 0, -1):
        widths = [max(low, min(high, common)) for low, high in zip(least, full, strict=True)]
        if sum(widths) <= room:
            break
    return widths


def _longest(texts: Sequence[str]) -> int:
    return max([1, *map(len, texts)])


@dataclass(frozen=True)
class FittedTable:
    """A plain table without the columns that do not fit.

    Args:
        text: the table.
        columns: names of the columns that are shown.
        note: a sentence that names the columns left out; empty if there are none.
    """

    text: str
    columns: tuple[str, ...]
    note: str


def fitted_table(
    rows: Sequence[Mapping[str, str]], droppable: Sequence[str], width: int | None = None
) -> FittedTable:
    """Lay out rows as plain text and leave out columns until they fit a width.

    Args:
        rows: texts by column, at least one row, all rows with the same columns.
        droppable: columns that may be left out, the least important one first.
        width: of the table in characters; the width of the terminal by default.
    """
    limit = terminal_width() if width is None else width
    widths = {name: _longest([name, *(row[name] for row in rows)]) for name in rows[0]}
    kept = dict(widths)
    for name in droppable:
        if _total(kept) <= limit:
            break
        kept.pop(name, None)
    table = plain_table([[row[name] for name in kept] for row in rows], list(kept), limit)
    left_out = ", ".join(name for name in widths if name not in kept)
    note = (
        f"Left out to fit {limit} characters: {left_out}. Set COLUMNS={_total(widths)} to see them."
    )
    return FittedTable(table, tuple(kept), note if left_out else "")


def _total(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)


def markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Lay out rows as a table of Markdown.

    Args:
        rows: texts by column, at least one row, all rows with the same columns.
    """
    headers = [_escaped(name) for name in rows[0]]
    cells = [[_escaped(text) for text in row.values()] for row in rows]
    return tabulate(cells, headers=headers, tablefmt="github", disable_numparse=True)


def _escaped(text: str) -> str:
    # A bar would end the cell, and a line break the table.
    return " ".join(text.replace("|", "\\|").splitlines())
