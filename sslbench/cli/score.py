"""`sslbench score`: stored predictions under today's metrics, or another protocol."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sslbench.cli.installed import installed
from sslbench.cli.options import as_json, store_option
from sslbench.running.store import Store, default_cache


@click.command("score")
@click.argument("runs", nargs=-1, required=True)
@click.option("--protocol", default="sslbench", show_default=True, help="Rule set of the scores.")
@store_option
@as_json
def command(runs: tuple[str, ...], protocol: str, store: Path, as_json: bool) -> None:
    """Score the predictions of stored RUNS again and print the board.

    No method is asked. RUNS are names of the store; patterns with * and ? may be used.
    """
    from sslbench.leaderboard.render import terminal_board
    from sslbench.running.rescoring import rescore
    from sslbench.running.stages import Workbench

    bench = Workbench(installed(), Store(store), default_cache())
    paths = [path for run in runs for path in bench.store.matching(run)]
    records = [rescore(bench, path, protocol) for path in paths]
    if as_json:
        click.echo(json.dumps([json.loads(record.to_json()) for record in records], indent=1))
    else:
        click.echo(terminal_board(records))
