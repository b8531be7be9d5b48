"""Running cells: stages, records, failures, observers."""

from __future__ import annotations

import sys
import traceback
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from sslbench.cell import Cell, CellOutcome
from sslbench.contracts import EpochReport, Incompatible
from sslbench.errors import CellError, SslbenchError, StoreError, UsageError
from sslbench.registry import Registry, call_hooks, load_class
from sslbench.results.store import Store
from sslbench.running.config import RunConfig
from sslbench.running.executors import Executor
from sslbench.running.inference import as_cell_error
from sslbench.running.inference_cost import inference_cost
from sslbench.running.keys import prediction_key
from sslbench.running.prediction import predict
from sslbench.running.scoring import score_cell
from sslbench.running.session import Session
from sslbench.running.training import ready_method
from sslbench.selection import select_executor
from sslbench.specs import ExecutorSpec

__all__ = ["CellRunner", "Until", "exit_code", "run_cells"]

Until = Literal["train", "predict", "score"]


@dataclass(frozen=True)
class CellRunner:
    """Takes one cell through its stages. It can be sent to another process.

    Args:
        store: folder of the store.
        cache: folder for files that can be made again.
        until: the last stage to do.
        retry_failed: whether a cell that failed the last time is run again.
        fresh: whether predictions in the store are ignored.
        device: where learned methods compute.
        measure_cost: whether inference is measured in a process of its own.
        plugins: returns the registry; called once per process.
    """

    store: Path
    cache: Path
    until: Until = "score"
    retry_failed: bool = False
    fresh: bool = False
    device: str = "auto"
    measure_cost: bool = False
    plugins: Callable[[], Registry] = Registry.installed
    _token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def session(self) -> Session:
        """Return what the cells of this run share in this process, made at the first call."""
        if self._key not in _SESSIONS:
            self.share(self.plugins())
        return _SESSIONS[self._key]

    def share(self, registry: Registry) -> None:
        """Use a registry that is loaded already, in this process."""
        _SESSIONS.clear()
        _SESSIONS[self._key] = Session(
            registry, Store(self.store), self.cache, self.device, self.fresh
        )

    @property
    def _key(self) -> tuple[str, str, bool]:
        return self._token, self.device, self.fresh

    def __call__(self, cell: Cell) -> CellOutcome:
        """Run a cell; a failure is an outcome, and only failing to save raises.

        Raises:
            StoreError: if a result cannot be saved.
        """
        session = self.session()
        call_hooks(session.registry, "sslbench_cell_started", cell=cell)
        try:
            with as_cell_error(cell, "while it was prepared or scored"):
                return self._run(session, cell)
        except Incompatible as reason:
            return CellOutcome(cell, "skipped", reason=str(reason))
        except StoreError:
            raise
        except SslbenchError as error:
            if isinstance(error, CellError):
                self._remember(session, cell, error)
            return CellOutcome(cell, "failed", reason=str(error), exit_code=error.exit_code)

    def _run(self, session: Session, cell: Cell) -> CellOutcome:
        report = partial(_report, session.registry, cell)
        if self.until == "train":
            ready_method(session, cell, report)
            return CellOutcome(cell, "ok")
        key = prediction_key(session, cell)
        known = None if self.retry_failed or self.fresh else session.store.failure(key)
        if known is not None:
            return CellOutcome(cell, "failed", reason=known["reason"] + _RETRY, exit_code=1)
        stored = predict(session, cell, report)
        session.store.put_failure(key, None)
        if not stored.reused:
            _warn(cell, stored.left.warnings)
        if self.until == "predict":
            return CellOutcome(cell, "ok", reused=stored.reused)
        cost = inference_cost(self, session, cell, key, stored.left)
        record = score_cell(session, cell, stored, cost)
        session.store.put_run(record.run_id, record.to_json(), stored.path.read_bytes())
        return CellOutcome(cell, "ok", run_id=record.run_id, reused=stored.reused)

    def _remember(self, session: Session, cell: Cell, error: CellError) -> None:
        facts = {
            "cell": str(cell),
            "reason": str(error),
            "traceback": traceback.format_exception(error),
        }
        # Without scenes to name there is no key under which to remember it.
        with suppress(Exception):
            session.store.put_failure(prediction_key(session, cell), facts)


_SESSIONS: dict[tuple[str, str, bool], Session] = {}
"""The session of the present run: data sets are opened once per process for all of its cells."""

_RETRY = "\n  (it failed in the same way before; --retry-failed runs it again)"


def _warn(cell: Cell, warnings: Sequence[str]) -> None:
    for warning in warnings:
        print(f"sslbench: {cell}: {warning}", file=sys.stderr)  # noqa: T201  # once per cell


def _report(registry: Registry, cell: Cell, report: EpochReport) -> None:
    call_hooks(registry, "sslbench_epoch_finished", cell=cell, report=report)


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
