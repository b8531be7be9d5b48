"""Results of checking a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["CheckResult", "Severity"]

Severity = Literal["ok", "warning", "error"]

SHOWN = 3
"""Maximum number of recordings that a result names."""


@dataclass(frozen=True)
class CheckResult:
    """One result of a check.

    Args:
        code: kind of result: `consistent`, `mirrored-axes`, `swapped-axes`, `wrong-units`,
            `wrong-sample-rate`, `channel-order`, `clock-offset`, `unexplained`, `unchecked`,
            `odd-recording`, `mixed-sample-rates`, `outside-region`, `unreadable`,
            `silent-channel`, `not-finite`, `clipped` or `duplicate-channels`.
        severity: `ok`, `warning` or `error`.
        message: what was found.
        where: recordings to which it applies; empty for all.
        hint: what to do.
    """

    code: str
    severity: Severity
    message: str
    where: str = ""
    hint: str = ""

    def at(self, ids: Sequence[str]) -> CheckResult:
        """Return the result with the recordings to which it applies; only the first are named."""
        more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
        return replace(self, where=", ".join(ids[:SHOWN]) + more)
