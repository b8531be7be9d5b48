"""`sslbench score`: score existing predictions under any protocol, with any metric."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sslbench.cli.common.installed import installed
from sslbench.cli.common.options import as_json, store_option
from sslbench.errors import SslbenchError, UsageError
from sslbench.results.store import Store, default_cache
from sslbench.specs import SCALES, Scale

if TYPE_CHECKING:
    from sslbench.results.record import RunRecord
    from sslbench.running.scoring import OpenRun
    from sslbench.running.session import Session
    from sslbench.scoring.scores import Score


@dataclass(frozen=True)
class Wanted:
    """What is to be scored and what is to be shown, as the options give it."""

    runs: tuple[str, ...]
    protocol: str
    metric: tuple[str, ...]
    condition: str | None
    frames: Path | None
    gate: str | None
    worst: int | None
    switches: bool
    dataset: str | None
    scale: Scale
    method_name: str | None

    @property
    def details(self) -> bool:
        """Whether more is wanted than a board."""
        frames = self.frames or self.worst or self.switches
        return bool(self.metric or self.condition or frames)


@click.command("score")
@click.argument("runs", nargs=-1, required=True)
@click.option("--protocol", default="sslbench", show_default=True, help="Rules of the scores.")
@click.option("--metric", multiple=True, help="Any metric, as in 'mota[gate=30deg]'.")
@click.option("--by", "condition", help="Condition to split recordings by, as in snr_db.")
@click.option(
    "--frames",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write hits, misses and false positives of every frame to a .csv or .parquet file.",
)
@click.option("--worst", type=click.IntRange(1), help="Print this many frames of largest error.")
@click.option("--switches", is_flag=True, help="Print the identity switches by time (CLEAR MOT).")
@click.option(
    "--gate",
    help="With --frames, --worst or --switches: largest error of a hit, as in 0.5m; for switches"
    " 20deg or 0.5m by default, otherwise none.",
)
@click.option("-d", "--dataset", help="Data set of the predictions, if RUNS is a file.")
@click.option(
    "--scale",
    type=click.Choice(SCALES),
    default="smoke",
    show_default=True,
    help="Scale of that data set.",
)
@click.option("--method-name", help="Name of the software that made the predictions in a file.")
@store_option
@as_json
def command(store: Path, as_json: bool, **options: Any) -> None:
    """Score the predictions of stored RUNS again, and print the board.

    No method is run. RUNS are names of stored runs (`sslbench runs` lists them); patterns with *
    and ? may be used, and runs that do not fit are left out. With --dataset, RUNS is a file of
    predictions made by other software, in CSV or npz.
    """
    from sslbench.running.session import Session

    wanted = Wanted(**options)
    session = Session(installed(), Store(store), default_cache())
    paths = list(_paths(session, wanted))
    if wanted.frames and len(paths) != 1:
        names = ", ".join(path.parent.name for path in paths[:5])
        raise UsageError(
            f"--frames needs exactly one run, the pattern matched {len(paths)}: {names}, ..."
        )
    runs = _open(session, paths, wanted)
    if wanted.details:
        _print_details(session, runs, wanted, as_json)
    else:
        _print_board(session, runs, as_json)


def _paths(session: Session, wanted: Wanted) -> Iterator[Path]:
    if wanted.dataset is None:
        for run in wanted.runs:
            yield from session.store.matching(run)
        return
    record = _score_file(session, wanted, wanted.dataset)
    click.echo(f"run {record.run_id}", err=True)
    yield session.store.run(record.run_id)


def _score_file(session: Session, wanted: Wanted, dataset: str) -> RunRecord:
    from sslbench.cell import Cell, Choice
    from sslbench.running.scoring import Submission, score_external
    from sslbench.selection import select_datasets, select_one

    if not wanted.method_name:
        raise UsageError("predictions in a file need a name", hint="add --method-name NAME")
    if len(wanted.runs) != 1:
        raise UsageError(f"{len(wanted.runs)} files", expected="one file with --dataset")
    choice, split = select_one(select_datasets(session.registry, [dataset]), dataset)
    name = Choice(wanted.method_name)
    cell = Cell(name, choice, split, wanted.scale, wanted.protocol)
    return score_external(session, Submission(Path(wanted.runs[0]), cell))


def _open(session: Session, paths: Sequence[Path], wanted: Wanted) -> list[OpenRun]:
    """Open the runs that the protocol and metrics can score; name the others.

    Raises:
        UsageError: if none is left.
    """
    from sslbench.running.scoring import open_run

    runs: list[OpenRun] = []
    errors: list[tuple[str, SslbenchError]] = []
    for path in paths:
        try:
            run = open_run(session, path, wanted.protocol)
            _check(session, run, wanted)
        except SslbenchError as error:
            errors.append((path.parent.name, error))
        else:
            runs.append(run)
    if errors and not runs:
        raise errors[0][1]
    for name, reason in errors:
        click.echo(f"left out {name}: {reason.what}", err=True)
    return runs


def _check(session: Session, run: OpenRun, wanted: Wanted) -> None:
    from sslbench.scoring.protocols import configure_metric

    session.rules(run.cell)
    for label in wanted.metric:
        configure_metric(session.registry, label, run.record.dataset.kind)


def _print_board(session: Session, runs: Sequence[OpenRun], as_json: bool) -> None:
    from sslbench.leaderboard.render import terminal_board
    from sslbench.running.scoring import scored_again

    records = [scored_again(session, run) for run in runs]
    for run, record in zip(runs, records, strict=True):
        session.store.put_run(record.run_id, record.to_json(), run.path.read_bytes())
    if as_json:
        click.echo(json.dumps([json.loads(record.to_json()) for record in records], indent=1))
    else:
        click.echo(terminal_board(records))


def _print_details(
    session: Session, runs: Sequence[OpenRun], wanted: Wanted, as_json: bool
) -> None:
    found = {}
    for run in runs:
        tables = _tables(session, run, wanted)
        found[run.record.run_id] = tables
        if not as_json and tables:
            click.echo(f"{run.cell} (protocol {wanted.protocol})\n")
            click.echo("\n\n".join(_titled(*each) for each in tables.items()))
        if wanted.frames or wanted.worst:
            _print_frames(run, wanted, as_json)
        if wanted.switches and not as_json:
            _print_switches(run, wanted.gate or "")
    if as_json:
        click.echo(json.dumps(_as_data(found), indent=1))


def _tables(session: Session, run: OpenRun, wanted: Wanted) -> dict[str, list[Score]]:
    from sslbench.running.scoring import score_by_condition, score_with

    if wanted.condition:
        bins = score_by_condition(session, run, wanted.metric, wanted.condition)
        return {f"{wanted.condition} {label}": scores for label, scores in bins.items()}
    return {"": score_with(session, run, wanted.metric)} if wanted.metric else {}


def _titled(title: str, scores: Sequence[Score]) -> str:
    from sslbench.cli.common.tables import score_table

    return f"{title}\n{score_table(scores)}" if title else score_table(scores)


def _print_frames(run: OpenRun, wanted: Wanted, as_json: bool) -> None:
    from sslbench.cli.common.tables import table
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
        shown = ["recording", "time_s", "source", "estimate", "error"]
        click.echo(table(worst[shown].to_numpy().tolist(), shown))


def _print_switches(run: OpenRun, gate: str) -> None:
    from sslbench.cli.common.tables import table
    from sslbench.scoring.identity_switches import switch_table

    rows = switch_table(run.pairs, gate)
    click.echo(f"{run.record.run_id}: {len(rows)} identity switches")
    if len(rows):
        click.echo(table(rows.to_numpy().tolist(), list(rows.columns)))


def _as_data(found: dict[str, dict[str, list[Score]]]) -> dict[str, object]:
    from sslbench.running.records import metric_entry

    return {
        run: {
            title: [metric_entry(s).model_dump() for s in scores] for title, scores in each.items()
        }
        for run, each in found.items()
    }
