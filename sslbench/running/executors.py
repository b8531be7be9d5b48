"""Ways to run many cells. A plugin offers another by the hook `sslbench_executors`."""

from __future__ import annotations

import multiprocessing
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from sslbench.cell import Cell, CellOutcome

__all__ = ["Executor", "Processes"]


class Executor(ABC):
    """Runs cells and yields what comes of each, in any order, as it comes.

    Args:
        jobs: how many cells at a time.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    @abstractmethod
    def run(
        self, work: Callable[[Cell], CellOutcome], cells: Sequence[Cell]
    ) -> Iterator[CellOutcome]:
        """Call `work`, which can be pickled, on every cell.

        `work` returns failures as outcomes; what it raises is fatal and must be let through.
        When the caller stops iterating, cells that have not begun must not begin.
        """


class Processes(Executor):
    """Cells in processes of this machine; with one job, in this process.

    Cores are shared out evenly, since more threads than cores make every cell slower.
    """

    def run(
        self, work: Callable[[Cell], CellOutcome], cells: Sequence[Cell]
    ) -> Iterator[CellOutcome]:
        """Yield outcomes as they come; see `Executor.run`."""
        if self.jobs == 1 or len(cells) < 2:
            yield from map(work, cells)
            return
        threads = max(1, (os.cpu_count() or 1) // self.jobs)
        pool = ProcessPoolExecutor(
            min(self.jobs, len(cells)),
            # A forked child would inherit torch's threads in a broken state.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_limit_threads,
            initargs=(threads,),
        )
        try:
            for future in as_completed([pool.submit(work, cell) for cell in cells]):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _limit_threads(threads: int) -> None:
    # Read by the numerical libraries when they are imported, which is later.
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
