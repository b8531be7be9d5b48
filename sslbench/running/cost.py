"""What work costs: seconds, and the most memory that was used on the way."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Cost", "Stopwatch", "measured"]


@dataclass
class Cost:
    """Seconds and memory of a piece of work; filled in when `measured` ends.

    Args:
        seconds: wall-clock time.
        peak_ram_mb: largest resident memory of the process during the work, in MB.
        peak_vram_mb: largest memory allocated on the GPU, in MB; None without one.
    """

    seconds: float = 0.0
    peak_ram_mb: float = 0.0
    peak_vram_mb: float | None = None


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure the work done inside the block."""
    cost = Cost()
    _forget_peak()
    start = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - start
        cost.peak_ram_mb = _peak_ram()
        cost.peak_vram_mb = _peak_vram()


class Stopwatch:
    """Seconds of work that may be interrupted and gone on with by another process.

    Args:
        file: keeps what was spent until `keep` was last called; what is done after that and lost
            is not counted, since it will be done again.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._start = time.perf_counter() - (float(file.read_text()) if file.is_file() else 0.0)

    @property
    def seconds(self) -> float:
        """What was spent so far."""
        return time.perf_counter() - self._start

    def keep(self) -> None:
        """Note what was spent so far."""
        part = self._file.with_suffix(".part")
        part.write_text(repr(self.seconds))
        part.replace(self._file)


def _forget_peak() -> None:
    # Linux resets the peak on request, so that one cell's memory is not charged to the next.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    cuda = _cuda()
    if cuda is not None:
        cuda.reset_peak_memory_stats()


def _peak_ram() -> float:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _peak_vram() -> float | None:
    cuda = _cuda()
    return None if cuda is None else float(cuda.max_memory_allocated()) / 2**20


def _cuda() -> Any:
    # Measuring must not be what imports torch.
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None
