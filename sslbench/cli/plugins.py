"""`sslbench plugins`: what is installed, whether it keeps its contracts, and starting a new one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from sslbench.cli.installed import installed
from sslbench.cli.options import as_json
from sslbench.cli.tables import table
from sslbench.errors import BrokenPluginError, UnknownNameError, UsageError
from sslbench.registry import PluginReport, Registry, nearest
from sslbench.specs import MethodSpec


@click.group("plugins")
def command() -> None:
    """List, check and start plugins."""


@command.command("list")
@as_json
def list_plugins(as_json: bool) -> None:
    """List plugins and what each offers."""
    reports = installed().reports
    if as_json:
        click.echo(json.dumps([asdict(report) for report in reports], indent=1))
        return
    rows = [[r.name, r.distribution, _offers(r)] for r in reports]
    click.echo(table(rows, ["plugin", "of", "offers"]))


def _offers(report: PluginReport) -> str:
    if report.error:
        return f"broken: {report.error}"
    counts = [f"{len(names)} {sort}" for sort, names in report.offers.items()]
    return ", ".join(counts) or "hooks only"


@command.command("check")
@click.argument("names", nargs=-1)
def check(names: tuple[str, ...]) -> None:
    """Check that plugins keep their contracts; all of them, or NAMES.

    Every method is asked on tiny recordings and on silence, the smoke scale of every data set
    is opened, every metric meets its edge cases.
    """
    from sslbench.testing import check_plugin

    registry = installed()
    chosen = [_report(registry, name) for name in names] or registry.reports
    findings = [finding for report in chosen for finding in check_plugin(registry, report)]
    for finding in findings:
        click.echo(str(finding))
    if findings:
        raise BrokenPluginError(f"{len(findings)} faults found")
    click.echo(f"{len(chosen)} plugins keep their contracts")


def _report(registry: Registry, name: str) -> PluginReport:
    by_name = {report.name: report for report in registry.reports}
    if name not in by_name:
        raise UnknownNameError(
            f"no plugin is named {name!r}", expected=nearest(name, list(by_name))
        )
    return by_name[name]


@command.command("new")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder in which the package is made.  [default: this folder]",
)
def new(name: str, into: Path) -> None:
    """Start a plugin: a package NAME with one method that runs, a test and a README."""
    from sslbench.testing.scaffold import write_plugin

    if name in installed().table(MethodSpec):
        raise UsageError(f"there is a method {name!r} already", hint="choose another name")
    folder = write_plugin(name, into)
    click.echo(
        f"{folder} is a plugin with one method. Next:\n"
        f"  pip install -e {folder}\n"
        f"  sslbench run --method {name} --dataset luvira-sim"
    )
