"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["PlainProgress", "progress_bar"]

BAR_AFTER = 2.0
"""Seconds after which a bar appears on a terminal."""

LINE_EVERY = 30.0
"""Seconds between two lines without a terminal; shorter work prints nothing."""


def progress_bar(
    label: str, unit: str, total: int | None, done: int = 0
) -> tqdm[Any] | PlainProgress:
    """Return the progress of a piece of work, shown on stderr.

    On a terminal it is a bar that appears after two seconds and vanishes at the end. Elsewhere, as
    in a log file, it is a line every 30 seconds::

        rendering luvira-sim train: 1200 of 2000 scenes, 3 min left

    Args:
        label: what is being done.
        unit: what is counted, in the singular; bytes, `B`, are shown in kB, MB and GB.
        total: how many there are; None if that is unknown.
        done: how many of them were done before.
    """
    if not sys.stderr.isatty():
        return PlainProgress(label, unit, total, done)
    from tqdm import tqdm

    return tqdm(
        desc=label,
        unit=unit,
        unit_scale=unit == "B",
        total=total,
        initial=done,
        delay=BAR_AFTER,
        leave=False,
        dynamic_ncols=True,
    )


class PlainProgress:
    """Progress as lines of text; see `progress_bar` for the first four arguments.

    Args:
        label: what is being done.
        unit: what is counted.
        total: how many there are.
        done: how many of them were done before.
        stream: where lines go; by default stderr.
        clock: returns seconds from any fixed moment on.
    """

    def __init__(
        self,
        label: str,
        unit: str,
        total: int | None,
        done: int = 0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label, self._unit, self._total = label, unit, total
        self._first = self._done = done
        self._facts: dict[str, str] = {}
        self._stream = stream or sys.stderr
        self._clock = clock
        self._start = clock()
        self._next = self._start + LINE_EVERY

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def set_postfix(self, **facts: str) -> None:
        """Show facts at the end of the next line."""
        self._facts = facts

    def update(self, n: int = 1) -> None:
        """Advance by `n` units, and print a line if the last one is long ago."""
        self._done += n
        now = self._clock()
        if now >= self._next:
            self._next = now + LINE_EVERY
            print(self._line(now - self._start), file=self._stream, flush=True)

    def _line(self, seconds: float) -> str:
        parts = [_count(self._done, self._total, self._unit)]
        if self._total is not None and self._done > self._first:
            left = seconds * (self._total - self._done) / (self._done - self._first)
            parts.append(f"{_duration(left)} left")
        parts += [f"{name} {value}" for name, value in self._facts.items()]
        return f"{self._label}: {', '.join(parts)}"


def _count(done: int, total: int | None, unit: str) -> str:
    if unit == "B":
        return _size(done) if total is None else f"{_size(done)} of {_size(total)}"
    return f"{done} {unit}s" if total is None else f"{done} of {total} {unit}s"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB" if count < 1000 else f"{count:.0f} GB"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
