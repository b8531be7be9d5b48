"""Boards as files and on the terminal: a pure function of the records, in a stable order."""

from __future__ import annotations

import csv
import difflib
import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from sslbench.errors import LeaderboardError
from sslbench.files import store_errors, write_text
from sslbench.leaderboard.board import Board, Figure, Interval, Row, make_boards
from sslbench.leaderboard.columns import (
    data_cells,
    figure_text,
    legend,
    terminal_cells,
    text_cells,
)
from sslbench.leaderboard.ranking import Comparison
from sslbench.leaderboard.records import BOARDS, committed_paths, load
from sslbench.results.names import record_path
from sslbench.results.record import RunRecord

__all__ = ["build", "check", "csv_table", "markdown_page", "pages", "terminal_board"]

WIDTH = 140
"""Characters that notes on the terminal are broken at."""

DIFF_LINES = 20
"""Lines of the difference that `check` shows of each file."""

_NOTES = """\
Numbers in brackets are 95 % intervals. The rank of a method is 1 plus the number of methods that
are better beyond chance: paired differences on the same resamples, Holm-corrected p < 0.05. Equal
ranks cannot be told apart. `n eff.` is how many independent sources would be as certain as
those that there are. Rows marked `ref` know the truth; they show what could be reached and have no
rank.
"""


def build(boards: Path = BOARDS) -> list[Path]:
    """Write the index and a page and a table of each board; remove pages of boards that are gone.

    Returns:
        The files that a board folder consists of, besides the records.

    Raises:
        FormatError: if a record is damaged.
        StoreError: if the folder cannot be written.
    """
    wanted = pages(load(boards))
    with store_errors(boards):
        (boards / "boards").mkdir(parents=True, exist_ok=True)
        for stale in _existing(boards) - set(wanted):
            (boards / stale).unlink()
    for name, text in wanted.items():
        write_text(boards / name, text)
    return [boards / name for name in wanted]


def check(boards: Path = BOARDS) -> None:
    """Check that the boards are what their records give.

    Raises:
        FormatError: if a record is damaged.
        LeaderboardError: if a page is missing, left over or different, and it shows how; or if
            there are no records.
    """
    committed_paths(boards)
    wanted = pages(load(boards))
    found = {name: _read(boards / name) for name in _existing(boards)}
    drifted = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
    if drifted:
        raise LeaderboardError(
            f"{len(drifted)} files are not what the records give: {', '.join(drifted)}",
            where=str(boards),
            expected="\n".join(_difference(name, found, wanted) for name in drifted),
            hint="`sslbench leaderboard build` writes them anew",
        )


def _existing(boards: Path) -> set[str]:
    owned = [boards / "README.md", *(boards / "boards").glob("*.md")]
    owned += (boards / "boards").glob("*.csv")
    return {path.relative_to(boards).as_posix() for path in owned if path.is_file()}


def _read(path: Path) -> str:
    # Bytes that are no text are a difference like any other.
    return path.read_bytes().decode("utf-8", errors="replace")


