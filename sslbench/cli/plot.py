"""`sslbench plot`: figures of runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sslbench.cli.common.installed import installed
from sslbench.cli.common.options import store_option
from sslbench.errors import UnknownNameError
from sslbench.registry import nearest
from sslbench.results.store import Store, default_cache

if TYPE_CHECKING:
    from sslbench.running.scoring import OpenRun
    from sslbench.running.session import Session
    from sslbench.scene import MicArray


@click.command("plot")
@click.argument("figure")
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--into",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="PNG, SVG or PDF file to write.",
)
@click.option("--by", "condition", default="", help="With conditions: which one, as in snr_db.")
@click.option("--recording", default="", help="With trajectory or room: which recording.")
@click.option(
    "--median",
    type=click.IntRange(1),
    default=1,
    help="With room: frames of a moving median over the estimates.",
)
@store_option
def command(figure: str, runs: tuple[str, ...], into: Path, store: Path, **options: Any) -> None:
    r"""Draw a FIGURE of stored RUNS.

    \b
    learning-curves     loss and validation value by epoch
    error-distribution  share of the sources by their largest error
    resolution          F1 score by the largest error of a hit
    conditions          primary metric by a condition (--by), with intervals
    trajectory          coordinates by time, of one recording
    room                the room from above, of one recording

    RUNS are names of stored runs (patterns with * and ? may be used) or paths of records, such as
    those in leaderboards/results.
    """
    from sslbench.figures.run_figures import FIGURES, FigureOptions, draw
    from sslbench.figures.style import save
    from sslbench.running.scoring import open_run
    from sslbench.running.session import Session

    if figure not in FIGURES:
        raise UnknownNameError(
            f"there is no figure {figure!r}", expected=nearest(figure, list(FIGURES))
        )
    session = Session(installed(), Store(store), default_cache())
    opened = [open_run(session, path) for path in _paths(session.store, runs)]
    wanted = FigureOptions(**options, array=lambda name: _array(session, opened[0], name))
    save(draw(figure, opened, wanted), into)
    click.echo(into)


def _paths(store: Store, runs: tuple[str, ...]) -> Iterator[Path]:
    for run in runs:
        if run.endswith(".json"):
            yield Path(run)
        else:
            yield from store.matching(run)


def _array(session: Session, run: OpenRun, recording: str) -> MicArray:
    dataset = session.dataset(run.cell.dataset, run.cell.split, run.cell.scale)
    index = list(run.ground_truth.truth).index(recording)
    return dataset.scene(index).recording.array
