"""The cost of inference, measured in a fresh process on one thread.

Within a run, time and memory depend on what else the process did and on how many cells run at a
time. Here a child process loads the method, processes a few recordings to warm up, and measures
the next ones: at least 2 seconds of computing or 64 recordings.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import TYPE_CHECKING

from sslbench.cell import Cell
from sslbench.contracts import Dataset
from sslbench.errors import SslbenchError
from sslbench.results.record import CostEntry
from sslbench.results.stages import MeasuredCost, PredictedStage
from sslbench.running.cost import cpu_model, measured
from sslbench.running.inference import run_inference
from sslbench.running.session import Session
from sslbench.scene import Prediction, Scene

if TYPE_CHECKING:
    from sslbench.running.engine import CellRunner

__all__ = ["cost_entry", "inference_cost"]

WARM_UP = 2
MOST_RECORDINGS = 64
ENOUGH_SECONDS = 2.0


def cost_entry(**known: float | None) -> CostEntry:
    """Return an entry of what is known of a cost, None for the rest."""
    empty: Mapping[str, object] = dict.fromkeys(CostEntry.model_fields)
    return CostEntry.model_validate({**empty, "cpu": "", "isolated": False, **known})


def inference_cost(
    runner: CellRunner, session: Session, cell: Cell, key: str, left: PredictedStage
) -> CostEntry:
    """Return what the predictions of a cell took, measured in a fresh process if that is wanted.

    A measurement is kept in the store, under the key of the predictions. For a method with a
    tracker it is that of the method alone.

    Args:
        runner: starts the process, with its plugins, store and cache.
        session: of this process.
        cell: which method on which data set.
        key: of the predictions.
        left: what was measured while they were made.
    """
    within = cost_entry(
        train_s=left.train_s,
        infer_s=left.infer_s,
        real_time_factor=left.infer_s / left.audio_s if left.audio_s else None,
        peak_vram_mb=left.peak_vram_mb,
    ).model_copy(update={"cpu": cpu_model(), "threads": _threads(left.environment)})
    found = session.store.find("cost", key, MeasuredCost)
    if found is None and runner.measure_cost:
        found = _measured_apart(runner, replace(cell, method=cell.method.alone))
        if found is not None:
            session.store.put("cost", key, found)
    return within if found is None else within.model_copy(update=dict(found))


def _threads(environment: Mapping[str, str]) -> int | None:
    text = environment.get("threads", "")
    return int(text) if text.isdecimal() else None


def _measured_apart(runner: CellRunner, cell: Cell) -> MeasuredCost | None:
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(1, context, initializer=_use_one_thread) as pool:
            return pool.submit(_measure, replace(runner, fresh=False), cell).result()
    except (SslbenchError, BrokenProcessPool):
        return None  # a cost that cannot be measured is unknown; the results stand


def _use_one_thread() -> None:
    # Read by the numerical libraries when they are imported, which is later.
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"


def _measure(runner: CellRunner, cell: Cell) -> MeasuredCost:
    from sslbench.running.training import ready_method

    session = runner.session()
    method, spec = ready_method(session, cell, lambda _: None), session.method_spec(cell.method)
    dataset = session.dataset(cell.dataset, cell.split, cell.scale)
    warm = run_inference(cell, spec, method, _Part(dataset, range(min(WARM_UP, len(dataset)))))
    each = max(warm.seconds / len(warm.predictions), 1e-6)
    count = min(len(dataset), MOST_RECORDINGS, max(WARM_UP, round(ENOUGH_SECONDS / each)))
    with measured() as idle:
        pass
    with measured() as busy:
        made = run_inference(cell, spec, method, _Part(dataset, range(count)))
    return MeasuredCost(
        real_time_factor=made.seconds / made.audio_s,
        peak_ram_mb=max(0.0, busy.peak_ram_mb - idle.peak_ram_mb),
        cpu=cpu_model(),
        threads=1,
        isolated=True,
    )


class _Part(Dataset):
    """Some scenes of a data set, which is prepared already."""

    def __init__(self, inner: Dataset, indices: range) -> None:
        super().__init__(inner.request)
        self.inner = inner
        self.indices = indices
        self.reads_windows = inner.reads_windows

    def __len__(self) -> int:
        return len(self.indices)

    def scene(self, index: int) -> Scene:
        return self.inner.scene(self.indices[index])

    def window(self, index: int, rows: slice, context: float = 0.0) -> Scene:
        return self.inner.window(self.indices[index], rows, context)

    def fingerprint(self) -> str:
        return f"{self.inner.fingerprint()} {self.indices}"

    def truth(self, index: int) -> tuple[str, Prediction]:
        return self.inner.truth(self.indices[index])