def _difference(name: str, found: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    old, new = found.get(name, "").splitlines(), wanted.get(name, "").splitlines()
    lines = list(difflib.unified_diff(old, new, f"{name} as it is", name, lineterm="", n=0))
    more = [f"... {len(lines) - DIFF_LINES} more lines"] if len(lines) > DIFF_LINES else []
    return "\n".join([*lines[:DIFF_LINES], *more])


def pages(records: Sequence[RunRecord]) -> dict[str, str]:
    """Return the text of every file of the boards, by path below the boards folder."""
    boards = make_boards(records)
    texts = {"README.md": _index(boards)}
    for board in boards:
        texts[f"boards/{_stem(board)}.md"] = markdown_page(board)
        texts[f"boards/{_stem(board)}.csv"] = csv_table(board)
    return texts


def markdown_page(board: Board) -> str:
    """Return a board as a page of Markdown."""
    parts = [
        f"# {_title(board)}",
        _facts(board),
        _markdown_table(text_cells(board)),
        f"{legend(board)}.",
        _NOTES,
        _differences(board),
        _published(board),
        "## How to repeat it",
        "\n".join(_repetition(row) for row in (*board.rows, *board.references)),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def csv_table(board: Board) -> str:
    """Return a board as comma-separated values with all digits."""
    rows = data_cells(board)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def terminal_board(records: Sequence[RunRecord]) -> str:
    """Return the boards of records as text for a terminal; empty if no run finished."""
    texts = []
    for board in make_boards(records):
        rows, shared = terminal_cells(board)
        table = _plain_table(rows)
        notes = [f"The same for all: {shared}."] if shared else []
        notes += [f"{legend(board)}."]
        title = f"{_title(board)}, protocol {board.key.protocol}"
        parts = [title, "", table, "", *(_filled(note) for note in notes)]
        texts.append("\n".join(parts))
    return "\n\n".join(texts)


def _filled(text: str) -> str:
    # Names of metrics have hyphens and must stay whole, to be copied.
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)


def _plain_table(rows: Sequence[Mapping[str, str]]) -> str:
    # Without the padding of headers that `tabulate` adds: the width of a terminal is scarce.
    columns = list(rows[0])
    widths = [max(len(text) for text in (name, *(row[name] for row in rows))) for name in columns]
    lines = [columns, ["-" * width for width in widths], *([*row.values()] for row in rows)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _title(board: Board) -> str:
    key = board.key
    return f"{board.label}, {key.split} split, {key.scale} scale"


def _stem(board: Board) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", board.key.dataset.lower()).strip("-")[:60]
    return f"{name}-{board.key.split}-{board.key.scale}-{board.key.digest}"


def _facts(board: Board) -> str:
    key, data = board.key, board.records[0].dataset
    return (
        f"Data set version {key.version}, {data.recordings} recordings, licence {data.licence},"
        f" scenes `{key.scenes_sha256[:12]}`. Protocol `{key.protocol}`; ranked by"
        f" `{key.metric}` version {key.metric_version}."
    )


def _markdown_table(rows: Sequence[Mapping[str, str]]) -> str:
    columns = list(rows[0])
    head = [_markdown_row(columns), "|" + " --- |" * len(columns)]
    return "\n".join(head + [_markdown_row(list(row.values())) for row in rows])


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _differences(board: Board) -> str:
    if not board.differences:
        return ""
    unit = board.rows[0].figures[board.key.metric].unit
    rows = [
        {
            "method": row.label,
            f"worse than {board.rows[0].label} by": figure_text(
                Figure(abs(found.difference), _positive(found), unit)
            ),
            "p (Holm)": _p(found.p),
        }
        for row, found in zip(board.rows[1:], board.differences, strict=True)
        if found.difference == found.difference
    ]
    return f"## Differences from the best\n\n{_markdown_table(rows)}" if rows else ""


def _p(p: float) -> str:
    if p != p:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _positive(found: Comparison) -> Interval | None:
    # The first row is the better one, whichever way the metric points.
    if found.ci95 is None or found.difference > 0:
        return found.ci95
    return -found.ci95[1], -found.ci95[0]


def _published(board: Board) -> str:
    lines = [
        f"- {row.label}: {known.value:g} ({known.source})"
        for row in (*board.rows, *board.references)
        if (known := row.published(board.key.metric))
    ]
    return "\n".join(["Published values:", "", *lines]) if lines else ""


def _repetition(row: Row) -> str:
    lines = [f"- {row.label}:"]
    for record in row.records:
        commit = f", commit `{record.source.commit[:12]}`" if record.source.commit else ""
        path = record_path(record)
        lines.append(f"  - `{record.command}` ([record](../{path}){commit})")
    return "\n".join(lines)


def _index(boards: Sequence[Board]) -> str:
    head = "# Leaderboards\n\nMade by `sslbench leaderboard build` from the records in `results`.\n"
    if not boards:
        return f"{head}\nThere are no records yet.\n"
    rows = [
        {
            "board": f"[{_title(board)}](boards/{_stem(board)}.md)",
            "version": board.key.version,
            "ranked by": board.key.metric,
            "methods": str(len(board.rows)),
            "best": ", ".join(row.label for row in board.rows if row.rank == 1),
            "table": f"[csv](boards/{_stem(board)}.csv)",
        }
        for board in boards
    ]
    return f"{head}\n{_markdown_table(rows)}\n"
