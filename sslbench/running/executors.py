"""Running many cells. A plugin offers other ways by the hook `sslbench_executors`."""

from __future__ import annotations

import multiprocessing
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import replace

from sslbench.cell import Cell, CellOutcome
from sslbench.errors import UsageError
from sslbench.registry import Registry, call_hooks, load_class
from sslbench.running.config import RunConfig
from sslbench.running.engine import CellRunner
from sslbench.selection import select_executor
from sslbench.specs import ExecutorSpec

__all__ = ["Executor", "Processes", "exit_code", "process_pool", "run_cells"]


def run_cells(
    registry: Registry, config: RunConfig, runner: CellRunner, cells: Sequence[Cell]
) -> Iterator[CellOutcome]:
    """Run cells by the configured executor and yield each outcome as it comes.

    With `fail_fast` no further cell is started after the first failure.
    """
    chosen = select_executor(registry, config.executor)
    offer = registry.find(ExecutorSpec, chosen.name)
    executor = load_class(
        offer.spec.target,
        Executor,
        str(offer),
        config.jobs,
        **chosen.params,
    )
    runner = replace(
        runner,
        retry_failed=config.retry_failed,
        fresh=config.fresh,
        device=config.device,
        measure_cost=config.measures_cost,
    )
    runner.share(registry)
    for outcome in executor.run(runner, cells):
        call_hooks(registry, "sslbench_cell_finished", outcome=outcome)
        yield outcome
        if config.fail_fast and outcome.status == "failed":
            return


def exit_code(outcomes: Sequence[CellOutcome]) -> int:
    """Return the exit code of a run.

    It is 1 if some cell failed and others did not; if nothing succeeded and all failed for the
    same kind of reason (missing data, a broken plugin), the code of that; and 2 (wrong usage) if
    there was nothing to run.
    """
    if all(outcome.status == "skipped" for outcome in outcomes):
        return UsageError.exit_code
    codes = {outcome.exit_code for outcome in outcomes if outcome.status == "failed"}
    if not codes:
        return 0
    alone = len(codes) == 1 and not any(outcome.status == "ok" for outcome in outcomes)
    return codes.pop() if alone else 1


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
        done: set[int] = set()
        with process_pool(min(self.jobs, len(cells)), self._threads) as pool:
            futures = {pool.submit(work, cell): index for index, cell in enumerate(cells)}
            for future in as_completed(futures):
                with suppress(BrokenProcessPool):
                    outcome = future.result()
                    done.add(futures[future])
                    yield outcome
        # A process that died takes the pool with it, and which cell it was is not known.
        for cell in (cell for index, cell in enumerate(cells) if index not in done):
            yield self._run_alone(work, cell)

    def _run_alone(self, work: Callable[[Cell], CellOutcome], cell: Cell) -> CellOutcome:
        try:
            with process_pool(1, self._threads) as pool:
                return pool.submit(work, cell).result()
        except BrokenProcessPool:
            reason = (
                "its process died: killed, out of memory, or a crash in native code\n"
                "  to do: try it alone, or with fewer --jobs"
            )
            return CellOutcome(cell, "failed", reason=reason, exit_code=1)

    @property
    def _threads(self) -> int:
        return max(1, (os.cpu_count() or 1) // self.jobs)


@contextmanager
def process_pool(processes: int, threads: int = 1) -> Iterator[ProcessPoolExecutor]:
    """Return a pool of processes; work that has not begun at the end is given up.

    Args:
        processes: how many.
        threads: of the numerical libraries in each.
    """
    pool = ProcessPoolExecutor(
        processes,
        # A forked child would inherit torch's threads in a broken state.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_prepare_worker,
        initargs=(threads,),
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare_worker(threads: int) -> None:
    # Ctrl-C reaches all processes: the parent speaks, and unfinished work was never published.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    # Read by the numerical libraries when they are imported, which is later.
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
