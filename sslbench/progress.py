"""Progress on whatever takes longer than two seconds; silence when nobody watches."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["progress_bar"]


def progress_bar(label: str, unit: str, total: int | None, done: int = 0) -> tqdm[Any]:
    """Return a bar for a `with` block, on stderr, if that is a terminal.

    It appears after two seconds; `update(n)` goes on by `n` units.

    Args:
        label: what is being done.
        unit: what is counted, in the singular; bytes, `B`, are shown in kB, MB and GB.
        total: how many there are; None if nobody knows.
        done: how many of them were done before.
    """
    from tqdm import tqdm

    return tqdm(
        desc=label,
        unit=unit,
        unit_scale=unit == "B",
        total=total,
        initial=done,
        delay=2,
        leave=False,
        dynamic_ncols=True,
        disable=not sys.stderr.isatty(),
    )
