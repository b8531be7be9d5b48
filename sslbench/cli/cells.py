"""What `run`, `train` and `predict` have in common: run cells, say what came of each."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sslbench.cell import Cell, CellOutcome
from sslbench.cli.installed import installed
from sslbench.cli.options import as_json, config_from, execution, selection, store_option
from sslbench.errors import SslbenchError
from sslbench.results.record import RunRecord, read_record
from sslbench.results.store import Store, default_cache
from sslbench.running.config import RunConfig
from sslbench.running.engine import CellRunner, Until, exit_code, run_cells
from sslbench.running.inference import as_cell_error
from sslbench.running.plan import make_plan
from sslbench.running.stages import Workbench

__all__ = ["cells_verb"]

SHOWN = 4
"""Reasons for skipped pairs that are printed: a pattern may leave out hundreds."""


def cells_verb(name: str, *, until: Until, help: str) -> click.Command:
    """Return the verb that takes the cells of a selection to a stage."""

    @click.command(name, help=help)
    @selection
    @execution
    @click.option("--protocol", help="Rule set of the scores.  [default: sslbench]")
    @click.option("--dry-run", is_flag=True, help="Print cells and keys, and run nothing.")
    @store_option
    @as_json
    def verb(store: Path, dry_run: bool, as_json: bool, **options: Any) -> int:
        config = config_from(options)
        return _run_until(until, config, store, dry_run=dry_run, as_json=as_json)

    return verb


def _run_until(
    stage: Until, config: RunConfig, store: Path, *, dry_run: bool, as_json: bool
) -> int:
    registry = installed()
    plan = make_plan(registry, config)
    if stage == "train":
        plan = plan.trainable(registry)
    bench = Workbench(registry, Store(store), default_cache())
    if dry_run:
        _print_plan(bench, plan.cells, plan.skipped, as_json)
        return 0
    bench.store.prepare()
    runner = CellRunner(bench.store.root, bench.cache, stage)
    outcomes = list(plan.skipped)
    for outcome in run_cells(registry, config, runner, plan.cells):
        _say(outcome)
        outcomes.append(outcome)
    _print_results(bench.store, outcomes, as_json)
    return exit_code(outcomes)


def _say(outcome: CellOutcome) -> None:
    # On a terminal every cell is news; elsewhere only what is wrong.
    if outcome.status == "failed":
        click.echo(f"failed: {outcome.cell}\n{_indented(outcome.reason)}", err=True)
    elif sys.stderr.isatty():
        what = outcome.run_id or outcome.reason or "done"
        found = " (was in the store)" if outcome.reused else ""
        click.echo(f"{outcome.status:8}{outcome.cell}: {what}{found}", err=True)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _print_plan(
    bench: Workbench, cells: Sequence[Cell], skipped: Sequence[CellOutcome], as_json: bool
) -> None:
    rows = [
        {"cell": str(cell), "key": _key(bench, cell), "command": cell.command} for cell in cells
    ]
    left = [{"cell": str(outcome.cell), "reason": outcome.reason} for outcome in skipped]
    if as_json:
        click.echo(json.dumps({"cells": rows, "skipped": left}, indent=1))
        return
    for row in rows:
        click.echo(f"{row['key']}  {row['cell']}")
    for gap in left:
        click.echo(f"skipped: {gap['cell']}: {gap['reason']}")


def _key(bench: Workbench, cell: Cell) -> str:
    try:
        with as_cell_error(cell, "while its key was made"):
            return bench.predict_key(cell)[:12]
    except SslbenchError as error:
        return f"no key ({error.what})"


def _print_results(store: Store, outcomes: Sequence[CellOutcome], as_json: bool) -> None:
    records = [read_record(store.run(o.run_id)) for o in outcomes if o.run_id]
    if as_json:
        click.echo(json.dumps(_as_data(outcomes, records), indent=1))
        return
    if records:
        from sslbench.leaderboard.render import terminal_board

        click.echo(terminal_board(records))
    _print_skipped([outcome for outcome in outcomes if outcome.status == "skipped"])
    if not records and not any(outcome.status == "failed" for outcome in outcomes):
        done = sum(outcome.status == "ok" for outcome in outcomes)
        click.echo(f"{done} cells done")


def _print_skipped(skipped: Sequence[CellOutcome]) -> None:
    reasons = list(dict.fromkeys(outcome.reason for outcome in skipped))
    if reasons:
        click.echo(f"\nskipped, since they do not fit ({len(skipped)}):", err=True)
    for reason in reasons[:SHOWN]:
        click.echo(f"  {reason}", err=True)
    if len(reasons) > SHOWN:
        click.echo(f"  and {len(reasons) - SHOWN} more, which --dry-run shows", err=True)


def _as_data(outcomes: Sequence[CellOutcome], records: Sequence[RunRecord]) -> dict[str, object]:
    return {
        "outcomes": [
            {"cell": str(o.cell), "status": o.status, "run": o.run_id, "reason": o.reason}
            for o in outcomes
        ],
        "records": [json.loads(record.to_json()) for record in records],
    }
