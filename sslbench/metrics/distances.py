"""Distances with their unit, as in `30cm`, `0.5m` or `20deg`: gates, radii and cut-offs.

The unit decides what a metric can compare: metres compare positions, degrees compare directions.
One metric name therefore serves both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sslbench.errors import ParameterError
from sslbench.scene import Kind

__all__ = ["Distance", "Limit", "parse_distance"]

_DISTANCE = re.compile(r"(\d+\.?\d*|\.\d+)\s*(cm|m|deg)")
_PER_METRE = {"m": 1.0, "cm": 100.0}


@dataclass(frozen=True)
class Distance:
    """A distance in space or an angle.

    Args:
        value: metres or degrees.
        kind: the kind of tracks that it applies to.
    """

    value: float
    kind: Kind


@dataclass(frozen=True)
class Limit:
    """A distance with a default for each kind of tracks, for example a gate.

    Args:
        given: the distance that was given; None for the default.
        position: default for positions, in metres.
        direction: default for directions, in degrees.
    """

    given: Distance | None
    position: float
    direction: float

    @classmethod
    def parse(cls, text: str, position: float, direction: float) -> Limit:
        """Parse a distance; an empty text selects the defaults.

        Raises:
            ParameterError: if the text is not a distance.

        >>> Limit.parse("", 0.5, 20).value_for("direction")
        20
        >>> Limit.parse("30cm", 0.5, 20).value_for("position")
        0.3
        """
        return cls(parse_distance(text) if text else None, position, direction)

    @property
    def kind(self) -> Kind | None:
        """The kind of tracks that it applies to; None if both."""
        return self.given.kind if self.given else None

    def value_for(self, kind: Kind) -> float:
        """Return the distance in metres or degrees."""
        if self.given:
            return self.given.value
        return self.position if kind == "position" else self.direction


def parse_distance(text: str, kind: Kind | None = None) -> Distance:
    """Parse a distance.

    Args:
        text: a number with its unit, as in `30cm`.
        kind: the kind of tracks that it must apply to; None for any.

    Raises:
        ParameterError: if the text is not a positive number with a unit, or has the unit of the
            other kind.

    >>> parse_distance("30cm").value, parse_distance("20deg").kind
    (0.3, 'direction')
    """
    found = _DISTANCE.fullmatch(text.strip())
    if not found or not float(found[1]):
        raise ParameterError(f"{text!r} is not a distance", expected=_examples(kind))
    number, unit = float(found[1]), found[2]
    own: Kind = "direction" if unit == "deg" else "position"
    if kind not in {None, own}:
        raise ParameterError(
            f"{text!r} is not a distance between {kind}s", expected=_examples(kind)
        )
    return Distance(number / _PER_METRE.get(unit, 1.0), own)


def _examples(kind: Kind | None) -> str:
    shown = {"position": "0.5m or 30cm", "direction": "20deg", None: "0.5m, 30cm or 20deg"}
    return f"a number with its unit, as in {shown[kind]}"
