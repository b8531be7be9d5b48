"""`sslbench metrics`: which metrics are installed, and how each one is defined."""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict

import click

from sslbench.cli.common.installed import installed
from sslbench.cli.common.options import as_json
from sslbench.cli.common.tables import parameter_table, table
from sslbench.registry import Offer, Registry, load_target
from sslbench.specs import MetricSpec, ProtocolSpec


@click.command("metrics")
@click.argument("name", required=False)
@as_json
def command(name: str | None, as_json: bool) -> None:
    """List metrics, or show the definition of NAME: formula, unit, direction, edge cases."""
    registry = installed()
    offers = (
        [registry.find(MetricSpec, name)]
        if name
        else [o for _, o in sorted(registry.table(MetricSpec).items())]
    )
    if as_json:
        click.echo(json.dumps([asdict(offer.spec) for offer in offers], indent=1))
    elif name:
        click.echo(_card(registry, offers[0]))
    else:
        rows = [[o.spec.name, _unit(o.spec), _kinds(o.spec), o.spec.summary] for o in offers]
        click.echo(table(rows, ["metric", "unit", "applies to", "summary"]))


def _unit(spec: MetricSpec) -> str:
    return "m or deg" if spec.unit == "distance" else spec.unit


def _kinds(spec: MetricSpec) -> str:
    if spec.subject == "microphones":
        return "microphones"
    return " and ".join(f"{kind}s" for kind in spec.kinds)


def _card(registry: Registry, offer: Offer[MetricSpec]) -> str:
    spec = offer.spec
    better = {True: "higher is better", False: "lower is better", None: "neither is better"}
    facts = [
        ["applies to", _kinds(spec)],
        ["unit", _unit(spec) or "none"],
        ["direction", better[spec.higher_is_better]],
        ["version", str(spec.version)],
        ["reference", spec.reference],
        ["protocols", ", ".join(_protocols(registry, spec.name))],
        ["provided by", f"plugin {offer.plugin} of {offer.distribution}"],
    ]
    definition = inspect.getdoc(load_target(spec.target, f"metric {spec.name}")) or ""
    shown = table([fact for fact in facts if fact[1]])
    parts = [f"{spec.name}: {spec.summary}", shown, parameter_table(spec.parameters), definition]
    return "\n\n".join(parts)


def _protocols(registry: Registry, metric: str) -> list[str]:
    return [
        name
        for name, offer in sorted(registry.table(ProtocolSpec).items())
        if metric in {label.partition("[")[0] for label in offer.spec.metrics}
    ]
