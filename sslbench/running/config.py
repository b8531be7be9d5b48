"""What to run: the options of `sslbench run`, from the command line, a file, or Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sslbench.contracts import Scale
from sslbench.errors import UsageError

__all__ = ["RunConfig", "read_config"]


class RunConfig(BaseModel):
    """What to run and how. The keys are those of the options and of a configuration file.

    Args:
        method: selections of methods; every installed method if empty.
        dataset: selections of data sets; every simulated data set if empty.
        scale: how much is run.
        seed: one cell for each.
        protocol: rule set for the scores.
        executor: name of the way in which cells are run.
        jobs: cells at a time.
        fail_fast: stop at the first failure.
        retry_failed: try cells again that failed the last time.
        device: where learned methods compute.
        fresh: let methods answer again what is in the store already.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: tuple[str, ...] = ()
    dataset: tuple[str, ...] = ()
    scale: Scale = "smoke"
    seed: tuple[int, ...] = Field(default=(0,), min_length=1)
    protocol: str = "sslbench"
    executor: str = "processes"
    jobs: int = Field(default=1, ge=1)
    fail_fast: bool = False
    retry_failed: bool = False
    fresh: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"


def read_config(options: dict[str, Any], path: Path | None = None) -> RunConfig:
    """Merge options that were given with those of a file; the given ones win.

    Args:
        options: by name; None and empty stand for "not given".
        path: YAML with the same keys.

    Raises:
        UsageError: if the file cannot be read or a key or value is wrong; it names the key.
    """
    given = {key: value for key, value in options.items() if value not in (None, (), False)}
    try:
        return RunConfig.model_validate((_read_yaml(path) if path else {}) | given)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            where=str(path or "options"),
            expected="keys " + ", ".join(RunConfig.model_fields),
        ) from error


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"cannot be read: {error}", where=str(path), expected="YAML") from error
    if not isinstance(data, dict):
        raise UsageError("holds no keys", where=str(path), expected="`method:`, `dataset:`, ...")
    return {key: _listed(key, value) for key, value in data.items()}


def _listed(key: str, value: Any) -> Any:
    # One selection or seed may stand without the dash of a YAML list.
    one = key in {"method", "dataset", "seed"} and not isinstance(value, list)
    return [value] if one else value
