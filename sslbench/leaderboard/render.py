"""Lay out boards as Markdown, CSV and terminal text, as a pure function of the records."""

from __future__ import annotations

import csv
import difflib
import io
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from sslbench.errors import LeaderboardError
from sslbench.files import store_errors, write_text
from sslbench.leaderboard.board import Board, MetricValue, Row, make_boards
from sslbench.leaderboard.columns import (
    csv_rows,
    droppable,
    legend,
    terminal_rows,
    text_rows,
    value_text,
)
from sslbench.leaderboard.published_tables import PublishedTable, read_tables, table_page
from sslbench.leaderboard.ranking import Comparison
from sslbench.leaderboard.records import BOARDS, committed_paths, load
from sslbench.metrics.uncertainty import Interval
from sslbench.results.names import record_path, slug
from sslbench.results.record import RunRecord
from sslbench.scoring.protocol_definitions import DEFAULT_PROTOCOL
from sslbench.tables import fitted_table, markdown_table, terminal_width

__all__ = ["build", "check", "csv_table", "markdown_page", "pages", "terminal_board"]

DIFF_LINES = 20
"""Lines of the difference that `check` shows per file."""

_NOTES = """\
Numbers in brackets are 95 % confidence intervals. The rank of a method is 1 plus the number of
methods that are significantly better: paired differences on the same resamples, Holm-corrected
p < 0.05. Methods of equal rank are not significantly different. `ref` rows are oracles: given the
ground truth as an upper bound; not ranked.
"""

_ORACLES = "ref: oracles, given the ground truth as an upper bound; not ranked."

_ALL_COLUMNS = "`sslbench leaderboard show --wide` and the CSV files of boards have all columns."


def build(boards: Path = BOARDS) -> list[Path]:
    """Write the index and the Markdown and CSV file of each board; delete outdated files.

    Returns:
        The paths of the files written.

    Raises:
        FormatError: if a record is damaged.
        StoreError: if the folder cannot be written.
    """
    wanted = _all_pages(boards)
    with store_errors(boards):
        (boards / "boards").mkdir(parents=True, exist_ok=True)
        for stale in _existing(boards) - set(wanted):
            (boards / stale).unlink()
    for name, text in wanted.items():
        write_text(boards / name, text)
    return [boards / name for name in wanted]


def check(boards: Path = BOARDS) -> None:
    """Check that the files of the boards match their records.

    Raises:
        FormatError: if a record is damaged.
        LeaderboardError: if a file is missing, outdated or different, with the differences; or
            if there are no records.
    """
    committed_paths(boards)
    wanted = _all_pages(boards)
    found = {name: _read(boards / name) for name in _existing(boards)}
    outdated = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
    if outdated:
        raise LeaderboardError(
            f"these files do not match the records: {', '.join(outdated)}",
            where=str(boards),
            expected="\n".join(_difference(name, found, wanted) for name in outdated),
            hint="run `sslbench leaderboard build` to update them",
        )


def _all_pages(boards: Path) -> dict[str, str]:
    return pages(load(boards), read_tables(boards))


def _existing(boards: Path) -> set[str]:
    owned = [boards / "README.md", *(boards / "boards").glob("*.md")]
    owned += [*(boards / "boards").glob("*.csv"), *(boards / "tables").glob("*.md")]
    return {path.relative_to(boards).as_posix() for path in owned if path.is_file()}


def _read(path: Path) -> str:
    # Invalid UTF-8 is a difference like any other, not an error.
    return path.read_bytes().decode("utf-8", errors="replace")


