"""The array file: a YAML file with the microphone positions of a recording.

::

    microphones:            # metres, in channel order
      - [0.0, 0.0, 1.0]
      - [0.1, 0.0, 1.0]
    search:                 # optional: the region in which sources can be
      min: [0, 0, 0]
      max: [6, 4, 2.5]
    speed_of_sound: 343.0   # optional, m/s

A file for first-order ambisonics (ACN order, SN3D) has ``format: foa`` instead of microphones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, FiniteFloat, model_validator

from sslbench.datasets.formats.yaml_file import Checked, FaultError, read_yaml
from sslbench.errors import GeometryError
from sslbench.files import write_text
from sslbench.geometry import SPEED_OF_SOUND, Box, check_microphones
from sslbench.scene import MicArray

__all__ = ["ArrayFile", "read_array_file", "write_array_file"]

Point = tuple[FiniteFloat, FiniteFloat, FiniteFloat]


@dataclass(frozen=True, eq=False)
class ArrayFile:
    """Content of an array file.

    Args:
        array: the microphones.
        search: the region in which sources can be, in metres; None if the file has none.
        speed_of_sound: in m/s.
    """

    array: MicArray
    search: Box | None = None
    speed_of_sound: float = SPEED_OF_SOUND


class _Search(Checked):
    min: Point
    max: Point


class _File(Checked):
    microphones: tuple[Point, ...] | None = None
    search: _Search | None = None
    speed_of_sound: Annotated[float, Field(ge=100, le=10_000)] = SPEED_OF_SOUND
    format: Literal["mics", "foa"] = "mics"

    @model_validator(mode="after")
    def _check(self) -> _File:
        if (self.microphones is None) == (self.format == "mics"):
            found = "is missing" if self.microphones is None else "conflicts with `format: foa`"
            raise FaultError(
                "microphones", found, "either `microphones` (positions in metres) or `format: foa`"
            )
        return self


def read_array_file(path: Path) -> ArrayFile:
    """Read an array file.

    Raises:
        MissingDataError: if there is no such file.
        FormatError: if the content is invalid; the message names the path of each invalid key.
        GeometryError: if microphones coincide or a minimum of the search region exceeds its
            maximum.
    """
    data = read_yaml(path, _File)
    array = MicArray(format="foa")
    if data.microphones is not None:
        array = MicArray(check_microphones(data.microphones, where=f"{path}: microphones"))
    return ArrayFile(array, _search_box(data.search, path), data.speed_of_sound)


def _search_box(search: _Search | None, path: Path) -> Box | None:
    if search is None:
        return None
    try:
        return Box(search.min, search.max)
    except GeometryError as error:
        raise GeometryError(error.what, where=f"{path}: search", expected=error.expected) from error


def write_array_file(path: Path, content: ArrayFile) -> None:
    """Write an array file that `read_array_file` reads back unchanged.

    Raises:
        StoreError: if it cannot be written.
    """
    data: dict[str, object] = {"format": content.array.format}
    if content.array.positions is not None:
        data = {"microphones": content.array.positions.tolist()}
    if content.search is not None:
        data["search"] = {"min": list(content.search.low), "max": list(content.search.high)}
    data["speed_of_sound"] = content.speed_of_sound
    write_text(path, yaml.safe_dump(data, sort_keys=False))
