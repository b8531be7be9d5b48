"""Violations of contracts, and what the checks share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sslbench.errors import MissingDataError, SslbenchError
from sslbench.specs import Parameter

__all__ = [
    "Violation",
    "collect_errors",
    "defaults",
    "described",
    "parameter_messages",
    "violations",
]


@dataclass(frozen=True)
class Violation:
    """One violation of a contract.

    Args:
        subject: name of the method, data set, metric or plugin.
        message: what is wrong.
    """

    subject: str
    message: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.message}"


def defaults(parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    """Return the default values of parameters by name."""
    return {parameter.name: parameter.default for parameter in parameters}


def parameter_messages(parameters: tuple[Parameter, ...]) -> Iterator[str]:
    """Return what is wrong with the parameters of a spec."""
    for parameter in parameters:
        if not parameter.name.isidentifier():
            yield f"the parameter name {parameter.name!r} is not a Python identifier"
        try:
            parameter.check(parameter.default)
        except SslbenchError as error:
            yield f"the default of the parameter {parameter.name} is invalid: {error.what}"


def violations(subject: str, messages: list[str]) -> list[Violation]:
    """Return one violation for each message."""
    return [Violation(subject, message) for message in messages]


@contextmanager
def collect_errors(messages: list[str], what: str) -> Iterator[None]:
    """Append any error to the messages, except for missing data, which is not a violation."""
    try:
        yield
    except MissingDataError:
        return
    except (Exception, SystemExit) as error:  # noqa: BLE001  # any error is a violation
        messages.append(f"{what}: {type(error).__name__}: {error}")


def described(value: object) -> str:
    """Return a value in words."""
    return "None" if value is None else f"an object of type {type(value).__name__}"
