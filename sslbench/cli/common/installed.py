"""Load the installed plugins and report broken ones on stderr."""

from __future__ import annotations

import click

from sslbench.registry import Registry

__all__ = ["installed"]


def installed() -> Registry:
    """Load the plugins; report those that are broken or slow to import.

    Raises:
        PluginError: if two plugins provide the same name, or one is broken in strict mode.
    """
    registry = Registry.installed()
    for report in registry.reports:
        for warning in report.warnings:
            click.echo(f"sslbench: plugin {report.name!r} {warning}", err=True)
    for report in registry.broken:
        click.echo(
            f"sslbench: plugin {report.name!r} of {report.distribution} cannot be used: "
            f"{report.error} (see `sslbench plugins check`)",
            err=True,
        )
    return registry
