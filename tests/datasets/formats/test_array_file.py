"""Reading and writing array files, and errors in their keys."""

import numpy as np
import pytest

from sslbench.datasets.formats.array_file import ArrayFile, read_array_file, write_array_file
from sslbench.errors import FormatError, GeometryError, MissingDataError, StoreError
from sslbench.geometry import Box
from sslbench.scene import MicArray

GOOD = """\
microphones:
  - [0.0, 0.0, 1.0]
  - [0.1, 0, 1e-3]
search: {min: [0, 0, 0], max: [6, 4, 2.5]}
speed_of_sound: 340
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "array.yaml"
        path.write_text(text)
        return path

    return write


def test_microphones_region_and_speed_of_sound_are_read(written):
    content = read_array_file(written(GOOD))
    assert content.array.positions.tolist() == [[0, 0, 1], [0.1, 0, 0.001]]
    assert content.search == Box((0, 0, 0), (6, 4, 2.5))
    assert content.speed_of_sound == 340


def test_region_and_speed_of_sound_are_optional(written):
    content = read_array_file(written("microphones: [[0, 0, 0], [1, 0, 0]]"))
    assert (content.search, content.speed_of_sound) == (None, 343.0)


def test_ambisonics_is_read(written):
    array = read_array_file(written("format: foa")).array
    assert (array.format, array.channels) == ("foa", 4)


@pytest.mark.parametrize(
    "content",
    [
        ArrayFile(MicArray(np.eye(3)), Box((0, 0, 1), (2, 2, 1)), 345.5),
        ArrayFile(MicArray(np.eye(3) / 3)),
        ArrayFile(MicArray(format="foa")),
    ],
)
def test_a_written_file_is_read_back_unchanged(tmp_path, content):
    write_array_file(tmp_path / "array.yaml", content)
    back = read_array_file(tmp_path / "array.yaml")
    np.testing.assert_array_equal(
        np.array(back.array.positions, float), np.array(content.array.positions, float)
    )
    assert back.array.format == content.array.format
    assert (back.search, back.speed_of_sound) == (content.search, content.speed_of_sound)


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("microphones: [[0, 0, 0], [0, x, 0]]", "microphones.1.1: is 'x'", "a valid number"),
        ("microphones: [[0, 0, 0], [0, .nan, 0]]", "microphones.1.1: is nan", "a finite number"),
        ("microphones: [[0, 0, 0], [0, 1]]", "microphones.1.2: is missing", "without a default"),
        (
            "mics: [[0, 0, 0], [1, 0, 0]]",
            "unknown key 'mics' (did you mean 'microphones'?); "
            "allowed: microphones, search, speed_of_sound, format",
            "",
        ),
        (GOOD + "zz: 1", "unknown key 'zz'; allowed: microphones, search,", ""),
        (GOOD + "7: 1", "unknown key '7'; allowed: microphones, search,", ""),
        (
            GOOD.replace("max:", "mox:"),
            "search: unknown key 'mox' (did you mean 'max'?); allowed: min, max",
            "",
        ),
        (GOOD.replace(", max: [6, 4, 2.5]", ""), "search.max: is missing", "without a default"),
        (GOOD.replace("340", "34000"), "speed_of_sound: is 34000", "less than or equal to 10000"),
        ("format: hoa", "format: is 'hoa'", "'mics' or 'foa'"),
        ("search: {min: [0, 0, 0], max: [1, 1, 1]}", "microphones: is missing", "`microphones`"),
        (GOOD + "format: foa", "microphones: conflicts with", "or `format: foa`"),
        ("- 1", "the file is [1]", "keys and values"),
        ("", "the file is empty", "keys and values"),
        ("microphones: [[0, 0", "line 1", "a yaml file"),
    ],
)
def test_an_invalid_file_is_reported_with_the_path_of_the_key(written, text, found, expected):
    path = written(text)
    with pytest.raises(FormatError) as caught:
        read_array_file(path)
    assert caught.value.where == str(path)
    assert found in caught.value.what
    assert expected in caught.value.expected


def test_coincident_microphones_are_an_error(written):
    with pytest.raises(GeometryError, match=r"array\.yaml: microphones: microphones 0 and 2 coin"):
        read_array_file(written("microphones: [[0, 0, 0], [1, 0, 0], [0, 0, 0]]"))


def test_a_region_whose_minimum_exceeds_its_maximum_is_an_error(written):
    with pytest.raises(GeometryError, match=r"array\.yaml: search: .* is not a valid region"):
        read_array_file(written(GOOD.replace("min: [0, 0, 0]", "min: [0, 0, 3]")))


def test_a_missing_file_is_reported_with_its_path(tmp_path):
    with pytest.raises(MissingDataError, match=r"array\.yaml: file not found"):
        read_array_file(tmp_path / "array.yaml")


def test_a_path_that_cannot_be_written_is_reported(tmp_path):
    with pytest.raises(StoreError, match=r"none/array\.yaml: cannot be written: No such file"):
        write_array_file(tmp_path / "none" / "array.yaml", ArrayFile(MicArray(format="foa")))
