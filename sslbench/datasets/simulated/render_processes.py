"""Rendering chunks in several processes.

A process is started as a module of its own. `multiprocessing` would import the user's script in
each of them, and run it again where it has no ``if __name__ == "__main__"``.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from threading import Thread
from typing import IO, Protocol

__all__ = ["Chunks", "render_in_processes"]


class Chunks(Protocol):
    """What is rendered: chunks by number, whose results are kept on disk."""

    def make(self, number: int) -> int:
        """Render a chunk and return its number."""


def render_in_processes(chunks: Chunks, numbers: Sequence[int], processes: int) -> Iterator[int]:
    """Render chunks in processes and yield the number of each that is done.

    A process that fails leaves its chunks undone; what is wrong shows when the caller renders them.

    Args:
        chunks: can be pickled.
        numbers: of the chunks.
        processes: how many at a time.
    """
    try:
        tasks = [pickle.dumps((chunks, numbers[first::processes])) for first in range(processes)]
    except (pickle.PicklingError, AttributeError, TypeError):
        return
    done: SimpleQueue[int | None] = SimpleQueue()
    with ExitStack() as stack:
        for task in tasks:
            worker = _start(task)
            stack.callback(_stop, worker)
            Thread(target=_read, args=(worker.stdout, done), daemon=True).start()
        running = processes
        while running:
            number = done.get()
            if number is None:
                running -= 1
            else:
                yield number


def _start(task: bytes) -> subprocess.Popen[bytes]:
    # The same packages as here, and one thread per process.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    worker = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert worker.stdin is not None
    # Unreadable input ends the process; what is wrong shows when its chunks are rendered here.
    with suppress(OSError), worker.stdin as stdin:
        stdin.write(task)
    return worker


def _stop(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.wait()
    if worker.stdout is not None:
        worker.stdout.close()


def _read(output: IO[bytes] | None, done: SimpleQueue[int | None]) -> None:
    for line in output or ():
        done.put(int(line))
    done.put(None)


def _main() -> None:
    chunks, numbers = pickle.load(sys.stdin.buffer)  # noqa: S301  # written by the parent
    for number in numbers:
        print(chunks.make(number), flush=True)  # noqa: T201  # read by the parent


if __name__ == "__main__":
    _main()
