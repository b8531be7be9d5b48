"""`sslbench localize`: the benchmark as a tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from sslbench.cell import Choice
from sslbench.cli.installed import installed
from sslbench.cli.options import as_json, store_option
from sslbench.cli.tables import table
from sslbench.contracts import SCALES, Scale
from sslbench.errors import UsageError
from sslbench.results.store import Store, default_cache
from sslbench.running.localize import Training, localize, read_recording, tracks_as_rows
from sslbench.running.stages import Workbench
from sslbench.selection import select_datasets, select_methods

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("localize")
@click.argument("wav", type=_FILE)
@click.option("--mics", type=_FILE, required=True, help="Array file (see docs/array-file.md).")
@click.option("-m", "--method", required=True, help="Method, as in 'srp-phat[grid=0.05]'.")
@click.option("--every", type=float, help="Seconds between answers.  [default: one answer in all]")
@click.option("--count", type=click.IntRange(1), default=1, help="Most sources at once.")
@click.option("--trained-on", help="Data set for methods that learn.")
@click.option("--scale", type=click.Choice(SCALES), default="smoke", help="Of that training.")
@click.option("--picture", type=_FILE, help="Draw the answer into this PNG or SVG file.")
@store_option
@as_json
def command(wav: Path, mics: Path, method: str, **options: Any) -> None:
    """Say where the sound in the file WAV comes from.

    With a search region in the array file the answer is positions in metres, else directions in
    degrees: azimuth counter-clockwise from +x, elevation up from the horizontal.
    """
    recording = read_recording(wav, mics, options["every"], options["count"])
    bench = _workbench(options["store"])
    choice = _one(select_methods(bench.registry, [method]), method)
    training = _training(bench, options["trained_on"], options["scale"])
    found = localize(bench, choice, recording, training)
    rows = tracks_as_rows(found.tracks)
    if options["picture"]:
        from sslbench.figures.prediction_plot import draw

        draw(options["picture"], recording, found)
    if options["as_json"]:
        answer = {"tracks": rows, "method": str(choice), "recording": wav.name}
        click.echo(json.dumps(answer, indent=1))
    elif rows:
        click.echo(table([list(row.values()) for row in rows], list(rows[0])))
    else:
        click.echo(f"{choice} finds no source in {wav.name}")


def _workbench(store: Path) -> Workbench:
    return Workbench(installed(), Store(store), default_cache())


def _one(choices: list[Choice], text: str) -> Choice:
    if len(choices) != 1:
        names = ", ".join(map(str, choices))
        raise UsageError(f"{text!r} names {len(choices)} methods", expected=f"one of {names}")
    return choices[0]


def _training(bench: Workbench, dataset: str | None, scale: Scale) -> Training | None:
    if dataset is None:
        return None
    chosen = [choice for choice, _ in select_datasets(bench.registry, [dataset])]
    return Training(_one(chosen, dataset), scale)
