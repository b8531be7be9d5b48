"""What to run: the options of `sslbench run`, from the command line, a file, or Python."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sslbench.errors import UsageError
from sslbench.specs import Scale

__all__ = ["RunConfig", "read_config"]


class RunConfig(BaseModel):
    """What to run and how. The keys are those of the options and of a configuration file.

    Args:
        method: selections of methods; every installed method if empty.
        dataset: selections of data sets; every simulated data set if empty.
        train_on: what learned methods are trained on; each data set itself if empty.
        then_on: what training continues on (fine-tuning), in this order.
        scale: size of the run.
        seed: seeds of training, each of which makes a cell.
        protocol: rules of the scores.
        executor: selection of the way in which cells are run.
        jobs: number of cells at a time.
        fail_fast: stop at the first failure.
        retry_failed: run cells again that failed the last time.
        device: where learned methods compute.
        fresh: ignore predictions that are in the store.
        measure_cost: measure inference in a process of its own; None for all scales but smoke.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: tuple[str, ...] = ()
    dataset: tuple[str, ...] = ()
    train_on: tuple[str, ...] = ()
    then_on: tuple[str, ...] = ()
    scale: Scale = "smoke"
    seed: tuple[int, ...] = Field(default=(0,), min_length=1)
    protocol: str = "sslbench"
    executor: str = "processes"
    jobs: int = Field(default=1, ge=1)
    fail_fast: bool = False
    retry_failed: bool = False
    fresh: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    measure_cost: bool | None = None

    @property
    def measures_cost(self) -> bool:
        """Whether the cost of inference is measured."""
        return self.scale != "smoke" if self.measure_cost is None else self.measure_cost


LISTS = ("method", "dataset", "train_on", "then_on", "seed")
"""Keys that hold lists; one item may stand without the dash of a YAML list."""


def read_config(options: dict[str, Any], path: Path | None = None) -> RunConfig:
    """Merge options with those of a file; the options win.

    Args:
        options: by name; None, empty and False stand for "not given".
        path: YAML with the same keys.

    Raises:
        UsageError: if the file cannot be read or a key or value is wrong; it names the key.
    """
    given = {
        key: value
        for key, value in options.items()
        if value not in (None, ()) and (value is not False or key == "measure_cost")
    }
    try:
        return RunConfig.model_validate((_read_yaml(path) if path else {}) | given)
    except ValidationError as error:
        raise _refusal(error, str(path or "options")) from error


def _refusal(error: ValidationError, where: str) -> UsageError:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    allowed = list(RunConfig.model_fields)
    if first["type"] != "extra_forbidden":
        return UsageError(f"{key}: {first['msg']}", where=where)
    close = get_close_matches(key, allowed, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return UsageError(
        f"unknown key {key!r}{hint}", where=where, expected="one of " + ", ".join(allowed)
    )


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"cannot be read: {error}", where=str(path), expected="YAML") from error
    if not isinstance(data, dict):
        raise UsageError("has no keys", where=str(path), expected="`method:`, `dataset:`, ...")
    return {key: _listed(key, value) for key, value in data.items()}


def _listed(key: str, value: Any) -> Any:
    return [value] if key in LISTS and not isinstance(value, list) else value
