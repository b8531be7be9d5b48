"""Running one cell: its stages, its record, its failure, and what observers are told."""

from __future__ import annotations

import sys
import traceback
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from sslbench.cell import Cell, CellOutcome
from sslbench.contracts import EpochReport, Incompatible
from sslbench.errors import CellError, SslbenchError, StoreError
from sslbench.registry import Registry, call_hooks
from sslbench.results.store import Store
from sslbench.running.inference import as_cell_error
from sslbench.running.inference_cost import inference_cost
from sslbench.running.keys import prediction_key
from sslbench.running.prediction import predict
from sslbench.running.scoring import score_cell
from sslbench.running.session import Session
from sslbench.running.training import ready_method

__all__ = ["CellRunner", "Until"]

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
