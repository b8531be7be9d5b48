"""`sslbench datasets`: list, download, check, prepare and find data sets."""

from __future__ import annotations

import csv
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from sslbench.cell import Choice
from sslbench.cli.common.installed import installed
from sslbench.cli.common.options import as_json
from sslbench.cli.common.tables import parameter_table, table
from sslbench.contracts import Dataset, Incompatible
from sslbench.errors import DataError, FormatError, UsageError
from sslbench.registry import Offer, Registry
from sslbench.specs import SCALES, DatasetSpec, Scale

_SELECTION = click.argument("selection")
_SCALE = click.option(
    "--scale",
    type=click.Choice(SCALES),
    default="smoke",
    show_default=True,
    help="Number of recordings: smoke (fewest), quick or paper (as in the papers).",
)

_FAILED_DOWNLOAD = {".lock", ".damaged"}
"""Endings of the files that a failed download may leave behind, besides ``.part``."""


@click.group("datasets")
def command() -> None:
    """List, download, check, prepare and find data sets."""


@command.command("list")
@click.argument("name", required=False)
@as_json
def list_datasets(name: str | None, as_json: bool) -> None:
    """List data sets, or show NAME and its parameters."""
    registry = installed()
    offers = (
        [registry.find(DatasetSpec, name)]
        if name
        else [o for _, o in sorted(registry.table(DatasetSpec).items())]
    )
    if as_json:
        click.echo(json.dumps([asdict(offer.spec) for offer in offers], indent=1))
    elif name:
        click.echo(_card(offers[0], registry))
    else:
        rows = [
            [o.spec.name, o.spec.kind, _state(registry, o.spec), o.spec.summary] for o in offers
        ]
        click.echo(table(rows, ["data set", "task", "state", "summary"]))


def _state(registry: Registry, spec: DatasetSpec) -> str:
    if spec.simulated:
        return "simulated"
    folder = registry.locate_data(spec.name)
    if folder is None or not folder.is_dir():
        return "missing"
    endings = {path.suffix for path in folder.iterdir()}
    if ".part" in endings:
        return "partial download"
    return "installed" if endings - _FAILED_DOWNLOAD else "missing"


def _card(offer: Offer[DatasetSpec], registry: Registry) -> str:
    spec = offer.spec
    facts = [
        ["task", spec.kind],
        ["array", spec.array],
        ["state", _state(registry, spec)],
        ["splits", ", ".join(spec.splits)],
        ["primary metric", spec.primary_metric],
        ["version", spec.version],
        ["licence", spec.licence],
        ["paper", spec.paper],
        ["available from", spec.where],
        ["simulated substitute", spec.twin],
        ["provided by", f"plugin {offer.plugin} of {offer.distribution}"],
    ]
    shown = table([fact for fact in facts if fact[1]])
    return f"{spec.name}: {spec.summary}\n\n{shown}\n\n{parameter_table(spec.parameters)}"


@command.command("check")
@_SELECTION
@_SCALE
@click.option("--limit", type=click.IntRange(1), default=20, help="Number of recordings to check.")
@as_json
def check(selection: str, scale: Scale, limit: int, as_json: bool) -> None:
    """Check whether the labels of a data set match its audio.

    Detects damaged files, a wrong channel order, swapped or mirrored axes, wrong units, a clock
    offset and a wrong sample rate. Exits with 4 if there is an error.
    """
    from sslbench.datasets.doctor.diagnosis import diagnose

    findings = [f for _, data in _opened(selection, scale) for f in diagnose(data, limit)]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            click.echo(_line(finding))
    faults = [finding.code for finding in findings if finding.severity == "error"]
    if faults:
        raise FormatError(f"found {', '.join(dict.fromkeys(faults))}", where=selection)


def _line(finding: Any) -> str:
    where = f" ({finding.where})" if finding.where else ""
    todo = f"\n         to do: {finding.hint}" if finding.hint else ""
    return f"{finding.severity:8} {finding.code}: {finding.message}{where}{todo}"


