"""`sslbench plugins`: list and check plugins, create a new one, and ship weights with one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from sslbench.cell import Training
from sslbench.cli.common.installed import installed
from sslbench.cli.common.options import as_json, store_option
from sslbench.cli.common.tables import table
from sslbench.errors import BrokenPluginError, UnknownNameError, UsageError
from sslbench.registry import PluginReport, Registry, nearest
from sslbench.results.store import Store, default_cache
from sslbench.running import shipped
from sslbench.running.session import Session
from sslbench.selection import select_datasets, select_methods, select_one
from sslbench.specs import SCALES, MethodSpec

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group("plugins")
def command() -> None:
    """List and check plugins, create a new one, or give one trained weights."""


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


@command.command("ship")
@click.option("-m", "--method", required=True, help="Method, as in 'wav2pos[features=ngcc]'.")
@click.option("--trained-on", required=True, help="Data set on which it is, or will be, trained.")
@click.option("--scale", type=click.Choice(SCALES), default="smoke", help="Scale of the training.")
@click.option("--seed", type=int, default=0, help="Seed of the training.")
@click.option("--part", multiple=True, help="Only this part of the method; may be repeated.")
@click.option("--into", type=_FOLDER, required=True, help="Folder for the weights.")
@store_option
def ship(method: str, trained_on: str, into: Path, store: Path, **options: Any) -> None:
    """Copy the weights of a finished training into a plugin, in half precision.

    Writes one folder for the method, if it learns, and one for each of its parts. A spec that
    names such a folder (`shipped`) makes its method ready to use without training.
    """
    session = Session(installed(), Store(store), default_cache())
    choice = select_one(select_methods(session.registry, [method]), method)
    data, _ = select_one(select_datasets(session.registry, [trained_on]), trained_on)
    training = Training(choice.alone, data, options["scale"], options["seed"])
    if not session.method_spec(choice).learns(choice.params):
        raise UsageError(f"{choice} does not learn: there are no weights to ship")
    for folder in shipped.ship(session, training, into, options["part"]):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        click.echo(f"{folder}: {size / 1e3:.0f} kB")


@command.command("new")
@click.argument("name")
@click.option(
    "--into",
    type=_FOLDER,
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
