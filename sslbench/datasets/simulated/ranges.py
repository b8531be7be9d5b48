"""Parameters that are a number, or a range from which one is drawn for each scene."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sslbench.array_types import Floats
from sslbench.errors import ParameterError

__all__ = ["Range"]


@dataclass(frozen=True)
class Range:
    """A range of numbers; a single number if both ends are equal.

    Args:
        low: smallest.
        high: largest.
    """

    low: float
    high: float

    @classmethod
    def parse(cls, text: str, name: str, minimum: float, maximum: float) -> Range:
        """Read a number or a range, as in ``0.3`` or ``0.2..0.4``.

        Raises:
            ParameterError: if it is neither, or out of bounds.

        >>> Range.parse("10..30", "snr_db", -20, 100)
        Range(low=10.0, high=30.0)
        """
        first, dots, last = text.partition("..")
        try:
            found = cls(float(first), float(last if dots else first))
        except ValueError:
            found = cls(math.nan, math.nan)
        if not minimum <= found.low <= found.high <= maximum:
            raise ParameterError(
                f"parameter {name}={text} is not allowed",
                expected=f"a number from {minimum:g} to {maximum:g}, or a range as in"
                f" {minimum:g}..{maximum:g}",
            )
        return found

    def at(self, share: float | Floats) -> Floats:
        """Return the numbers at shares of the range, from 0 (lowest) to 1 (highest)."""
        return np.asarray(self.low + (self.high - self.low) * share)
