"""Inference: a method localizes the sources of every recording of a split, in bounded memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sslbench.array_types import Floats
from sslbench.cell import Cell, Training
from sslbench.contracts import Dataset, Incompatible, Method, Oracle, Windowing, window_of
from sslbench.errors import CellError, FormatError, SslbenchError
from sslbench.progress import progress_bar
from sslbench.running.compatibility import recording_incompatibility
from sslbench.running.cost import measured
from sslbench.scene import Prediction, Recording, Scene
from sslbench.scoring.prediction_checks import Request, request_fault
from sslbench.specs import MethodSpec

__all__ = ["Inference", "as_cell_error", "check_prediction", "check_request", "run_inference"]

BATCH = 32
"""Recordings, or windows, that are given to a method at once."""

BATCH_SAMPLES = 30_000_000
"""Samples of all channels of a batch at most: 120 MB of audio."""

FRAME_WISE = Windowing(seconds=60.0)
"""How long recordings are cut for methods whose estimates depend on their own frame only."""


@contextmanager
def as_cell_error(work: Cell | Training, where: str) -> Iterator[None]:
    """Turn whatever a plugin raises into a `CellError` that names the work and the place."""
    try:
        yield
    except (SslbenchError, Incompatible):
        raise
    except (Exception, SystemExit) as error:
        raise CellError(
            f"{type(error).__name__}: {error}",
            where=f"{work}, {where}",
            hint="this is a defect of the method or of its data; the other cells are run",
        ) from error


@dataclass
class Inference:
    """Predictions so far, and what they took. Only the method's own time counts.

    Args:
        predictions: by recording id.
        seconds: that the method took.
        audio_s: seconds of audio that were processed.
        peak_vram_mb: largest memory on the GPU; None without one.
        warnings: what the method warned of, once per place in the code.
    """

    predictions: dict[str, Prediction] = field(default_factory=dict)
    seconds: float = 0.0
    audio_s: float = 0.0
    peak_vram_mb: float | None = None
    warnings: dict[tuple[str, int], str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Window:
    """A part of a recording, or all of it.

    Args:
        recording: id of the recording that it is a part of.
        times: of the whole recording.
        scene: the part.
    """

    recording: str
    times: Floats
    scene: Scene


def run_inference(
    cell: Cell, spec: MethodSpec, method: Method | Oracle, dataset: Dataset
) -> Inference:
    """Let a method localize the sources of every recording of a split.

    Recordings longer than a window are cut if the method allows it, and their predictions joined
    along time. Batches are limited by their number of samples.

    Raises:
        Incompatible: if the method cannot process such recordings.
        FormatError: if a recording has samples that are NaN or infinite.
        CellError: if the method fails, or returns something other than requested.
    """
    dataset.prepare()
    state, parts = Inference(), list[Prediction]()
    with progress_bar(str(cell.method), "recording", len(dataset)) as bar:
        for batch in _batches(_windows(dataset, _windowing(spec, method))):
            found = _predict(state, cell, spec, method, [window.scene for window in batch])
            for window, prediction in zip(batch, found, strict=True):
                parts.append(prediction)
                rows = sum(len(part.tracks.times) for part in parts)
                if rows == len(window.times):
                    _finish(state, window, parts)
                    parts.clear()
                    bar.update()
    return state


def _windowing(spec: MethodSpec, method: Method | Oracle) -> Windowing | None:
    if isinstance(method, Oracle):
        return None
    return method.windowing or (FRAME_WISE if spec.frame_wise else None)


def _windows(dataset: Dataset, windowing: Windowing | None) -> Iterator[_Window]:
    for index in range(len(dataset)):
        if windowing is not None and dataset.reads_windows:
            yield from _read_windows(dataset, index, windowing)
        else:
            yield from _cut_windows(dataset.scene(index), windowing)


def _cut_windows(scene: Scene, windowing: Windowing | None) -> Iterator[_Window]:
    name, times = scene.recording.id, scene.recording.times
    parts = _parts(times, scene.recording, windowing) if windowing else []
    if windowing is None or not parts:
        yield _Window(name, times, scene)
        return
    for rows in parts:
        yield _Window(name, times, window_of(scene, rows, windowing.context))


def _read_windows(dataset: Dataset, index: int, windowing: Windowing) -> Iterator[_Window]:
    """Read one window at a time: the recording need not fit in memory."""
    name, truth = dataset.truth(index)
    times = truth.tracks.times
    first = dataset.window(index, slice(0, 1), windowing.context).recording
    parts = _parts(times, first, windowing)
    if not parts:
        yield _Window(name, times, dataset.scene(index))
    for rows in parts:
        yield _Window(name, times, dataset.window(index, rows, windowing.context))


def _parts(times: Floats, recording: Recording, windowing: Windowing) -> list[slice]:
    """Return the rows of each window; an empty list if a recording stays whole.

    Args:
        times: of the whole recording.
        recording: all or a part of it.
        windowing: how it may be cut.
    """
    rows = _rows(times, windowing)
    if len(times) <= rows or (recording.frame is None and not windowing.context):
        return []
    return [slice(first, first + rows) for first in range(0, len(times), rows)]


def _rows(times: Floats, windowing: Windowing) -> int:
    """Return the number of times per window."""
    if windowing.rows or len(times) < 2:
        return windowing.rows or 1
    step = float(np.median(np.abs(np.diff(times))))
    return max(1, round(windowing.seconds / step)) if step else len(times)


def _batches(windows: Iterator[_Window]) -> Iterator[list[_Window]]:
    batch: list[_Window] = []
    samples = 0
    for window in windows:
        size = window.scene.recording.audio.size
        if batch and (len(batch) == BATCH or samples + size > BATCH_SAMPLES):
            yield batch
            batch, samples = [], 0
        batch.append(window)
        samples += size
    if batch:
        yield batch


def _predict(
    state: Inference, cell: Cell, spec: MethodSpec, method: Method | Oracle, scenes: Sequence[Scene]
) -> list[Prediction]:
    recordings = [scene.recording for scene in scenes]
    for recording in recordings:
        _check_audio(recording)
    if not state.predictions and (reason := recording_incompatibility(spec, recordings[0])):
        raise Incompatible(reason)
    with as_cell_error(cell, f"at recordings {recordings[0].id} to {recordings[-1].id}"):
        with warnings.catch_warnings(record=True) as raised, measured() as cost:
            found = _ask(state, method, scenes)
        for recording, prediction in zip(recordings, found, strict=True):
            check_prediction(recording, prediction)
    state.warnings |= {(w.filename, w.lineno): _in_words(w) for w in raised}
    state.seconds += cost.seconds
    state.audio_s += sum(recording.duration for recording in recordings)
    if cost.peak_vram_mb is not None:
        state.peak_vram_mb = max(state.peak_vram_mb or 0.0, cost.peak_vram_mb)
    return found


def _ask(state: Inference, method: Method | Oracle, scenes: Sequence[Scene]) -> list[Prediction]:
    if isinstance(method, Oracle):
        return [method.locate(scene) for scene in scenes]
    first = len(state.predictions)
    # A name such as `a180e20/50cm` would tell a method where the source is.
    return method.locate_many(
        [
            replace(scene.recording, id=f"recording-{first + number:06d}")
            for number, scene in enumerate(scenes)
        ]
    )


def _finish(state: Inference, window: _Window, parts: Sequence[Prediction]) -> None:
    if window.recording in state.predictions:
        raise FormatError("two recordings have the same id", where=window.recording)
    state.predictions[window.recording] = Prediction.join(parts, window.times)


def _in_words(warning: warnings.WarningMessage) -> str:
    # One line per place in the code: libraries put changing numbers into their texts.
    text = next(iter(str(warning.message).splitlines()), "")
    return f"{warning.category.__name__}: {text} ({Path(warning.filename).name})"


def _check_audio(recording: Recording) -> None:
    finite = np.isfinite(recording.audio).all(axis=1)
    if not finite.all():
        channel = int(np.argmin(finite))
        raise FormatError(
            f"channel {channel} has NaN or infinite samples",
            where=recording.id,
            hint="`sslbench datasets check` names every damaged recording",
        )


def check_prediction(recording: Recording, prediction: Prediction) -> None:
    """Check that a method returned what a recording requests.

    Raises:
        CellError: if it is not a prediction, of another kind, at other times, or has more active
            tracks than there can be sources.
    """
    if not isinstance(prediction, Prediction):
        raise CellError(
            f"the method returned a {type(prediction).__name__}", expected="a Prediction"
        )
    check_request(Request.of(recording), prediction, recording.id)


def check_request(request: Request, prediction: Prediction, name: str) -> None:
    """Check that the prediction for a recording is what was requested.

    Raises:
        CellError: if it is not.
    """
    fault = request_fault(request, prediction)
    if fault:
        raise CellError(f"the prediction for {name} has {fault[0]}", expected=fault[1])