def _difference(name: str, found: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    old, new = found.get(name, "").splitlines(), wanted.get(name, "").splitlines()
    lines = list(difflib.unified_diff(old, new, f"{name} as found", name, lineterm="", n=0))
    more = [f"... {len(lines) - DIFF_LINES} more lines"] if len(lines) > DIFF_LINES else []
    return "\n".join([*lines[:DIFF_LINES], *more])


def pages(
    records: Sequence[RunRecord], tables: Mapping[str, PublishedTable] | None = None
) -> dict[str, str]:
    """Return the text of every file of the boards, by path relative to the boards folder.

    Args:
        records: all committed records.
        tables: descriptions of tables of papers, by name.

    Raises:
        LeaderboardError: if a table needs a record that is not there.
    """
    tables = tables or {}
    named = _named(make_boards(records))
    texts = {"README.md": _index(named, tables)}
    for name, board in named.items():
        texts[f"boards/{name}.md"] = markdown_page(board)
        texts[f"boards/{name}.csv"] = csv_table(board)
    for name, table in tables.items():
        texts[f"tables/{name}.md"] = table_page(name, table, records)
    return texts


def markdown_page(board: Board) -> str:
    """Return a board as a page of Markdown."""
    rows = text_rows(board)
    parts = [
        f"# {_title(board)}",
        _facts(board),
        markdown_table(rows),
        f"{legend(board, rows[0])}.",
        _NOTES,
        _differences(board),
        _published(board),
        "## How to reproduce it",
        "\n".join(_commands(row) for row in (*board.rows, *board.references)),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def csv_table(board: Board) -> str:
    """Return a board as comma-separated values with all digits."""
    rows = csv_rows(board)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def terminal_board(records: Sequence[RunRecord], *, wide: bool = False) -> str:
    """Return the boards of records as text for a terminal; empty if no run finished.

    Args:
        records: of any boards.
        wide: show all columns, even if they are wider than the terminal.
    """
    width = sys.maxsize if wide else terminal_width()
    return "\n\n".join(_terminal_text(board, width) for board in make_boards(records))


def _terminal_text(board: Board, width: int) -> str:
    rows, notes = terminal_rows(board)
    table = fitted_table(rows, droppable(board), width)
    if meanings := legend(board, table.columns):
        notes.append(f"{meanings}.")
    if board.references:
        notes.append(_ORACLES)
    if table.note:
        notes.append(f"{table.note} {_ALL_COLUMNS}")
    return "\n".join([_title(board), "", table.text, "", *map(_filled, notes)])


def _filled(text: str) -> str:
    # Names of metrics have hyphens and must stay whole, to be copied.
    return textwrap.fill(text, terminal_width(), break_on_hyphens=False, break_long_words=False)


def _title(board: Board) -> str:
    key = board.key
    return f"{board.label}, {key.split} split, {key.scale} scale, protocol {key.protocol}"


def _named(boards: Sequence[Board]) -> dict[str, Board]:
    """Return boards by the names of their files; a hash only where two would be the same."""
    plain = Counter(map(_file_name, boards))
    names = [_file_name(board) for board in boards]
    return {
        name if plain[name] == 1 else f"{name}-{board.key.digest}": board
        for name, board in zip(names, boards, strict=True)
    }


def _file_name(board: Board) -> str:
    key = board.key
    protocol = [] if key.protocol == DEFAULT_PROTOCOL else [key.protocol]
    return "-".join([slug(board.label), key.split, key.scale, *protocol])


def _facts(board: Board) -> str:
    key, data = board.key, board.records[0].dataset
    return (
        f"Data set version {key.version}, {data.recordings} recordings, licence {data.licence},"
        f" scenes `{key.scenes_sha256[:12]}`. Protocol `{key.protocol}`; ranked by"
        f" `{key.metric}` version {key.metric_version}."
    )


def _differences(board: Board) -> str:
    if not board.differences:
        return ""
    unit = board.rows[0].values[board.key.metric].unit
    rows = [
        {
            "method": row.label,
            f"worse than {board.rows[0].label} by": value_text(
                MetricValue(abs(found.difference), _positive(found), unit)
            ),
            "p (Holm)": _p(found.p),
        }
        for row, found in zip(board.rows[1:], board.differences, strict=True)
        if found.difference == found.difference
    ]
    return f"## Differences from the best\n\n{markdown_table(rows)}" if rows else ""


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


def _commands(row: Row) -> str:
    lines = [f"- {row.label}:"]
    for record in row.records:
        commit = f", commit `{record.source.commit[:12]}`" if record.source.commit else ""
        path = record_path(record)
        lines.append(f"  - `{record.command}` ([record](../{path}){commit})")
    return "\n".join(lines)


def _index(boards: Mapping[str, Board], tables: Mapping[str, PublishedTable]) -> str:
    head = (
        "# Leaderboards\n\nBuilt by `sslbench leaderboard build` from the records in `results`.\n"
    )
    if tables:
        links = [f"- [{table.title}](tables/{name}.md)" for name, table in tables.items()]
        head += "\n" + "\n".join(["Tables of papers, with our values:", "", *links]) + "\n"
    if not boards:
        return f"{head}\nThere are no records yet.\n"
    rows = [
        {
            "board": f"[{_title(board)}](boards/{name}.md)",
            "version": board.key.version,
            "ranked by": board.key.metric,
            "methods": str(len(board.rows)),
            "best": ", ".join(row.label for row in board.rows if row.rank == 1),
            "table": f"[csv](boards/{name}.csv)",
        }
        for name, board in boards.items()
    ]
    return f"{head}\n{markdown_table(rows)}\n"
