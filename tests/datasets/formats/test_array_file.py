"""The array file is read with every key checked."""

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


def test_reads_microphones_region_and_speed(written):
    content = read_array_file(written(GOOD))
    assert content.array.positions.tolist() == [[0, 0, 1], [0.1, 0, 0.001]]
    assert content.search == Box((0, 0, 0), (6, 4, 2.5))
    assert content.speed_of_sound == 340


def test_region_and_speed_are_optional(written):
    content = read_array_file(written("microphones: [[0, 0, 0], [1, 0, 0]]"))
    assert (content.search, content.speed_of_sound) == (None, 343.0)


def test_reads_ambisonics(written):
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
def test_what_is_written_is_read_back(tmp_path, content):
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
        ("microphones: [[0, 0, 0], [0, 1]]", "microphones.1.2: is missing", "no default"),
        (GOOD + "serach: 1", "serach: is no key", "only the documented keys"),
        (GOOD.replace("max:", "mox:"), "search.max: is missing", "no default"),
        (GOOD.replace("340", "34000"), "speed_of_sound: is 34000", "less than or equal to 10000"),
        ("format: hoa", "format: is 'hoa'", "'mics' or 'foa'"),
        ("search: {min: [0, 0, 0], max: [1, 1, 1]}", "microphones: is missing", "`microphones`"),
        (GOOD + "format: foa", "microphones: stands beside", "or else `format: foa`"),
        ("- 1", "the file is [1]", "keys and their values"),
        ("", "the file is empty", "keys and their values"),
        ("microphones: [[0, 0", "line 1", "a yaml file"),
    ],
)
def test_bad_file_is_refused_with_the_path_of_the_key(written, text, found, expected):
    path = written(text)
    with pytest.raises(FormatError) as caught:
        read_array_file(path)
    assert caught.value.where == str(path)
    assert found in caught.value.what
    assert expected in caught.value.expected


def test_coincident_microphones_are_refused(written):
    with pytest.raises(GeometryError, match=r"array\.yaml: microphones: microphones 0 and 2 coin"):
        read_array_file(written("microphones: [[0, 0, 0], [1, 0, 0], [0, 0, 0]]"))


def test_region_that_ends_before_it_begins_is_refused(written):
    with pytest.raises(GeometryError, match=r"array\.yaml: search: .* is no region"):
        read_array_file(written(GOOD.replace("min: [0, 0, 0]", "min: [0, 0, 3]")))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"there is no array\.yaml"):
        read_array_file(tmp_path / "array.yaml")


def test_place_that_cannot_be_written_to_is_named(tmp_path):
    with pytest.raises(StoreError, match="none"):
        write_array_file(tmp_path / "none" / "array.yaml", ArrayFile(MicArray(format="foa")))
