"""Distances with their unit, as in `30cm`, `0.5m` or `20deg`: gates, radii, cut-offs.

The unit says what a metric can compare, so that one name serves positions and directions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sslbench.errors import ParameterError
from sslbench.scene import Kind

__all__ = ["Limit", "Quantity", "quantities", "quantity"]

_QUANTITY = re.compile(r"(\d+\.?\d*|\.\d+)\s*(cm|m|deg)")
_PER_METRE = {"m": 1.0, "cm": 100.0}


@dataclass(frozen=True)
class Quantity:
    """A distance.

    Args:
        value: metres or degrees.
        kind: what it can be compared with.
        text: as it was written.
    """

    value: float
    kind: Kind
    text: str


@dataclass(frozen=True)
class Limit:
    """A distance that has a default for each kind: a gate of positions or directions.

    Args:
        given: what was asked for; None for the default.
        position: the default in metres.
        direction: the default in degrees.
    """

    given: Quantity | None
    position: float
    direction: float

    @classmethod
    def read(cls, text: str, position: float, direction: float) -> Limit:
        """Read a distance, or take the defaults if the text is empty.

        Raises:
            ParameterError: if the text is no distance.

        >>> Limit.read("", 0.5, 20).of("direction"), Limit.read("30cm", 0.5, 20).of("position")
        (20, 0.3)
        """
        return cls(quantity(text) if text else None, position, direction)

    @property
    def kind(self) -> Kind | None:
        """What it can be compared with; None if any."""
        return self.given.kind if self.given else None

    def of(self, kind: Kind) -> float:
        """Return the distance in metres or degrees."""
        if self.given:
            return self.given.value
        return self.position if kind == "position" else self.direction


def quantity(text: str, kind: Kind | None = None) -> Quantity:
    """Read a distance.

    Args:
        text: as in `30cm`.
        kind: what it must be able to be compared with; None if any will do.

    Raises:
        ParameterError: if it is no positive number with a unit, or of the other kind.

    >>> quantity("30cm").value, quantity("20deg").kind
    (0.3, 'direction')
    """
    found = _QUANTITY.fullmatch(text.strip())
    if not found or not float(found[1]):
        raise ParameterError(f"{text!r} is no distance", expected=_examples(kind))
    number, unit = float(found[1]), found[2]
    own: Kind = "direction" if unit == "deg" else "position"
    if kind not in {None, own}:
        raise ParameterError(f"{text!r} is no distance of a {kind}", expected=_examples(kind))
    return Quantity(number / _PER_METRE.get(unit, 1.0), own, text.strip())


def _examples(kind: Kind | None) -> str:
    shown = {"position": "0.5m or 30cm", "direction": "20deg", None: "0.5m, 30cm or 20deg"}
    return f"a number with its unit, as in {shown[kind]}"


def quantities(text: str) -> tuple[Quantity, ...]:
    """Read distances joined by slashes.

    Raises:
        ParameterError: if one is no distance, or they are of different kinds.

    >>> [q.value for q in quantities("0.3m/1m")]
    [0.3, 1.0]
    """
    found = tuple(quantity(part) for part in text.split("/"))
    if len({q.kind for q in found}) > 1:
        raise ParameterError(f"{text!r} mixes metres and degrees", expected="one of the two")
    return found
