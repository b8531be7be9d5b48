"""Running cells: stages, records, failures, observers."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from sslbench.cell import Cell, CellOutcome
from sslbench.contracts import EpochReport, Incompatible
from sslbench.errors import CellError, SslbenchError, StoreError
from sslbench.registry import Registry, call_hooks, load_target
from sslbench.results.store import Store
from sslbench.running.config import RunConfig
from sslbench.running.executors import Executor
from sslbench.running.inference import as_cell_error
from sslbench.running.record_builder import make_record
from sslbench.running.stages import Workbench

__all__ = ["CellRunner", "Until", "exit_code", "run_cells"]

Until = Literal["train", "predict", "score"]


@dataclass(frozen=True)
class CellRunner:
    """Takes one cell through its stages. It can be sent to another process.

    Args:
        store: folder of the store.
        cache: folder for scenes that can be made again.
        until: the last stage to do.
        retry_failed: whether a cell that failed the last time is tried again.
        fresh: whether methods answer again what is in the store already.
        device: where learned methods compute.
        plugins: gives the registry; called once a cell, in the process that runs it.
    """

    store: Path
    cache: Path
    until: Until = "score"
    retry_failed: bool = False
    fresh: bool = False
    device: str = "auto"
    plugins: Callable[[], Registry] = Registry.installed

    def __call__(self, cell: Cell) -> CellOutcome:
        """Run a cell; what goes wrong in it is an outcome, and only failing to save is fatal.

        Raises:
            StoreError: if a result cannot be saved.
        """
        registry = self.plugins()
        bench = Workbench(
            registry, Store(self.store), self.cache, fresh=self.fresh, device=self.device
        )
        call_hooks(registry, "sslbench_cell_started", cell=cell)
        try:
            with as_cell_error(cell, "while it was prepared or scored"):
                return self._run(bench, cell)
        except Incompatible as reason:
            return CellOutcome(cell, "skipped", reason=str(reason))
        except StoreError:
            raise
        except SslbenchError as error:
            if isinstance(error, CellError):
                self._remember(bench, cell, error)
            return CellOutcome(cell, "failed", reason=str(error), exit_code=error.exit_code)

    def _run(self, bench: Workbench, cell: Cell) -> CellOutcome:
        report = partial(_report, bench.registry, cell)
        if self.until == "train":
            bench.train(cell, report)
            return CellOutcome(cell, "ok")
        key = bench.predict_key(cell)
        known = None if self.retry_failed or self.fresh else bench.store.failure(key)
        if known is not None:
            return CellOutcome(cell, "failed", reason=known["reason"] + _RETRY, exit_code=1)
        predicted = bench.predict(cell, report)
        bench.store.put_failure(key, None)
        if not predicted.reused:
            _warn(cell, predicted.facts["warnings"])
        if self.until == "predict":
            return CellOutcome(cell, "ok", reused=predicted.reused)
        record = make_record(bench, cell, predicted)
        bench.store.put_run(record.run_id, record.to_json(), predicted.path.read_bytes())
        return CellOutcome(cell, "ok", run_id=record.run_id, reused=predicted.reused)

    def _remember(self, bench: Workbench, cell: Cell, error: CellError) -> None:
        facts = {
            "cell": str(cell),
            "reason": str(error),
            "traceback": traceback.format_exception(error),
        }
        # Without scenes to name there is no key under which to remember it.
        with suppress(Exception):
            bench.store.put_failure(bench.predict_key(cell), facts)


_RETRY = "\n  (so it failed the last time; --retry-failed tries again)"


def _warn(cell: Cell, warnings: Sequence[str]) -> None:
    for warning in warnings:
        print(f"sslbench: {cell}: {warning}", file=sys.stderr)  # noqa: T201  # once a cell and place


def _report(registry: Registry, cell: Cell, report: EpochReport) -> None:
    call_hooks(registry, "sslbench_epoch_finished", cell=cell, report=report)


def run_cells(
    registry: Registry, config: RunConfig, runner: CellRunner, cells: Sequence[Cell]
) -> Iterator[CellOutcome]:
    """Run cells by the configured executor and yield each outcome as it comes.

    With `fail_fast` nothing new is begun after the first failure.
    """
    offer = registry.executor(config.executor)
    executor = load_target(offer.spec.target, f"executor {offer.spec.name}")(config.jobs)
    assert isinstance(executor, Executor)
    runner = replace(
        runner, retry_failed=config.retry_failed, fresh=config.fresh, device=config.device
    )
    for outcome in executor.run(runner, cells):
        call_hooks(registry, "sslbench_cell_finished", outcome=outcome)
        yield outcome
        if config.fail_fast and outcome.status == "failed":
            return


def exit_code(outcomes: Sequence[CellOutcome]) -> int:
    """Return the exit code of a run.

    It is 1 if some cell failed and others did not; if nothing succeeded and all failed for the
    same sort of reason (data that is missing, a plugin that is broken), the code of that.
    """
    codes = {outcome.exit_code for outcome in outcomes if outcome.status == "failed"}
    if not codes:
        return 0
    alone = len(codes) == 1 and not any(outcome.status == "ok" for outcome in outcomes)
    return codes.pop() if alone else 1
