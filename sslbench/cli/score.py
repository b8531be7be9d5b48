"""`sslbench score`: answers that are there already, under any rules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sslbench.cli.installed import installed
from sslbench.cli.options import as_json, store_option
from sslbench.cli.tables import score_table, table
from sslbench.contracts import SCALES, Scale
from sslbench.errors import UsageError
from sslbench.results.store import Store, default_cache

if TYPE_CHECKING:
    from sslbench.running.rescoring import StoredRun
    from sslbench.running.stages import Workbench
    from sslbench.scoring.scores import Score


@dataclass(frozen=True)
class Wanted:
    """What is to be scored and what is to be said of it, as the options give it."""

    runs: tuple[str, ...]
    protocol: str
    metric: tuple[str, ...]
    condition: str | None
    frames: Path | None
    gate: str | None
    worst: int | None
    dataset: str | None
    scale: Scale
    method_name: str | None


@click.command("score")
@click.argument("runs", nargs=-1, required=True)
@click.option("--protocol", default="sslbench", show_default=True, help="Rule set of the scores.")
@click.option("--metric", multiple=True, help="Any metric, as in 'mota[gate=30deg]'.")
@click.option("--by", "condition", help="Condition to split recordings by, as in snr_db.")
@click.option(
    "--frames",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write hits, misses and false alarms of every frame to a .csv or .parquet file.",
)
@click.option("--worst", type=click.IntRange(1), help="Print so many frames of largest error.")
@click.option("--gate", help="With --frames or --worst: pairs further apart are none, as in 0.5m.")
@click.option("-d", "--dataset", help="Data set that the files RUNS answer.")
@click.option(
    "--scale",
    type=click.Choice(SCALES),
    default="smoke",
    show_default=True,
    help="Scale of that data set.",
)
@click.option("--method-name", help="Name for what made the answers in a file.")
@store_option
@as_json
def command(store: Path, as_json: bool, **options: Any) -> None:
    """Score the answers of stored RUNS again, and print the board.

    No method is asked. RUNS are names of the store; patterns with * and ? may be used. With
    --dataset, RUNS is a file of answers that were made elsewhere, in csv or npz.
    """
    from sslbench.running.stages import Workbench

    wanted = Wanted(**options)
    bench = Workbench(installed(), Store(store), default_cache())
    paths = list(_records(bench, wanted))
    if wanted.metric or wanted.condition or wanted.frames or wanted.worst:
        _say_more(bench, paths, wanted, as_json)
    else:
        _say_board(bench, paths, wanted, as_json)


def _records(bench: Workbench, wanted: Wanted) -> Iterator[Path]:
    if wanted.dataset is None:
        for run in wanted.runs:
            yield from bench.store.matching(run)
        return
    from sslbench.running.submission import Submission, record_of_answers
    from sslbench.selection import select_datasets

    if not wanted.method_name or len(wanted.runs) != 1:
        raise UsageError(
            "answers that were made elsewhere need a name",
            expected="one file, with --method-name and --dataset",
        )
    chosen = select_datasets(bench.registry, [wanted.dataset])
    if len(chosen) != 1:
        raise UsageError(f"{wanted.dataset!r} means {len(chosen)} data sets", expected="one")
    ((dataset, split),) = chosen
    file, name = Path(wanted.runs[0]), wanted.method_name
    submission = Submission(file, name, dataset, split, wanted.scale, wanted.protocol)
    record = record_of_answers(bench, submission)
    click.echo(f"run {record.run_id}", err=True)
    yield bench.store.run(record.run_id)


def _say_board(bench: Workbench, paths: Sequence[Path], wanted: Wanted, as_json: bool) -> None:
    from sslbench.leaderboard.render import terminal_board
    from sslbench.running.rescoring import rescore

    records = [rescore(bench, path, wanted.protocol) for path in paths]
    if as_json:
        click.echo(json.dumps([json.loads(record.to_json()) for record in records], indent=1))
    else:
        click.echo(terminal_board(records))


def _say_more(bench: Workbench, paths: Sequence[Path], wanted: Wanted, as_json: bool) -> None:
    from sslbench.running.rescoring import open_run

    if wanted.frames and len(paths) != 1:
        raise UsageError(f"{len(paths)} runs for one table of frames", expected="one run")
    said = {}
    for path in paths:
        run = open_run(bench, path, wanted.protocol)
        tables = _tables(bench, run, wanted)
        said[run.record.run_id] = tables
        if not as_json and tables:
            click.echo(f"{run.cell} (protocol {wanted.protocol})\n")
            click.echo("\n\n".join(_titled(*each) for each in tables.items()))
        if wanted.frames or wanted.worst:
            _say_frames(run, wanted, as_json)
    if as_json:
        click.echo(json.dumps(_as_data(said), indent=1))


def _tables(bench: Workbench, run: StoredRun, wanted: Wanted) -> dict[str, list[Score]]:
    from sslbench.running.rescoring import score_by_condition, score_with

    if wanted.condition:
        bins = score_by_condition(bench, run, wanted.metric, wanted.condition)
        return {f"{wanted.condition} {label}": scores for label, scores in bins.items()}
    return {"": score_with(bench, run, wanted.metric)} if wanted.metric else {}


def _titled(title: str, scores: Sequence[Score]) -> str:
    return f"{title}\n{score_table(scores)}" if title else score_table(scores)


def _say_frames(run: StoredRun, wanted: Wanted, as_json: bool) -> None:
    from sslbench.metrics.distances import parse_distance
    from sslbench.scoring.frame_table import frame_table, worst_frames, write_table

    gate = (
        parse_distance(wanted.gate, run.record.dataset.kind).value if wanted.gate else float("inf")
    )
    rows = frame_table(run.pairs, gate)
    if wanted.frames:
        write_table(rows, wanted.frames)
        click.echo(f"{len(rows)} rows in {wanted.frames}", err=True)
    if wanted.worst and not as_json:
        worst = worst_frames(rows, wanted.worst)
        shown = ["recording", "time_s", "source", "answer", "error"]
        click.echo(table(worst[shown].to_numpy().tolist(), shown))


def _as_data(said: dict[str, dict[str, list[Score]]]) -> dict[str, object]:
    from sslbench.running.record_builder import metric_entry

    return {
        run: {
            title: [metric_entry(s).model_dump() for s in scores] for title, scores in each.items()
        }
        for run, each in said.items()
    }
