"""What was the case: the truth of a cell's recordings, and the conditions that results split by."""

from __future__ import annotations

from collections.abc import Iterator

from sslbench.cell import Cell
from sslbench.errors import FormatError
from sslbench.running.stages import Workbench
from sslbench.scene import Condition, Scene, Tracks
from sslbench.scoring.conditions import scene_conditions

__all__ = ["conditions_of", "scenes_of", "truths_of"]


def truths_of(bench: Workbench, cell: Cell) -> dict[str, Tracks]:
    """Return the truth of every recording of a cell's split, by recording id.

    Raises:
        FormatError: if there is no recording, or two have one id.
    """
    dataset = bench.dataset(cell.dataset, cell.split, cell.scale)
    found = dict(dataset.truth(index) for index in range(len(dataset)))
    if not found or len(found) < len(dataset):
        raise FormatError(
            f"{len(dataset)} recordings with {len(found)} ids",
            where=f"{cell.dataset}:{cell.split}",
            expected="at least one recording, each with an id of its own",
        )
    return found


def scenes_of(bench: Workbench, cell: Cell) -> Iterator[Scene]:
    """Open every scene of a cell's split, one by one.

    Raises:
        DataError: if one cannot be read.
    """
    dataset = bench.dataset(cell.dataset, cell.split, cell.scale)
    dataset.prepare()
    for index in range(len(dataset)):
        yield dataset.scene(index)


def conditions_of(bench: Workbench, cell: Cell) -> dict[str, dict[str, Condition]]:
    """Return the conditions of every recording of a cell's split, by recording id.

    Those that were stored with it, and those that follow from the truth.

    Raises:
        DataError: if a recording cannot be read.
    """
    return {
        scene.recording.id: scene_conditions(scene) | dict(scene.recording.conditions)
        for scene in scenes_of(bench, cell)
    }
