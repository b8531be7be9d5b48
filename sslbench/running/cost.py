"""What work costs: wall-clock time, CPU time and memory, and the model of the processor."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from sslbench.files import write_text

__all__ = ["Cost", "Stopwatch", "cpu_model", "measured"]

SAMPLING_INTERVAL = 0.02
"""Seconds between two readings of the memory. A reading takes about 30 µs."""

MIB = 2**20


@dataclass
class Cost:
    """Time and memory of a piece of work; filled in when `measured` ends.

    Args:
        seconds: wall-clock time.
        cpu_seconds: CPU time of all threads of this process, in user and system mode; child
            processes are not included.
        peak_ram_mb: largest resident memory of this process during the work, in MiB. It includes
            what was resident before. It is read every 20 ms, and at the start and the end: memory
            that is allocated and freed between two readings is missed.
        peak_vram_mb: largest memory that torch allocated on the GPU during the work, in MiB;
            None without a GPU.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_ram_mb: float = 0.0
    peak_vram_mb: float | None = None


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure the work done inside the block."""
    cost, process = Cost(), psutil.Process()
    _reset_peak_vram()
    with _MemorySampler(process) as memory:
        start, cpu_start = time.perf_counter(), _cpu_seconds(process)
        try:
            yield cost
        finally:
            cost.seconds = time.perf_counter() - start
            cost.cpu_seconds = _cpu_seconds(process) - cpu_start
            memory.read()
            cost.peak_ram_mb = memory.peak / MIB
            cost.peak_vram_mb = _peak_vram_mb()


class _MemorySampler:
    """Reads the resident memory of a process in a thread and keeps the largest value, in bytes."""

    def __init__(self, process: psutil.Process) -> None:
        self.peak = 0
        self._process = process
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)

    def __enter__(self) -> _MemorySampler:
        self.read()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join()

    def read(self) -> None:
        self.peak = max(self.peak, int(self._process.memory_info().rss))

    def _run(self) -> None:
        while not self._end.wait(SAMPLING_INTERVAL):
            self.read()


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _reset_peak_vram() -> None:
    cuda = _cuda()
    if cuda is not None:
        cuda.reset_peak_memory_stats()


def _peak_vram_mb() -> float | None:
    cuda = _cuda()
    return None if cuda is None else float(cuda.max_memory_allocated()) / MIB


def _cuda() -> Any:
    # Measuring must not be what imports torch.
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None


class Stopwatch:
    """Seconds of work that may be interrupted and resumed by another process.

    Args:
        file: holds the seconds that were spent until the last call of `keep`. Work that is lost
            in an interruption is not counted, because it is done again.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._start = time.perf_counter() - (float(file.read_text()) if file.is_file() else 0.0)

    @property
    def seconds(self) -> float:
        """Seconds spent so far."""
        return time.perf_counter() - self._start

    def keep(self) -> None:
        """Write the seconds spent so far to the file.

        Raises:
            StoreError: if it cannot be written.
        """
        write_text(self._file, repr(self.seconds))


def cpu_model() -> str:
    """Return the name of the processor, as the operating system gives it.

    Where it gives none, the answer is the architecture, as in ``aarch64``.
    """
    name = ""
    if sys.platform == "linux":
        name = _model_in_cpuinfo(Path("/proc/cpuinfo"))
    elif sys.platform == "darwin":
        name = _sysctl("machdep.cpu.brand_string")
    return " ".join((name or platform.processor() or platform.machine()).split())


def _model_in_cpuinfo(path: Path) -> str:
    # Processors of the x86 family have "model name"; a Raspberry Pi has "Model", the board.
    with suppress(OSError):
        found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", path.read_text(), re.MULTILINE)
        return found[1] if found else ""
    return ""


def _sysctl(name: str) -> str:
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, timeout=10)
        return done.stdout if done.returncode == 0 else ""
    return ""
