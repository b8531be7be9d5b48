"""Motion capture files: TSV of Qualisys with markers or bodies, and the processed csv."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from helpers.luvira_files import csv, markers, path, tsv
from sslbench.datasets.formats.motion_capture import (
    BODY,
    matching_names,
    read_motion_capture,
)
from sslbench.errors import FormatError, MissingDataError

BODIES = """NO_OF_FRAMES\t3
NO_OF_BODIES\t2
FREQUENCY\t50
DATA_INCLUDED\t6D
BODY_NAMES\tspeaker\trobot
"""
ROTATION = "\t1" * 9


@pytest.fixture
def read(tmp_path):
    def read_(text, name="a.tsv", **options):
        file = tmp_path / name
        file.write_text(text)
        return read_motion_capture(file, **options)

    return read_


@pytest.mark.parametrize("titles", [False, True])
@pytest.mark.parametrize("leading", [False, True])
def test_markers_are_read_with_or_without_titles_and_time(read, titles, leading):
    given = markers(20)
    found = read(tsv(given, titles=titles, leading=leading))
    assert list(found.points) == list(given)
    for name, xyz in given.items():
        assert_allclose(found.points[name], xyz, atol=1e-6)
    assert_allclose(found.times, np.arange(20) / 100, atol=1e-9)
    assert found.rate == pytest.approx(100)


def test_the_column_of_the_time_counts_more_than_the_frequency(read):
    found = read(tsv(markers(5), rate=50))
    assert_allclose(found.times, np.arange(5) / 50)


def test_coordinates_in_metres_are_read_as_such(read):
    found = read(tsv({"speaker": np.array([[0.001, 0.002, 0.003]])}), metres=1.0)
    assert_allclose(found.points["speaker"], [[1, 2, 3]])


def test_a_tab_at_the_end_of_rows_is_ignored(read):
    text = tsv(markers(5), leading=False)
    header, rows = text.split("mic11b\tspeaker\n")
    ended = header + "mic11b\tspeaker\n" + rows.replace("\n", "\t\n")
    assert_allclose(read(ended).points["speaker"], path(np.arange(5) / 100), atol=1e-6)


@pytest.mark.parametrize("missing", ["0.000\t0.000\t0.000", "\t\t", "NaN\tNaN\tNaN", "1\t\t2"])
@pytest.mark.parametrize("leading", ["", "7\t0.5\t"])
def test_zero_empty_and_nan_coordinates_are_missing(read, missing, leading):
    text = tsv({"one": np.ones((1, 3)), "two": np.ones((1, 3))}, leading=False)
    rows = f"{leading}{missing}\t4\t5\t6\n"
    found = read(text[: text.index("1000.000")] + rows)
    assert np.isnan(found.points["one"]).all()
    assert_allclose(found.points["two"], [[0.004, 0.005, 0.006]])


def test_bodies_are_read_without_titles_and_a_negative_residual_is_missing(read):
    rows = [
        f"1000\t2000\t3000\t0\t0\t0\t{residual}{ROTATION}\t1\t2\t3\t0\t0\t0\t0.5{ROTATION}"
        for residual in ("0.5", "-1", "0.1")
    ]
    found = read(BODIES + "\n".join(rows) + "\n")
    assert list(found.points) == ["speaker", "robot"]
    assert_allclose(found.points["speaker"][[0, 2]], [[1, 2, 3]] * 2)
    assert np.isnan(found.points["speaker"][1]).all()
    assert_allclose(found.points["robot"], [[0.001, 0.002, 0.003]] * 3)
    assert_allclose(found.times, [0, 0.02, 0.04])


def test_bodies_are_read_by_the_titles_of_their_columns(read):
    titles = "Frame\tTime\t" + "\t".join(f"{n} X\tY\tZ\tResidual" for n in ("speaker", "robot"))
    rows = [f"{n}\t{n / 10}\t1\t2\t3\t{r}\t4\t5\t6\t1" for n, r in ((1, 1), (2, -1), (3, 0))]
    found = read(BODIES + "\n".join([titles, *rows]) + "\n")
    assert_allclose(found.times, [0.1, 0.2, 0.3])
    assert np.isnan(found.points["speaker"]).all(axis=1).tolist() == [False, True, False]
    assert_allclose(found.points["robot"][0], [0.004, 0.005, 0.006])


def test_a_csv_file_starts_at_time_zero(read):
    found = read(csv(30), "a.csv")
    assert_allclose(found.times, np.arange(30) / 100, atol=1e-5)
    assert_allclose(found.points[BODY], path(np.arange(30) / 100), atol=1e-6)


@pytest.mark.parametrize("cells", ["0, 0, 0, 0, 0, 0, 1", ", , , , , , 1", "1, 2, 3, 0, 0, 0, -1"])
def test_missing_rows_of_a_csv_file_are_nan(read, cells):
    lines = csv(3).splitlines()
    lines[2] = lines[2].split(",")[0] + ", " + cells + ", 1" * 9
    found = read("\n".join(lines), "a.csv")
    assert np.isnan(found.points[BODY]).all(axis=1).tolist() == [False, True, False]


GOOD = tsv(markers(5))


@pytest.mark.parametrize(
    ("text", "what", "expected"),
    [
        ("", "starts with ''", "NO_OF_FRAMES"),
        ("RIFF1234", "starts with 'RIFF1234'", "NO_OF_FRAMES"),
        (GOOD.replace("\t3D", "\t2D"), "DATA_INCLUDED is '2D'", "3D (markers) or 6D (bodies)"),
        (GOOD.replace("DATA_INCLUDED", "DATA"), "has no DATA_INCLUDED", "DATA_INCLUDED<tab>value"),
        (GOOD.replace("MARKER_NAMES", "NAMES"), "has no MARKER_NAMES", "MARKER_NAMES"),
        (GOOD.replace("MARKERS\t23", "MARKERS\t25"), "23 names in MARKER_NAMES", "25"),
        (GOOD.replace("mic2a", "mic1a"), "MARKER_NAMES has a name twice", ""),
        (GOOD.replace("FRAMES\t5", "FRAMES\tfive"), "NO_OF_FRAMES is 'five'", "above 0"),
        (GOOD.replace("\tspeaker", "").replace("\t23", "\t22"), "71 cells", "66, or 68"),
        (tsv(markers(5), frames=6), "5 rows", "6, as NO_OF_FRAMES announces"),
        (GOOD[:-40], "cells", "71 as in the other rows"),
        (GOOD.replace("\t0.02000\t", "\t0.00000\t"), "times are not ascending", "seconds"),
        (GOOD.replace("\t0.02000\t", "\tthree\t"), "could not convert", "numbers"),
        (GOOD[: GOOD.index("1\t0.00000")], "has no rows", "one row per frame"),
        (
            tsv(markers(2), titles=True).replace("speaker Z", "speaker W"),
            "the names of the columns give 23 points",
            "X, Y and Z of each of the 23 names",
        ),
        ("# timestamps, X, Y\n1, 2, 3\n", "columns timestamps, X, Y", "timestamps, X, Y, Z"),
        ("# timestamps, X, Y, Z\n", "has no rows", "one row per frame"),
        ("# timestamps, X, Y, Z\n1, 2, 3\n", "3 cells", "4 as in the other rows"),
        ("# timestamps, X, Y, Z\n0, 2, 3, 4\n10, 2, 3, 4\n", "rows are 10 apart", "in seconds"),
    ],
)
def test_a_damaged_file_is_reported(read, text, what, expected):
    with pytest.raises(FormatError) as caught:
        read(text)
    assert what in caught.value.what
    assert expected in caught.value.expected
    assert "a.tsv" in caught.value.where


def test_a_damaged_row_is_reported_with_its_line(read):
    with pytest.raises(FormatError, match="line 13: could not convert"):
        read(GOOD.replace("\t0.02000\t", "\tthree\t"))


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(MissingDataError, match=r"none\.tsv: file not found"):
        read_motion_capture(tmp_path / "none.tsv")


@pytest.mark.parametrize(
    ("pattern", "number", "found"),
    [
        ("mic#*", 1, ["mic1a", "Mic01_b"]),
        ("mic#*", 11, ["mic11a"]),
        ("*speak*", None, ["L-speaker"]),
        ("mic1a", None, ["mic1a"]),
        ("mic.a", None, []),
    ],
)
def test_names_match_a_pattern(pattern, number, found):
    names = ["mic1a", "Mic01_b", "mic11a", "L-speaker", "micxa"]
    assert matching_names(names, pattern, number) == found
