"""The installed plugins, with a line on stderr for each that is broken."""

from __future__ import annotations

import click

from sslbench.registry import Registry

__all__ = ["installed"]


def installed() -> Registry:
    """Load the plugins; name those that are broken, or slow everybody's listings.

    Raises:
        PluginError: if two plugins offer one name, or one is broken in strict mode.
    """
    registry = Registry.installed()
    for report in registry.reports:
        for warning in report.warnings:
            click.echo(f"sslbench: plugin {report.name!r} {warning}", err=True)
    for report in registry.broken:
        click.echo(
            f"sslbench: plugin {report.name!r} of {report.distribution} is left out: "
            f"{report.error} (see `sslbench plugins check`)",
            err=True,
        )
    return registry
