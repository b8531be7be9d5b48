"""Parameters of methods and data sets: typed, bounded and described."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sslbench.errors import ParameterError

__all__ = ["Parameter", "Value"]

Value = bool | int | float | str
"""A parameter value."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a method or data set.

    Args:
        name: a Python identifier.
        default: default value; its type is the type of the parameter.
        help: description in one line, with the unit.
        minimum: smallest number allowed.
        maximum: largest number allowed.
        choices: the texts allowed; empty if every text is allowed.
        identity: whether results depend on it. They do not depend on a folder or on the number
            of workers.
        training: whether the trained model depends on it. A threshold on the output of a network
            changes estimates, but not the model.
        neutral: whether its default does what was done before there was this parameter. Then it is
            no part of an identity at its default, and earlier results stay valid.
    """

    name: str
    default: Value
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    identity: bool = True
    training: bool = True
    neutral: bool = False

    def read(self, text: str) -> Value:
        """Convert a text to the parameter's type and check it.

        Raises:
            ParameterError: if the text is not of that type, out of bounds or not among the choices.
        """
        kind = type(self.default)
        try:
            value = _read_bool(text) if kind is bool else kind(text)
        except ValueError:
            raise self._refuse(text, f"a value of type {kind.__name__}") from None
        return self.check(value)

    def check(self, value: Value) -> Value:
        """Return a value of the parameter's type after checking bounds and choices.

        Raises:
            ParameterError: if it is out of bounds or not among the choices.
        """
        if self.choices and value not in self.choices:
            raise self._refuse(value, "one of " + ", ".join(self.choices))
        if isinstance(value, (int, float)):
            low = -math.inf if self.minimum is None else self.minimum
            high = math.inf if self.maximum is None else self.maximum
            if not low <= value <= high:
                raise self._refuse(value, f"a number from {low:g} to {high:g}")
        return value

    def _refuse(self, value: object, expected: str) -> ParameterError:
        return ParameterError(
            f"parameter {self.name}={value} is not allowed", expected=expected, hint=self.help
        )


def _read_bool(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(text)
    return text.lower() == "true"
