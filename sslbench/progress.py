"""Progress on whatever takes longer than two seconds; silence when nobody watches."""

from __future__ import annotations

import sys
from typing import Protocol

__all__ = ["Bar", "progress_bar"]


class Bar(Protocol):
    """A progress bar, used in a `with` block."""

    def __enter__(self) -> Bar: ...

    def __exit__(self, *_: object) -> object: ...

    def update(self, n: float | None = 1) -> object:
        """Go on by `n` units."""


def progress_bar(label: str, unit: str, total: int) -> Bar:
    """Return a bar on stderr that appears after two seconds if stderr is a terminal.

    Args:
        label: what is being done.
        unit: what is counted, in the singular.
        total: how many there are.
    """
    from tqdm import tqdm

    bar: Bar = tqdm(
        desc=label,
        unit=unit,
        total=total,
        delay=2,
        leave=False,
        dynamic_ncols=True,
        disable=not sys.stderr.isatty(),
    )
    return bar
