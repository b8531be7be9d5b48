"""How many cores to use."""

from __future__ import annotations

import os

__all__ = ["usable_cores"]


def usable_cores() -> int:
    """Return OMP_NUM_THREADS, which limits processes as well as threads, or else all cores."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
