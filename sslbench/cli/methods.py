"""`sslbench methods`: which methods are installed, and what one of them can estimate."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from sslbench.cli.common.installed import installed
from sslbench.cli.common.options import as_json
from sslbench.cli.common.tables import parameter_table, table
from sslbench.registry import Offer
from sslbench.selection import choose
from sslbench.specs import MethodSpec


@click.command("methods")
@click.argument("name", required=False)
@as_json
def command(name: str | None, as_json: bool) -> None:
    """List methods, or show what NAME can estimate and its parameters."""
    registry = installed()
    offers = (
        [registry.find(MethodSpec, name)]
        if name
        else [o for _, o in sorted(registry.table(MethodSpec).items())]
    )
    if as_json:
        click.echo(json.dumps([asdict(offer.spec) for offer in offers], indent=1))
    elif name:
        click.echo(_card(offers[0]))
    else:
        rows = [
            [o.spec.name, _outputs(o.spec), _sources(o.spec), _type(o.spec), o.spec.summary]
            for o in offers
        ]
        click.echo(table(rows, ["method", "estimates", "sources", "type", "summary"]))


def _outputs(spec: MethodSpec) -> str:
    return " or ".join(spec.outputs)


def _sources(spec: MethodSpec) -> str:
    if spec.max_sources is None:
        return "any"
    return "1" if spec.max_sources == 1 else f"up to {spec.max_sources}"


def _type(spec: MethodSpec) -> str:
    return "oracle" if spec.oracle else "learned" if spec.trainable else "classical"


def _weights(spec: MethodSpec) -> str:
    if spec.shipped:
        return f"of {choose(spec, spec.shipped.params)}"
    if spec.trainable or not any(part.shipped for part in spec.parts):
        return "no"
    return "of " + ", ".join(part.name for part in spec.parts if part.shipped)


def _card(offer: Offer[MethodSpec]) -> str:
    spec = offer.spec
    needs = f"{' or '.join(spec.formats)}, at least {spec.min_channels} channels"
    if spec.max_aperture is not None:
        needs += f", array of at most {spec.max_aperture:g} m"
    facts = [
        ["estimates", _outputs(spec)],
        ["sources", _sources(spec)],
        ["type", _type(spec)],
        ["needs", needs],
        ["parts", ", ".join(part.name for part in spec.parts) or "none"],
        ["comes with weights", _weights(spec)],
        ["paper", spec.paper],
        ["licence", spec.licence],
        ["provided by", f"plugin {offer.plugin} of {offer.distribution}"],
    ]
    return f"{spec.name}: {spec.summary}\n\n{table(facts)}\n\n{parameter_table(spec.parameters)}"
