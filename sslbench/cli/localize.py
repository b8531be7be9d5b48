"""`sslbench localize`: localize the sources in a wav file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from sslbench.cell import Choice, Training
from sslbench.cli.common.installed import installed
from sslbench.cli.common.options import as_json, store_option
from sslbench.cli.common.tables import table
from sslbench.results.store import Store, default_cache
from sslbench.running.localize import AudioFile, localize, tracks_as_rows
from sslbench.running.session import Session
from sslbench.running.shipped import origin, shipped_choice
from sslbench.selection import select_datasets, select_methods, select_one
from sslbench.specs import SCALES

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("localize")
@click.argument("wav", type=_FILE)
@click.option("--mics", type=_FILE, required=True, help="Array file (see docs/array-file.md).")
@click.option("-m", "--method", required=True, help="Method, as in 'srp-phat[grid=0.05]'.")
@click.option("--every", type=float, help="Seconds between estimates.  [default: one estimate]")
@click.option("--count", type=click.IntRange(1), default=1, help="Largest number of sources.")
@click.option("--trained-on", help="Data set on which a learned method is, or will be, trained.")
@click.option("--then-on", multiple=True, help="Data set on which its training continues.")
@click.option("--scale", type=click.Choice(SCALES), default="smoke", help="Scale of the training.")
@click.option("--seed", type=int, default=0, help="Seed of the training.")
@click.option("--plot", type=_FILE, help="Plot the estimates into this PNG, SVG or PDF file.")
@store_option
@as_json
def command(wav: Path, mics: Path, method: str, **options: Any) -> None:
    """Localize the sources in the file WAV, of any length.

    With a search region in the array file the estimates are positions in metres, else directions
    in degrees: azimuth counter-clockwise from +x, elevation up from the horizontal.
    """
    file = AudioFile(wav, mics, options["every"], options["count"])
    session = Session(installed(), Store(options["store"]), default_cache())
    choice = select_one(select_methods(session.registry, [method]), method)
    training = _training(session, choice, options)
    spec = session.method_spec(choice)
    if training is None and spec.learns(choice.params):
        choice = shipped_choice(spec, choice)
        click.echo(f"with the weights of {origin(spec, choice)}", err=True)
    recording, found = localize(session, choice, file, training)
    rows = tracks_as_rows(found.tracks)
    if options["plot"]:
        from sslbench.figures.prediction_plot import plot_prediction

        plot_prediction(options["plot"], recording, found)
    if options["as_json"]:
        content = {"tracks": rows, "method": str(choice), "recording": wav.name}
        click.echo(json.dumps(content, indent=1))
    elif rows:
        click.echo(table([list(row.values()) for row in rows], list(rows[0])))
    else:
        click.echo(f"{choice} detects no source in {wav.name}")


def _training(session: Session, method: Choice, options: dict[str, Any]) -> Training | None:
    if options["trained_on"] is None:
        return None
    training: Training | None = None
    for text in (options["trained_on"], *options["then_on"]):
        data, _ = select_one(select_datasets(session.registry, [text]), text)
        training = Training(method.alone, data, options["scale"], options["seed"], training)
    return training
