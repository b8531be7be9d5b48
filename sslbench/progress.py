"""Progress on whatever takes longer than two seconds; silence when nobody watches."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["progress_bar"]


def progress_bar(label: str, unit: str, total: int) -> tqdm[Any]:
    """Return a bar for a `with` block, on stderr, if that is a terminal.

    It appears after two seconds; `update(n)` goes on by `n` units.

    Args:
        label: what is being done.
        unit: what is counted, in the singular.
        total: how many there are.
    """
    from tqdm import tqdm

    return tqdm(
        desc=label,
        unit=unit,
        total=total,
        delay=2,
        leave=False,
        dynamic_ncols=True,
        disable=not sys.stderr.isatty(),
    )
