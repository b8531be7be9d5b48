"""Windows of long recordings, as a data set: what methods are trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from sslbench.contracts import Dataset, Windowing
from sslbench.scene import Prediction, Scene

__all__ = ["NoScenes", "Windows"]


class Windows(Dataset):
    """The windows of another data set, each of which is a scene.

    Rows that do not fill a last window are left out, as are recordings shorter than one window,
    so that all windows have the same number of rows.

    Args:
        inner: the data set whose recordings are cut.
        windowing: rows per window, rows from one window to the next, and context.
    """

    def __init__(self, inner: Dataset, windowing: Windowing) -> None:
        super().__init__(inner.request)
        self.inner = inner
        self.windowing = windowing
        counts = [len(inner.truth(index)[1].tracks.times) for index in range(len(inner))]
        self._starts = [
            (index, first)
            for index, count in enumerate(counts)
            for first in range(0, count - windowing.rows + 1, windowing.hop or windowing.rows)
        ]

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self._starts)

    def scene(self, index: int) -> Scene:
        """Return one window with its ground truth; the id names recording and first row."""
        inner, rows = self._place(index)
        scene = self.inner.window(inner, rows, self.windowing.context)
        recording = replace(scene.recording, id=f"{scene.recording.id}@{rows.start}")
        return replace(scene, recording=recording)

    def truth(self, index: int) -> tuple[str, Prediction]:
        """Return id and ground truth of a window; times are those of the whole recording."""
        inner, rows = self._place(index)
        name, truth = self.inner.truth(inner)
        return f"{name}@{rows.start}", replace(truth, tracks=truth.tracks.at(rows))

    def fingerprint(self) -> str:
        """Return a SHA-256 of the inner data set and the windows."""
        text = f"{self.inner.fingerprint()} {self.windowing}"
        return hashlib.sha256(text.encode()).hexdigest()

    def prepare(self) -> None:
        """Prepare the inner data set."""
        self.inner.prepare()

    def report(self) -> Sequence[str]:
        """Return the report of the inner data set."""
        return self.inner.report()

    def _place(self, index: int) -> tuple[int, slice]:
        inner, first = self._starts[index]
        return inner, slice(first, first + self.windowing.rows)


class NoScenes(Dataset):
    """A data set without scenes, for parts that generate their own training data."""

    def __len__(self) -> int:
        """Return 0."""
        return 0

    def scene(self, index: int) -> Scene:
        """Raise `IndexError`."""
        raise IndexError(f"scene {index} of 0")

    def fingerprint(self) -> str:
        """Return a constant."""
        return hashlib.sha256(b"no scenes").hexdigest()
