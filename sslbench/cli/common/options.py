"""Options shared by several commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sslbench.results.store import default_store
from sslbench.specs import SCALES

__all__ = ["as_json", "execution", "selection", "store_option"]

Command = TypeVar("Command", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

store_option = click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_store,
    show_default="$SSLBENCH_STORE or a user folder",
    help="Folder of checkpoints, predictions and records.",
)

_SELECTION = (
    click.option(
        "-m",
        "--method",
        multiple=True,
        help="Method, e.g. 'srp-phat[grid=0.05]' or 'pra-*'; may be repeated.",
    ),
    click.option(
        "-d",
        "--dataset",
        multiple=True,
        help="Data set, e.g. 'luvira-sim[t60={0.2,0.4}]:test'; may be repeated.",
    ),
    click.option(
        "--scale",
        type=click.Choice(SCALES),
        help="Size of the run: smoke (some minutes for everything), quick (minutes per method) or"
        " paper (the sizes of the papers).  [default: smoke]",
    ),
    click.option(
        "--seed", multiple=True, type=int, help="Seed of training; may be repeated.  [default: 0]"
    ),
    click.option(
        "--train-on",
        multiple=True,
        help="Data set to train learned methods on.  [default: each data set itself]",
    ),
    click.option(
        "--then-on", multiple=True, help="Data set to continue the training on (fine-tuning)."
    ),
    click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        help="YAML file with the same keys as the options.",
    ),
)

_EXECUTION = (
    click.option(
        "-j",
        "--jobs",
        type=click.IntRange(1),
        help="Number of method/data-set pairs to run in parallel.  [default: 1]",
    ),
    click.option("--executor", help="Execution backend.  [default: processes]"),
    click.option("--fail-fast", is_flag=True, help="Stop at the first failure."),
    click.option(
        "--retry-failed", is_flag=True, help="Run pairs again that failed in an earlier run."
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        help="Device for learned methods.  [default: auto]",
    ),
    click.option(
        "--measure-cost/--no-measure-cost",
        default=None,
        help="Measure inference in a process of its own.  [default: at quick and paper scale]",
    ),
    click.option("--fresh", is_flag=True, help="Ignore cached results and recompute."),
)


def selection(command: Command) -> Command:
    """Add the options that select what to run."""
    return _add(command, _SELECTION)


def execution(command: Command) -> Command:
    """Add the options that control how it is run."""
    return _add(command, _EXECUTION)


def _add(command: Command, options: tuple[Callable[[Command], Command], ...]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