@command.command("download")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    show_default="$SSLBENCH_DATA or a user folder",
    help="Folder with one folder per data set; the files go to INTO/NAME.",
)
def download(name: str, into: Path | None) -> None:
    """Download the files of a data set; an interrupted download is resumed.

    Archives are checked and unpacked. Exits with 4 if that fails.
    """
    from sslbench.datasets.download import downloads, obtain, so_far
    from sslbench.datasets.locate import candidates

    registry = installed()
    files = downloads(registry.find(DatasetSpec, name).spec)
    folder = into / name if into else registry.locate_data(name) or candidates(name)[0]
    try:
        for file in files:
            click.echo(obtain(file, folder))
    except KeyboardInterrupt:
        click.echo(f"sslbench: {so_far(files, folder)}", err=True)
        raise
    found = registry.locate_data(name)
    elsewhere = found is None or not found.samefile(folder)
    setting = f"SSLBENCH_DATA={shlex.quote(str(folder.parent.resolve()))} " if elsewhere else ""
    click.echo(f"next: {setting}sslbench datasets check {name}")


@command.command("prepare")
@_SELECTION
@_SCALE
@click.option("--all-splits", is_flag=True, help="Prepare every split, not only the selected one.")
def prepare(selection: str, scale: Scale, all_splits: bool) -> None:
    """Simulate or convert all scenes of a data set now, so that later runs start at once.

    Also prints what was found and what is assumed, where a data set reports that. Without a split,
    as in `NAME:train`, the default split is prepared.
    """
    for name, dataset in _opened(selection, scale, all_splits=all_splits):
        dataset.prepare()
        click.echo(f"{name} ({scale}): {len(dataset)} recordings are ready")
        for line in dataset.report():
            click.echo(f"  {line}")


@command.command("times")
@_SELECTION
@_SCALE
def times(selection: str, scale: Scale) -> None:
    """Print the recordings of a data set and the times of the requested estimates, as CSV.

    For predictions of another program, which `sslbench score FILE --dataset ...` scores.
    """
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(["recording", "time"])
    for _, dataset in _opened(selection, scale):
        for index in range(len(dataset)):
            name, truth = dataset.truth(index)
            lines.writerows((name, repr(float(time))) for time in truth.tracks.times)


@command.command("path")
@click.argument("name")
def path(name: str) -> None:
    """Print the folder of a data set; exits with 4 if it has none."""
    registry = installed()
    spec = registry.find(DatasetSpec, name).spec
    if spec.simulated:
        from sslbench.results.store import default_cache

        click.echo(default_cache())
        return
    found = registry.locate_data(name)
    if found is None:
        _open(registry)(Choice(name, _defaults(spec)), spec.default_split, "smoke")
        raise DataError(f"{name} has no folder of its own: its folder is given by a parameter")
    click.echo(found)


def _defaults(spec: DatasetSpec) -> dict[str, Any]:
    return {parameter.name: parameter.default for parameter in spec.parameters}


def _opened(
    selection: str, scale: Scale, *, all_splits: bool = False
) -> Iterator[tuple[str, Dataset]]:
    from sslbench.selection import select_datasets

    registry = installed()
    opened = _open(registry)
    for choice, split in select_datasets(registry, [selection]):
        every = registry.find(DatasetSpec, choice.name).spec.splits
        for each in every if all_splits else (split,):
            try:
                dataset = opened(choice, each, scale)
            except Incompatible as reason:
                if not all_splits:
                    raise UsageError(str(reason)) from reason
                click.echo(f"sslbench: left out: {reason}", err=True)
            else:
                yield f"{choice}:{each}", dataset


def _open(registry: Registry) -> Callable[[Choice, str, Scale], Dataset]:
    from sslbench.results.store import Store, default_cache, default_store
    from sslbench.running.session import Session

    return Session(registry, Store(default_store()), default_cache()).dataset
