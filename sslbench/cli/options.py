"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sslbench.results.store import default_store
from sslbench.running.config import RunConfig, read_config
from sslbench.specs import SCALES

__all__ = ["as_json", "config_from", "execution", "selection", "store_option"]

Verb = TypeVar("Verb", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

store_option = click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_store,
    show_default="$SSLBENCH_STORE or a user folder",
    help="Folder for finished work.",
)

_SELECTION = (
    click.option(
        "-m", "--method", multiple=True, help="Method, as in 'srp-phat[grid=0.05]' or 'pra-*'."
    ),
    click.option(
        "-d", "--dataset", multiple=True, help="Data set, as in 'luvira-sim[t60={0.2,0.4}]:test'."
    ),
    click.option(
        "--train-on",
        multiple=True,
        help="Data set to train learned methods on.  [default: each data set itself]",
    ),
    click.option(
        "--then-on", multiple=True, help="Data set to continue the training on (fine-tuning)."
    ),
    click.option("--scale", type=click.Choice(SCALES), help="How much is run.  [default: smoke]"),
    click.option("--seed", multiple=True, type=int, help="Seed of training.  [default: 0]"),
    click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        help="YAML file with the same keys as the options.",
    ),
)

_EXECUTION = (
    click.option("-j", "--jobs", type=click.IntRange(1), help="Cells at a time.  [default: 1]"),
    click.option("--executor", help="Way of running cells.  [default: processes]"),
    click.option("--fail-fast", is_flag=True, help="Stop at the first failure."),
    click.option("--retry-failed", is_flag=True, help="Try again what failed the last time."),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        help="Where learned methods compute.  [default: auto]",
    ),
    click.option(
        "--measure-cost/--no-measure-cost",
        default=None,
        help="Measure inference in a process of its own.  [default: at quick and paper scale]",
    ),
    click.option("--fresh", is_flag=True, help="Answer again what is in the store already."),
)


def selection(verb: Verb) -> Verb:
    """Add the options that say what to run."""
    return _add(verb, _SELECTION)


def execution(verb: Verb) -> Verb:
    """Add the options that say how to run it."""
    return _add(verb, _EXECUTION)


def _add(verb: Verb, options: tuple[Callable[[Verb], Verb], ...]) -> Verb:
    for option in reversed(options):
        verb = option(verb)
    return verb


def config_from(options: dict[str, Any]) -> RunConfig:
    """Make a configuration of the shared options, merged with a file if one is named.

    Raises:
        UsageError: if a key or value of the file is wrong.
    """
    known = {key: value for key, value in options.items() if key in RunConfig.model_fields}
    return read_config(known, options["config"])
