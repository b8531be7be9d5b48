"""`sslbench plugins`: list and check plugins, and create a new one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from sslbench.cli.common.installed import installed
from sslbench.cli.common.options import as_json
from sslbench.cli.common.tables import table
from sslbench.errors import BrokenPluginError, UnknownNameError, UsageError
from sslbench.registry import PluginReport, Registry, nearest
from sslbench.specs import MethodSpec


@click.group("plugins")
def command() -> None:
    """List and check plugins, or create a new one."""


@command.command("list")
@as_json
def list_plugins(as_json: bool) -> None:
    """List plugins and what each one provides."""
    reports = installed().reports
    if as_json:
        click.echo(json.dumps([asdict(report) for report in reports], indent=1))
        return
    rows = [[r.name, r.distribution, _provided(r)] for r in reports]
    click.echo(table(rows, ["plugin", "package", "provides"]))


def _provided(report: PluginReport) -> str:
    if report.error:
        return f"broken: {report.error}"
    counts = [_count(len(names), _noun(kind)) for kind, names in report.offers.items()]
    return ", ".join(counts) or "hooks only"


def _noun(kind: str) -> str:
    return "data set" if kind == "datasets" else kind.removesuffix("s")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@command.command("check")
@click.argument("names", nargs=-1)
def check(names: tuple[str, ...]) -> None:
    """Check that plugins conform to the plugin interface: all of them, or NAMES.

    Every method runs on tiny recordings and on silent audio, every data set is opened at smoke
    scale, and every metric is computed for its edge cases.
    """
    from sslbench.testing import check_plugin

    registry = installed()
    chosen = [_report(registry, name) for name in names] or registry.reports
    findings = [finding for report in chosen for finding in check_plugin(registry, report)]
    for finding in findings:
        click.echo(str(finding))
    if findings:
        raise BrokenPluginError(f"{_count(len(findings), 'problem')} found")
    click.echo(f"{_count(len(chosen), 'plugin')} passed")


def _report(registry: Registry, name: str) -> PluginReport:
    by_name = {report.name: report for report in registry.reports}
    if name not in by_name:
        raise UnknownNameError(
            f"there is no plugin {name!r}", expected=nearest(name, list(by_name))
        )
    return by_name[name]


@command.command("new")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder in which the package is created.  [default: this folder]",
)
def new(name: str, into: Path) -> None:
    """Create a plugin: a package NAME with one working method, a test and a README."""
    from sslbench.testing.scaffold import write_plugin

    if name in installed().table(MethodSpec):
        raise UsageError(f"there already is a method {name!r}", hint="choose another name")
    folder = write_plugin(name, into)
    click.echo(
        f"created {folder}, a plugin with one method. Next:\n"
        f"  pip install -e {folder}\n"
        f"  sslbench run --method {name} --dataset luvira-sim"
    )
