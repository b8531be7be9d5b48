"""`sslbench run`, and what it shares with `train` and `predict`: planning and running cells."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sslbench.cell import Cell, CellOutcome
from sslbench.cli.common.installed import installed
from sslbench.cli.common.options import as_json, execution, selection, store_option
from sslbench.errors import DataError, SslbenchError
from sslbench.registry import Registry
from sslbench.results.record import RunRecord, read_record
from sslbench.results.store import Store, default_cache
from sslbench.running.config import RunConfig, read_config
from sslbench.running.engine import CellRunner, Until
from sslbench.running.executors import exit_code, run_cells
from sslbench.running.inference import as_cell_error
from sslbench.running.keys import prediction_key
from sslbench.running.plan import Plan, make_plan
from sslbench.running.session import Session
from sslbench.selection import choose
from sslbench.specs import DatasetSpec

__all__ = ["cells_command"]

SHOWN = 3
"""Reasons for skipped pairs that are printed without --verbose: a pattern may skip hundreds."""

EVERY = 30.0
"""Seconds between lines of progress where standard error is not a terminal."""


def cells_command(name: str, *, until: Until, help: str) -> click.Command:
    """Return the command that takes the selected cells to a stage."""

    @click.command(name, help=help)
    @selection
    @execution
    @click.option("--protocol", help="Rules of the scores.  [default: sslbench]")
    @click.option("--dry-run", is_flag=True, help="Show what would be run, and run nothing.")
    @click.option("-v", "--verbose", is_flag=True, help="Show the reason of every skipped pair.")
    @store_option
    @as_json
    def command(store: Path, dry_run: bool, verbose: bool, as_json: bool, **options: Any) -> int:
        given = {key: value for key, value in options.items() if key in RunConfig.model_fields}
        config = read_config(given, options["config"])
        registry = installed()
        plan = make_plan(registry, config)
        if until == "train":
            plan = plan.learning
        if dry_run:
            session = Session(registry, Store(store), default_cache(), config.device)
            _print_plan(session, plan, as_json, verbose)
            return 0
        outcomes = _run(registry, config, plan, Store(store), until)
        if as_json:
            click.echo(json.dumps(_as_data(Store(store), outcomes), indent=1))
        else:
            _print_results(Store(store), config, outcomes, until, verbose)
        return exit_code(outcomes)

    return command


def _run(
    registry: Registry, config: RunConfig, plan: Plan, store: Store, until: Until
) -> list[CellOutcome]:
    store.prepare()
    runner = CellRunner(store.root, default_cache(), until)
    outcomes = list(plan.skipped)
    done = run_cells(registry, config, runner, plan.cells)
    outcomes.extend(_reported(registry, done, len(plan.cells)))
    return outcomes


def _reported(
    registry: Registry, outcomes: Iterator[CellOutcome], total: int
) -> Iterator[CellOutcome]:
    # On a terminal a line for every cell; elsewhere failures, and progress now and then.
    last = time.monotonic()
    for number, outcome in enumerate(outcomes, start=1):
        if outcome.status == "failed":
            reason = _indented(outcome.reason) + _substitute(registry, outcome)
            click.echo(f"failed: {outcome.cell}\n{reason}", err=True)
        elif sys.stderr.isatty():
            result = outcome.run_id or outcome.reason or "done"
            found = " (from the store)" if outcome.reused else ""
            click.echo(f"[{number}/{total}] {outcome.status}: {result}{found}", err=True)
        elif time.monotonic() - last > EVERY:
            last = time.monotonic()
            click.echo(f"sslbench: {number} of {total} done", err=True)
        yield outcome


def _substitute(registry: Registry, outcome: CellOutcome) -> str:
    """Return a line with the command for the simulated counterpart of missing data, or ''."""
    cell, offers = outcome.cell, registry.table(DatasetSpec)
    twin = offers.get(offers[cell.dataset.name].spec.twin)
    missing = registry.locate_data(cell.dataset.name) is None
    if outcome.exit_code != DataError.exit_code or twin is None or not missing:
        return ""
    dataset, training = choose(twin.spec, {}), cell.training
    if training is not None and cell.trained_elsewhere is None:
        training = replace(training, data=dataset)
    split = twin.spec.default_split
    substitute = replace(cell, dataset=dataset, split=split, training=training)
    return f"\n  runs now, on simulated data: {substitute.command}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _print_plan(session: Session, plan: Plan, as_json: bool, verbose: bool) -> None:
    rows = [
        {"cell": str(cell), "key": _key(session, cell), "command": cell.command}
        for cell in plan.cells
    ]
    if as_json:
        skipped = [{"cell": str(o.cell), "reason": o.reason} for o in plan.skipped]
        click.echo(json.dumps({"cells": rows, "skipped": skipped}, indent=1))
        return
    for row in rows:
        click.echo(f"{row['key']}  {row['cell']}")
    _print_skipped(plan.skipped, verbose)


def _key(session: Session, cell: Cell) -> str:
    try:
        with as_cell_error(cell, "while its key was computed"):
            return prediction_key(session, cell)[:12]
    except SslbenchError as error:
        return f"no key ({error.what})"


def _print_results(
    store: Store,
    config: RunConfig,
    outcomes: Sequence[CellOutcome],
    until: Until,
    verbose: bool,
) -> None:
    records = _records(store, outcomes)
    if records:
        from sslbench.leaderboard.render import terminal_board

        click.echo(terminal_board(records))
    skipped = [outcome for outcome in outcomes if outcome.status == "skipped"]
    _print_skipped(skipped, verbose)
    if not records and not any(outcome.status == "failed" for outcome in outcomes):
        click.echo(_summary(outcomes, until, config))


def _summary(outcomes: Sequence[CellOutcome], until: Until, config: RunConfig) -> str:
    done = sum(outcome.status == "ok" for outcome in outcomes)
    methods = f"{done} method{'' if done == 1 else 's'}"
    if done and until == "train":
        return f"Trained {methods}"
    if done:
        return f"The predictions of {methods} are in the store"
    if until == "train" and not outcomes:
        names = ", ".join(config.method) or "no selected method"
        return f"Nothing to train: {names} does not learn"
    return "Nothing was run: no selected method is compatible with a selected data set"


def _print_skipped(skipped: Sequence[CellOutcome], verbose: bool) -> None:
    reasons = list(dict.fromkeys(outcome.reason for outcome in skipped))
    if not reasons:
        return
    one = len(skipped) == 1
    pairs = f"{len(skipped)} method/data-set pair{'' if one else 's'}"
    verb = "is not compatible and was" if one else "are not compatible and were"
    click.echo(f"\n{pairs} {verb} skipped:", err=True)
    for reason in reasons if verbose else reasons[:SHOWN]:
        click.echo(f"  {reason}", err=True)
    if len(reasons) > SHOWN and not verbose:
        click.echo("  run with --verbose for all reasons", err=True)


def _records(store: Store, outcomes: Sequence[CellOutcome]) -> list[RunRecord]:
    return [read_record(store.run(o.run_id)) for o in outcomes if o.run_id]


def _as_data(store: Store, outcomes: Sequence[CellOutcome]) -> dict[str, object]:
    return {
        "outcomes": [
            {"cell": str(o.cell), "status": o.status, "run": o.run_id, "reason": o.reason}
            for o in outcomes
        ],
        "records": [json.loads(record.to_json()) for record in _records(store, outcomes)],
    }


command = cells_command(
    "run",
    until="score",
    help="""Run methods on data sets and print the board of what was run.

    Without a selection, every method is run on every simulated data set at smoke scale. Cells
    (one method on one data set) whose results are in the store are not run again.
    """,
)
