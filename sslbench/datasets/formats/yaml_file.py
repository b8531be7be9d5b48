"""Reading YAML files into pydantic models, with errors that name the path of an invalid key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from sslbench.errors import FormatError, MissingDataError

__all__ = ["Checked", "FaultError", "read_yaml", "require_file", "unknown_key"]

SHOWN = 5
"""Maximum number of faults of one file that an error message lists."""

MAPPINGS = ("dict_type", "model_type", "model_attributes_type")
"""Pydantic's error types for a value that should be a mapping."""

Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The C loader is ten times faster, which matters for listings; not every platform has it.


class FaultError(ValueError):
    """Raised by a validator of a whole mapping to report what is wrong with it.

    Args:
        key: the invalid key, relative to the mapping; empty if the mapping itself is invalid.
        found: what is wrong, `is ...`.
        expected: what would have been valid; empty if `found` says so.
    """

    def __init__(self, key: str, found: str, expected: str = "") -> None:
        super().__init__(f"{key}: {found}" if key else found)
        self.key = key
        self.found = found
        self.expected = expected


class Checked(BaseModel):
    """An immutable model of a mapping in a YAML file that reports unknown keys.

    Raises:
        FaultError: if there are unknown keys; pydantic turns it into a `ValidationError`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        # Before pydantic's own check, whose error does not know which keys are allowed.
        if isinstance(data, Mapping):
            for key in data:
                if key not in cls.model_fields:
                    raise FaultError("", unknown_key(key, cls.model_fields))
        return data


Model = TypeVar("Model", bound=BaseModel)


def unknown_key(key: object, allowed: Iterable[str]) -> str:
    """Describe an unknown key, the nearest allowed key if there is one, and all allowed keys.

    >>> unknown_key("mics", ["microphones", "search"])
    "unknown key 'mics' (did you mean 'microphones'?); allowed: microphones, search"
    """
    names = list(allowed)
    near = get_close_matches(str(key), names, n=1, cutoff=0.5)
    suggestion = f" (did you mean {near[0]!r}?)" if near else ""
    return f"unknown key {str(key)!r}{suggestion}; allowed: {', '.join(names)}"


def require_file(path: Path) -> None:
    """Check that a file exists.

    Raises:
        MissingDataError: if it does not.
    """
    if not path.exists():
        raise MissingDataError("file not found", where=str(path))


def read_yaml(path: Path, model: type[Model]) -> Model:
    """Read a YAML file and validate it.

    Raises:
        MissingDataError: if there is no such file.
        FormatError: if it is not YAML (with the line) or does not fit the model (with the path
            of each invalid key).
    """
    try:
        return model.model_validate(_load(path))
    except ValidationError as error:
        raise _format_error(error, path) from error


def _load(path: Path) -> Any:
    require_file(path)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader)  # noqa: S506  # a safe loader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FormatError(
            " ".join(str(error).split()), where=str(path), expected="a yaml file in UTF-8"
        ) from error


def _format_error(error: ValidationError, path: Path) -> FormatError:
    """Return an error that names each invalid key, its value and what was expected."""
    faults = error.errors(include_url=False)
    left_out = f" (and {len(faults) - SHOWN} more)" if len(faults) > SHOWN else ""
    return FormatError(
        "; ".join(map(_found, faults[:SHOWN])) + left_out,
        where=str(path),
        expected="; ".join(dict.fromkeys(filter(None, map(_rule, faults[:SHOWN])))),
    )


def _found(fault: ErrorDetails) -> str:
    raised = fault.get("ctx", {}).get("error")
    path = [str(part) for part in fault["loc"]]
    if isinstance(raised, FaultError):
        key = ".".join([*path, raised.key] if raised.key else path)
        return f"{key}: {raised.found}" if key else raised.found
    return f"{'.'.join(path)}: {_state(fault)}" if path else f"the file {_state(fault)}"


def _state(fault: ErrorDetails) -> str:
    if fault["type"] == "missing":
        return "is missing"
    if fault["input"] is None:
        return "is empty"
    text = repr(fault["input"])
    return f"is {text if len(text) <= 60 else text[:57] + '...'}"


def _rule(fault: ErrorDetails) -> str:
    raised = fault.get("ctx", {}).get("error")
    if isinstance(raised, FaultError):
        return raised.expected
    if fault["type"] == "missing":
        return "all keys without a default"
    if fault["type"] in MAPPINGS:
        return "keys and values, `key: value`"
    return fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
