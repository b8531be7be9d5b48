"""`sslbench leaderboard`: build leaderboards from records, and verify the records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from sslbench.cli.common.installed import installed
from sslbench.cli.common.options import as_json, store_option
from sslbench.cores import usable_cores
from sslbench.errors import LeaderboardError, UnknownNameError
from sslbench.results.store import Store, default_cache

_BOARDS = click.option(
    "--boards",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("leaderboards"),
    show_default=True,
    help="Folder of the committed records and leaderboards.",
)


@click.group("leaderboard")
def command() -> None:
    """Add records; build, check, verify and show leaderboards."""


@command.command("add")
@click.argument("runs", nargs=-1, required=True)
@click.option("--allow-dirty", is_flag=True, help="Also add runs of code with uncommitted changes.")
@_BOARDS
@store_option
def add(runs: tuple[str, ...], allow_dirty: bool, boards: Path, store: Path) -> None:
    """Copy the records and predictions of RUNS into the boards folder.

    RUNS are names of stored runs, as listed by `sslbench runs`, or patterns with * and ?.
    """
    from sslbench.leaderboard.records import add as add_record

    found = Store(store)
    for path in (path for run in runs for path in found.matching(run)):
        click.echo(add_record(path, boards, allow_dirty=allow_dirty))


@command.command("build")
@_BOARDS
def build(boards: Path) -> None:
    """Write the leaderboards of the committed records, as Markdown and CSV."""
    from sslbench.leaderboard.render import build as build_boards

    for path in build_boards(boards):
        click.echo(path)


@command.command("check")
@_BOARDS
def check(boards: Path) -> None:
    """Check that the leaderboards match the committed records; exits with 5 if they do not."""
    from sslbench.leaderboard.render import check as check_boards

    check_boards(boards)
    click.echo("the leaderboards match their records")


@command.command("show")
@_BOARDS
@click.option("-d", "--dataset", default="", help="Only leaderboards of this data set.")
@click.option("--wide", is_flag=True, help="Print all columns, however wide the terminal is.")
def show(boards: Path, dataset: str, wide: bool) -> None:
    """Print the leaderboards of the committed records."""
    from sslbench.leaderboard.records import load
    from sslbench.leaderboard.render import terminal_board

    records = [r for r in load(boards) if dataset in ("", r.dataset.name)]
    if not records:
        of_dataset = f" of {dataset}" if dataset else ""
        raise LeaderboardError(f"there are no records{of_dataset}", where=str(boards))
    click.echo(terminal_board(records, wide=wide))


@command.command("table")
@click.argument("name", required=False)
@_BOARDS
def table(name: str | None, boards: Path) -> None:
    """Print a table of a paper with our values beside the published ones.

    Without NAME, the tables are listed.
    """
    from sslbench.leaderboard.published_tables import read_tables, table_page
    from sslbench.leaderboard.records import load

    tables = read_tables(boards)
    if name is None:
        for key, each in tables.items():
            click.echo(f"{key}  {each.title}")
        return
    if name not in tables:
        raise UnknownNameError(
            f"there is no table {name!r}", expected="one of " + ", ".join(tables)
        )
    click.echo(table_page(name, tables[name], load(boards)), nl=False)


@command.command("verify")
@_BOARDS
@store_option
@as_json
def verify(boards: Path, store: Path, as_json: bool) -> None:
    """Score the committed predictions again; exits with 5 if a number differs.

    Records whose data set is not installed are listed; they cannot be verified.
    """
    from sslbench.leaderboard.verify import verify as verify_records
    from sslbench.running.session import Session

    session = Session(installed(), Store(store), default_cache())
    found = []
    for result in verify_records(session, boards, usable_cores()):
        found.append(result)
        if not as_json:
            details = "".join(f"\n  {line}" for line in result.details)
            click.echo(f"{result.status:10}{result.run_id}{details}")
    if as_json:
        click.echo(json.dumps([_row(v) for v in found], indent=1))
    wrong = [result.run_id for result in found if result.status == "differs"]
    if wrong:
        raise LeaderboardError(f"{len(wrong)} of {len(found)} records differ", where=str(boards))


@command.command("rescore")
@_BOARDS
@store_option
def rescore(boards: Path, store: Path) -> None:
    """Score the committed predictions with the current metrics and update the records.

    No method is run. Build the leaderboards afterwards.
    """
    from sslbench.leaderboard.rescore import rescore as rescore_records
    from sslbench.running.session import Session

    session = Session(installed(), Store(store), default_cache())
    for result in rescore_records(session, boards):
        click.echo(f"{result.status:10}{result.run_id}")


def _row(result: Any) -> dict[str, Any]:
    return {"run": result.run_id, "status": result.status, "details": list(result.details)}
