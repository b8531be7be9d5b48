"""`sslbench protocols`: whose rules there are, and what they say."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict

import click

from sslbench.cli.installed import installed
from sslbench.cli.options import as_json
from sslbench.cli.tables import table
from sslbench.specs import ProtocolSpec

WIDTH = 100


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
    drawn = "single frames, as the paper seems to: too narrow for anything that moves"
    facts = [
        ["pairs", spec.association],
        ["gate", spec.gate],
        ["silence", spec.missing],
        ["averaging", spec.averaging],
        ["intervals", drawn if spec.single_frames else "recordings, then blocks of frames"],
        ["ranks by", ", ".join(spec.primary.values()) or "the data set's own metric"],
        ["source", spec.reference],
    ]
    shown = table([[key, textwrap.fill(value, WIDTH)] for key, value in facts if value])
    metrics = "\n".join(f"  {label}" for label in spec.metrics)
    return f"{spec.name}: {spec.summary}\n\n{shown}\n\nmetrics:\n{metrics}"
