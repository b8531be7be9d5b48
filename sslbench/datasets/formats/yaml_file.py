"""Reading a yaml file into a model, with errors that give the path of the bad key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from sslbench.errors import FormatError, MissingDataError

__all__ = ["Checked", "FaultError", "load_yaml", "read_yaml", "refuse", "require_file"]

SHOWN = 5
"""How many faults of one file an error lists."""

MAPPINGS = ("dict_type", "model_type", "model_attributes_type")
"""What pydantic calls it where something else stands in place of a mapping."""

Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The C loader is ten times faster, and listings must not wait; not every platform has it.


class Checked(BaseModel):
    """A model of what a yaml file may hold: immutable, and a key it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FaultError(ValueError):
    """Raised by a validator of several keys at once, to name the one at fault.

    Args:
        found: the key below the validated model and what is wrong with it, `key: is ...`.
        expected: what would have been right.
    """

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(found)
        self.found = found
        self.expected = expected


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
        "; ".join(map(_found, faults[:SHOWN])) + left_out,
        where=str(path),
        expected="; ".join(dict.fromkeys(filter(None, map(_rule, faults[:SHOWN])))),
    )


def _found(fault: ErrorDetails) -> str:
    key = ".".join(map(str, fault["loc"]))
    raised = fault.get("ctx", {}).get("error")
    if isinstance(raised, FaultError):
        return f"{key}.{raised.found}" if key else raised.found
    return f"{key}: {_state(fault)}" if key else f"the file {_state(fault)}"


def _state(fault: ErrorDetails) -> str:
    if fault["type"] == "missing":
        return "is missing"
    if fault["type"] == "extra_forbidden":
        return "is no key that is known here"
    if fault["input"] is None:
        return "is empty"
    text = repr(fault["input"])
    return f"is {text if len(text) <= 60 else text[:57] + '...'}"


def _rule(fault: ErrorDetails) -> str:
    raised = fault.get("ctx", {}).get("error")
    if isinstance(raised, FaultError):
        return raised.expected
    if fault["type"] == "missing":
        return "every key that has no default"
    if fault["type"] == "extra_forbidden":
        return "only the documented keys"
    if fault["type"] in MAPPINGS:
        return "keys and their values, `key: value`"
    return fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
