"""`sslbench info`: versions, folders and devices, e.g. for a bug report."""

from __future__ import annotations

import json

import click

from sslbench.cli.common.installed import installed
from sslbench.cli.common.options import as_json
from sslbench.cli.common.tables import table


@click.command("info")
@as_json
def command(as_json: bool) -> None:
    """Show versions, folders and devices."""
    facts = _facts()
    click.echo(json.dumps(facts, indent=1) if as_json else table(list(facts.items())))


def _facts() -> dict[str, str]:
    from sslbench.results.store import default_cache, default_store
    from sslbench.running.environment import environment, source

    registry = installed()
    origin = source()
    changed = " with uncommitted changes" if origin.dirty else ""
    return {
        **environment(),
        "commit": f"{origin.commit or 'unknown'}{changed}",
        "store": str(default_store()),
        "cache": str(default_cache()),
        "cuda": _cuda(),
        "plugins": ", ".join(sorted(report.name for report in registry.reports)),
        "broken plugins": ", ".join(report.name for report in registry.broken) or "none",
    }


def _cuda() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
