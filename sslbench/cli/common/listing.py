"""A command that lists the specs of a plugin kind, or shows one of them."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from sslbench.cli.common.installed import installed
from sslbench.cli.common.options import as_json
from sslbench.cli.common.tables import parameter_table, table
from sslbench.specs import Spec

__all__ = ["listing_command"]


def listing_command(name: str, spec: type[Spec], noun: str, help: str) -> click.Command:
    """Return the command for specs that have a summary and parameters, and little else.

    Args:
        name: of the command.
        spec: the kind.
        noun: what one is called, for the header of the table.
        help: text of the command.
    """

    @click.command(name, help=help)
    @click.argument("name", required=False)
    @as_json
    def command(name: str | None, as_json: bool) -> None:
        registry = installed()
        offers = sorted(registry.table(spec).items())
        if name:
            offers = [(name, registry.find(spec, name))]
        if as_json:
            click.echo(json.dumps([asdict(offer.spec) for _, offer in offers], indent=1))
        elif name:
            ((_, offer),) = offers
            parameters = parameter_table(offer.spec.parameters)
            by = f"provided by plugin {offer.plugin} of {offer.distribution}"
            click.echo(f"{name}: {offer.spec.summary}\n{by}\n\n{parameters}")
        else:
            rows = [[known, offer.spec.summary] for known, offer in offers]
            click.echo(table(rows, [noun, "summary"]))

    return command
