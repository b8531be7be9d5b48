"""`sslbench runs`: list the runs in the store."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import click

from sslbench.cli.common.options import as_json, store_option
from sslbench.errors import FormatError
from sslbench.results.record import RunRecord, read_record
from sslbench.results.store import Store
from sslbench.tables import fitted_table, terminal_width

_DROPPABLE = ("split", "scale", "primary metric", "protocol", "date", "data set", "seed")
"""Columns left out on a narrow terminal, in this order; the name of a run holds most of them."""


@click.command("runs")
@click.argument("patterns", nargs=-1)
@store_option
@as_json
def command(patterns: tuple[str, ...], store: Path, as_json: bool) -> None:
    """List stored runs, the newest last: all of them, or those that match PATTERNS.

    PATTERNS are names of runs; * and ? may be used. Commands such as `sslbench score` and
    `sslbench leaderboard add` take the same names and patterns.
    """
    found = Store(store)
    records = _read(_paths(found, patterns))
    if as_json:
        click.echo(json.dumps([_as_data(record) for record in records], indent=1))
    elif records:
        table = fitted_table([_row(record) for record in records], _DROPPABLE)
        click.echo(table.text)
        if table.note:
            note = f"{table.note} --json has all properties."
            click.echo(f"\n{textwrap.fill(note, terminal_width())}")
    else:
        click.echo(f"there are no runs in {found.root}; `sslbench run` adds some", err=True)


def _paths(store: Store, patterns: tuple[str, ...]) -> list[Path]:
    if not patterns:
        return [store.run(name) for name in store.runs()]
    return list(dict.fromkeys(path for pattern in patterns for path in store.matching(pattern)))


def _read(paths: list[Path]) -> list[RunRecord]:
    """Read records, oldest first; report those that are damaged."""
    records = []
    for path in paths:
        try:
            records.append(read_record(path))
        except FormatError as error:
            click.echo(f"sslbench: {error}", err=True)
    return sorted(records, key=lambda record: (record.created, record.run_id))


def _row(record: RunRecord) -> dict[str, str]:
    data = _as_data(record)
    value = "undefined" if data["value"] is None else f"{data['value']:.4g} {data['unit']}"
    return {
        "run": record.run_id,
        "method": record.method.label,
        "data set": record.dataset.label,
        "split": record.dataset.split,
        "scale": record.scale,
        "seed": str(record.seed),
        "protocol": data["protocol"],
        "primary metric": record.dataset.primary_metric,
        "value": value.strip(),
        "date": record.created[:10],
    }


def _as_data(record: RunRecord) -> dict[str, Any]:
    name = record.dataset.primary_metric
    primary = record.metric(name)
    return {
        "run": record.run_id,
        "method": record.method.name,
        "params": record.method.params,
        "dataset": record.dataset.name,
        "dataset_params": record.dataset.params,
        "split": record.dataset.split,
        "scale": record.scale,
        "seed": record.seed,
        "protocol": record.protocol,
        "metric": name,
        "value": primary.value if primary else None,
        "unit": primary.unit if primary else "",
        "created": record.created,
    }
