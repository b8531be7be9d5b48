"""`sslbench protocols`: which rule sets are installed, and what each one defines."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from sslbench.cli.common.installed import installed
from sslbench.cli.common.options import as_json
from sslbench.cli.common.tables import table
from sslbench.specs import ProtocolSpec


@click.command("protocols")
@click.argument("name", required=False)
@as_json
def command(name: str | None, as_json: bool) -> None:
    """List protocols, or show the rules and metrics of NAME."""
    registry = installed()
    table_of = registry.table(ProtocolSpec)
    offers = (
        [registry.find(ProtocolSpec, name)] if name else [o for _, o in sorted(table_of.items())]
    )
    if as_json:
        click.echo(json.dumps([asdict(offer.spec) for offer in offers], indent=1))
    elif name:
        click.echo(_card(offers[0].spec))
    else:
        rows = [[offer.spec.name, offer.spec.summary] for offer in offers]
        click.echo(table(rows, ["protocol", "summary"]))


def _card(spec: ProtocolSpec) -> str:
    resampling = "recordings, then blocks of frames within each"
    if spec.single_frames:
        resampling = "single frames, as the paper seems to do: too narrow for moving sources"
    facts = [
        ["association", spec.association],
        ["gate", spec.gate],
        ["misses and false positives", spec.missing],
        ["averaging", spec.averaging],
        ["confidence intervals resample", resampling],
        ["primary metric", ", ".join(spec.primary.values()) or "the data set's own metric"],
        ["reference", spec.reference],
    ]
    shown = table([fact for fact in facts if fact[1]])
    metrics = "\n".join(f"  {label}" for label in spec.metrics)
    return f"{spec.name}: {spec.summary}\n\n{shown}\n\nmetrics:\n{metrics}"
