"""Progress on whatever takes longer than two seconds; silence when nobody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["progress"]

T = TypeVar("T")


def progress(items: Iterable[T], label: str, unit: str, total: int | None = None) -> Iterator[T]:
    """Yield the items, with a bar on stderr after two seconds if that is a terminal."""
    from tqdm import tqdm

    yield from tqdm(
        items,
        desc=label,
        unit=unit,
        total=total,
        delay=2,
        leave=False,
        dynamic_ncols=True,
        disable=not sys.stderr.isatty(),
    )
