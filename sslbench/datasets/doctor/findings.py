"""What the doctor says of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["Finding", "Severity"]

Severity = Literal["ok", "warning", "error"]

SHOWN = 3
"""How many recordings a finding names."""


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor has to say.

    Args:
        code: its sort: `consistent`, `mirrored-axes`, `swapped-axes`, `wrong-units`,
            `wrong-sample-rate`, `channel-order`, `clock-offset`, `unexplained`, `unchecked`,
            `odd-recording`, `mixed-sample-rates`, `outside-region`, `unreadable`,
            `silent-channel`, `not-finite`, `clipped` or `duplicate-channels`.
        severity: `ok`, `warning` or `error`.
        message: what is so.
        where: the recordings it holds for; empty for all.
        hint: what to do.
    """

    code: str
    severity: Severity
    message: str
    where: str = ""
    hint: str = ""

    def at(self, ids: Sequence[str]) -> Finding:
        """Return the finding with the recordings it holds for, the first of them by name."""
        more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
        return replace(self, where=", ".join(ids[:SHOWN]) + more)
