"""Letting a method answer recordings, checking the answers and measuring what they cost."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from sslbench.cell import Cell
from sslbench.contracts import Incompatible, Method, MethodSpec, Oracle
from sslbench.errors import CellError, FormatError, SslbenchError
from sslbench.running.compatibility import recording_incompatibility
from sslbench.running.cost import measured
from sslbench.scene import Prediction, Recording, Scene
from sslbench.scoring.conditions import scene_conditions

__all__ = ["Answers", "as_cell_error", "check_answer"]


@contextmanager
def as_cell_error(cell: Cell, place: str) -> Iterator[None]:
    """Turn whatever a plugin raises into a `CellError` that says which cell and where in it."""
    try:
        yield
    except (SslbenchError, Incompatible):
        raise
    except (Exception, SystemExit) as error:
        raise CellError(
            f"{type(error).__name__}: {error}",
            where=f"{cell}, {place}",
            hint="this is a defect of the method or of its data; the other cells go on",
        ) from error


@dataclass
class Answers:
    """Answers so far, and what they cost. Only the method's own time counts as inference.

    Args:
        cell: which method on which data set.
        spec: of the method.
        method: which answers.
    """

    cell: Cell
    spec: MethodSpec
    method: Method | Oracle
    predictions: dict[str, Prediction] = field(default_factory=dict)
    conditions: dict[str, dict[str, Any]] = field(default_factory=dict)
    warnings: dict[tuple[str, int], str] = field(default_factory=dict)
    infer_s: float = 0.0
    audio_s: float = 0.0
    peak_ram_mb: float = 0.0
    peak_vram_mb: float | None = None

    def add(self, scenes: Sequence[Scene]) -> None:
        """Let the method answer more scenes.

        Raises:
            Incompatible: if the method cannot answer such recordings.
            FormatError: if a recording has samples that are no numbers.
            CellError: if the method fails, or answers what was not asked.
        """
        for scene in scenes:
            _check_audio(scene.recording)
        recordings = [scene.recording for scene in scenes]
        if not self.predictions and (reason := recording_incompatibility(self.spec, recordings[0])):
            raise Incompatible(reason)
        with as_cell_error(self.cell, f"at recordings {recordings[0].id} to {recordings[-1].id}"):
            with warnings.catch_warnings(record=True) as heard, measured() as cost:
                answers = self._ask(scenes)
            self.warnings |= {(w.filename, w.lineno): _in_words(w) for w in heard}
            for scene, answer in zip(scenes, answers, strict=True):
                recording = scene.recording
                check_answer(recording, answer)
                if recording.id in self.predictions:
                    raise FormatError("two recordings of one id", where=recording.id)
                self.predictions[recording.id] = answer
                own = dict(recording.conditions)
                self.conditions[recording.id] = scene_conditions(scene) | own
                self.audio_s += recording.duration
        self.infer_s += cost.seconds
        self.peak_ram_mb = max(self.peak_ram_mb, cost.peak_ram_mb)
        if cost.peak_vram_mb is not None:
            self.peak_vram_mb = max(self.peak_vram_mb or 0.0, cost.peak_vram_mb)

    def _ask(self, scenes: Sequence[Scene]) -> list[Prediction]:
        if isinstance(self.method, Oracle):
            return [self.method.answer(scene) for scene in scenes]
        first = len(self.predictions)
        return self.method.locate_many(
            [_nameless(scene.recording, first + n) for n, scene in enumerate(scenes)]
        )

    def facts(self) -> dict[str, Any]:
        """Return what was measured, for the stage's file."""
        learned = 0 if isinstance(self.method, Oracle) else self.method.parameter_count
        kept = ("infer_s", "audio_s", "peak_ram_mb", "peak_vram_mb", "conditions")
        return {name: getattr(self, name) for name in kept} | {
            "parameters": learned,
            "warnings": list(self.warnings.values()),
            "cell": str(self.cell),
        }


def _in_words(warning: warnings.WarningMessage) -> str:
    # One line a place in the code: libraries put changing numbers into their texts.
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


def _nameless(recording: Recording, number: int) -> Recording:
    # A name such as `a180e20/50cm` would tell a method where the source is.
    return replace(recording, id=f"recording-{number:06d}")


def check_answer(recording: Recording, answer: Prediction) -> None:
    """Check that an answer is what the recording asks for.

    Raises:
        CellError: if it is no prediction, of another kind, at other times, or has more tracks
            than there can be sources.
    """
    if not isinstance(answer, Prediction):
        raise CellError(f"the answer is a {type(answer).__name__}", expected="a Prediction")
    tracks = answer.tracks
    if tracks.kind != recording.kind or not np.array_equal(tracks.times, recording.times):
        raise CellError(
            f"the answer to {recording.id} is {len(tracks.times)} times of {tracks.kind}",
            expected=f"{len(recording.times)} times of {recording.kind}, as the recording asks",
        )
    most = tracks.active.sum(axis=1).max(initial=0)
    if most > recording.max_sources:
        # The nearest of many guesses would count as the answer.
        raise CellError(
            f"the answer to {recording.id} claims {most} sources at once",
            expected=f"at most {recording.max_sources}, as the recording says",
        )
