"""Reading a yaml file into a model, with errors that give the path of the bad key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from sslbench.errors import FormatError, MissingDataError

__all__ = ["Checked", "load_yaml", "read_yaml", "refuse", "require_file"]

SHOWN = 5
"""How many faults of one file an error lists."""

Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The C loader is ten times faster, and listings must not wait; not every platform has it.


class Checked(BaseModel):
    """A model of what a yaml file may hold: immutable, and a key it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=BaseModel)


def require_file(path: Path) -> None:
    """Check that a text file is there, or raise `MissingDataError`."""
    if not path.exists():
        raise MissingDataError(f"there is no {path.name}", where=str(path.parent))


def load_yaml(path: Path) -> Any:
    """Load a yaml file as plain Python objects.

    Raises:
        MissingDataError: if there is no such file.
        FormatError: if it cannot be read as yaml; it gives the line.
    """
    require_file(path)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader)  # noqa: S506  # a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FormatError(
            " ".join(str(error).split()), where=str(path), expected="a yaml file in UTF-8"
        ) from error


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Read a yaml file and validate it.

    Raises:
        MissingDataError: if there is no such file.
        FormatError: if it is no yaml or does not fit the model; it names every key at fault.
    """
    try:
        return model.model_validate(load_yaml(path))
    except ValidationError as error:
        raise refuse(error, path) from error


def refuse(error: ValidationError, path: Path) -> FormatError:
    """Turn what pydantic found into an error that names each key, what it holds, and the rule."""
    faults = error.errors(include_url=False)
    left_out = f" (and {len(faults) - SHOWN} more)" if len(faults) > SHOWN else ""
    return FormatError(
        "; ".join(_found(fault["loc"], fault["type"], fault["input"]) for fault in faults[:SHOWN])
        + left_out,
        where=str(path),
        expected="; ".join(dict.fromkeys(_rule(fault["msg"]) for fault in faults[:SHOWN])),
    )


def _found(location: tuple[int | str, ...], sort: str, given: object) -> str:
    key = ".".join(map(str, location)) or "the file"
    if sort == "missing":
        return f"{key} is missing"
    if sort == "extra_forbidden":
        return f"{key} is no key that is known here"
    text = repr(given)
    return f"{key} is {text if len(text) <= 60 else text[:57] + '...'}"


def _rule(message: str) -> str:
    if message == "Extra inputs are not permitted":
        return "only the documented keys"
    return message.removeprefix("Value error, ").removeprefix("Input should be ")
