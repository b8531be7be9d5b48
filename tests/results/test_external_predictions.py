"""Predictions of other software are read, or refused with the line at fault."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sslbench.errors import FormatError, MissingDataError
from sslbench.results.external_predictions import read_external_predictions
from sslbench.results.predictions import dump_predictions
from sslbench.scene import Prediction, Tracks

POSITIONS = {
    "walk": Tracks.of([0.1, 0.2, 0.3], np.ones((3, 1, 3)), "position"),
    "talk": Tracks.of([0.1], np.ones((1, 1, 3)), "position"),
}
DIRECTIONS = {"walk": Tracks.of([0.1, 0.2], [[[1, 0, 0]]] * 2, "direction")}
HEAD = "recording,time,id,x,y,z\n"
ANGLES = "recording,time,id,azimuth,elevation\n"


@pytest.fixture
def read(tmp_path):
    def read(text, truths=POSITIONS):
        path = tmp_path / "mine.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_external_predictions(path, truths)

    return read


@pytest.fixture
def refusal(read):
    def refusal(text, truths=POSITIONS):
        with pytest.raises(FormatError) as caught:
            read(text, truths)
        assert "mine.csv" in caught.value.where
        assert caught.value.expected
        return str(caught.value)

    return refusal


def test_rows_are_placed_by_time_and_id(read):
    tracks = read(HEAD + "walk,0.1,4,1,2,3\nwalk,0.3,4,4,5,6\nwalk,0.3,2,7,8,9\n")["walk"].tracks
    assert tracks.ids.tolist() == [2, 4]
    assert tracks.active.tolist() == [[False, True], [False, False], [True, True]]
    assert tracks.xyz[2].tolist() == [[7, 8, 9], [4, 5, 6]]
    assert tracks.xyz[0, 1].tolist() == [1, 2, 3]
    assert tracks.kind == "position"


def test_a_recording_without_rows_has_no_detection(read):
    found = read(HEAD + "talk,0.1,1,1,2,3\n")
    assert list(found) == ["walk", "talk"]
    assert found["walk"].tracks.xyz.shape == (3, 0, 3)
    assert_array_equal(found["walk"].tracks.times, [0.1, 0.2, 0.3])


def test_times_become_those_of_the_recording(read):
    found = read(HEAD + "walk,0.101,1,1,2,3\nwalk,0.1995,1,1,2,3\n")["walk"].tracks
    assert_array_equal(found.times, POSITIONS["walk"].times)
    assert found.active[:, 0].tolist() == [True, True, False]


def test_times_may_stand_in_any_order(read):
    truths = {"back": Tracks.of([0.3, 0.1, 0.2], np.ones((3, 1, 3)), "position")}
    tracks = read(HEAD + "back,0.2,1,2,0,0\nback,0.3,1,3,0,0\n", truths)["back"].tracks
    assert_array_equal(tracks.xyz[:, 0, 0], [3, np.nan, 2])


def test_ids_may_be_text(read):
    rows = "walk,0.1,ann,1,1,1\nwalk,0.1,bob,2,2,2\ntalk,0.1,bob,3,3,3\n"
    found = read(HEAD + rows)
    assert found["walk"].tracks.ids.tolist() == [0, 1]
    assert found["talk"].tracks.ids.tolist() == [1]


@pytest.mark.parametrize("identity", ["-1", "1.5", "12345678901234567890"])
def test_ids_that_a_predictions_file_cannot_hold_are_numbered(read, identity):
    found = read(HEAD + f"walk,0.1,{identity},1,1,1\nwalk,0.1,7,2,2,2\n")
    assert found["walk"].tracks.ids.tolist() == [0, 1]


def test_columns_may_stand_in_any_order_with_blanks_and_blank_lines(read):
    text = "\ufeff id, z, y, x, time, recording \r\n\r\n1, 3, 2, 1, 1e-1, walk \r\n,,,,,\r\n"
    assert read(text)["walk"].tracks.xyz[0, 0].tolist() == [1, 2, 3]


def test_names_with_commas_are_quoted(read):
    truths = {"a,b": POSITIONS["talk"]}
    assert read(HEAD + '"a,b",0.1,1,1,2,3\n', truths)["a,b"].tracks.active.all()


def test_angles_are_degrees(read):
    found = read(ANGLES + "walk,0.1,1,90,0\nwalk,0.2,1,-180,30\n", DIRECTIONS)["walk"].tracks
    assert found.kind == "direction"
    assert_allclose(found.xyz[:, 0], [[0, 1, 0], [-np.sqrt(3) / 2, 0, 0.5]], atol=1e-15)


def test_directions_may_be_vectors_of_few_digits(read):
    found = read(HEAD + "walk,0.1,1,0.71,-0.7,0\n", DIRECTIONS)["walk"].tracks.xyz[0, 0]
    assert_allclose(np.linalg.norm(found), 1, rtol=1e-15)
    assert_allclose(found[1] / found[0], -0.7 / 0.71)


@pytest.mark.parametrize("place", ["3,4,0", "0,0,0"])
def test_a_position_in_metres_is_not_a_direction(refusal, place):
    text = refusal(HEAD + f"walk,0.1,1,1,0,0\nwalk,0.2,1,{place}\n", DIRECTIONS)
    assert "line 3: a direction of length" in text


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("walk,0.1,1,1,1,1\nwall,0.1,1,1,1,1\n", r"line 3: .*recording 'wall'\n.*perhaps walk"),
        ("walk,0.15,1,1,1,1\n", r"line 2: 0\.15 s is not a requested time of walk\n.*0\.[12] s"),
        ("walk,0.3021,1,1,1,1\n", r"line 2: 0\.3021 s .*\n.*nearest is 0\.3 s"),
        ("walk,7,1,1,1,1\n", r"line 2: 7 s .*\n.*nearest is 0\.3 s\n.*datasets times"),
        ("walk,0.1,a,1,1,1\nwalk,0.1,b,1,1,1\nwalk,0.1004,a,2,2,2\n",
         r"line 4: a second position for id a of walk at 0\.1004 s"),
        ("walk,0.1,1,1,one,1\n", r"line 2: y is 'one'\n.*finite number"),
        ("walk,0.1,1,1,,1\n", r"line 2: y is ''"),
        ("walk,0.1,1,1,1,1\nwalk,0.2,1,nan,1,1\n", r"line 3: x is 'nan'\n(.*\n)*.*has no row"),
        ("walk,inf,1,1,1,1\n", r"line 2: time is 'inf'"),
        ("walk,0.1,,1,1,1\n", r"line 2: no id"),
        ("walk,0.1,1,1,1\n", r"line 2: 5 cells\n.*6, one for each column"),
        ("walk,0,1,1,1,5,1,1\n", r"line 2: 8 cells\n(.*\n)*.*1\.5, not 1,5"),
        ("walk,0.1,1,1,1,1\n" + HEAD + "walk,0.2,1,1,1,1\n", r"line 3: a second header"),
        ("", r"no rows"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_named(refusal, rows, message):
    assert re.search(message, refusal(HEAD + rows))


def test_line_numbers_count_blank_lines_and_line_breaks_in_names(refusal):
    assert "line 4: y is" in refusal(HEAD + '\n"a\nb",0.1,1,1,?,1\n')


def test_a_file_of_another_data_set_is_recognized(refusal):
    text = refusal(HEAD + "x1,0.1,1,1,1,1\nx2,0.1,1,1,1,1\n")
    assert "none of its 2 recordings is among the 2 of the data set" in text
    assert "'walk'" in text


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("recording,time,id,x,y\n", "x, y\n"),
        ("recording,time,id,x,y,z,score\n", "score"),
        ("recording,time,id,x,y,z,z\n", "z, z"),
        ("recording;time;id;x;y;z\n", "recording;time"),
        ("walk,0.1,1,1,1,1\n", "walk, 0.1"),
        ("recording,time,id,x,y,z,azimuth,elevation\n", "azimuth"),
        ("recording,time,id,azimuth,elevation\n", "directions, where positions are requested"),
        ("", "no columns"),
        ("\n", "no columns"),
    ],
)
def test_a_wrong_header_is_named(refusal, header, named):
    text = refusal(header + "walk,0.1,1,1,1,1\n" * bool(header))
    assert named in text
    assert "line 1" in text
    assert "expected: recording, time, id, x, y, z\n" in text


def test_for_directions_both_forms_are_named(refusal):
    text = refusal("recording,time,id\n", DIRECTIONS)
    assert "x, y, z, or else recording, time, id, azimuth, elevation" in text


@pytest.mark.parametrize("angles", ["361,0", "0,90.5"])
def test_impossible_angles_are_refused(refusal, angles):
    text = refusal(ANGLES + f"walk,0.1,1,{angles}\n", DIRECTIONS)
    assert "line 2: azimuth" in text


@pytest.mark.parametrize("data", [b"\xff\xfer\x00", b"PK\x03\x04\xe9\x00"])
def test_a_file_that_is_not_text_is_refused(refusal, data):
    assert "a CSV in UTF-8" in refusal(data)


def test_row_numbers_are_not_accepted_as_ids(refusal):
    times = np.arange(1200) / 100
    truths = {"long": Tracks.of(times, np.ones((1200, 1, 3)), "position")}
    rows = "".join(f"long,{t},{n},1,1,1\n" for n, t in enumerate(times))
    text = refusal(HEAD + rows, truths)
    assert "1200 ids in one recording" in text
    assert "0, 1, ..." in text


def test_a_recording_without_requested_times_accepts_no_row(refusal):
    truths = {"empty": Tracks.of([], np.zeros((0, 1, 3)), "position")}
    assert "not a requested time of empty" in refusal(HEAD + "empty,0,1,1,1,1\n", truths)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"mine\.csv"):
        read_external_predictions(tmp_path / "mine.csv", POSITIONS)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(FormatError, match=tmp_path.name):
        read_external_predictions(tmp_path, POSITIONS)


def stored(path, **tracks):
    path.write_bytes(dump_predictions({name: Prediction(t) for name, t in tracks.items()}))
    return path


def test_a_predictions_file_is_read_at_the_times_of_the_recordings(tmp_path):
    given = Tracks.of([0.1, 0.2, 0.3], np.full((3, 2, 3), 2.0), "position", ids=[5, 3])
    found = read_external_predictions(stored(tmp_path / "p.npz", walk=given), POSITIONS)
    assert list(found) == ["walk", "talk"]
    assert_array_equal(found["walk"].tracks.times, POSITIONS["walk"].times)
    assert found["walk"].tracks.ids.tolist() == [5, 3]
    assert not found["talk"].tracks.active.size


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        ({"walk": Tracks.of([0.1], np.ones((1, 1, 3)), "position")}, r"walk: .*1 times.*3"),
        ({"talk": Tracks.of([0.2], np.ones((1, 1, 3)), "position")}, r"talk: the times .* 0\.1 s"),
        ({"talk": Tracks.of([0.1], [[[1, 0, 0]]], "direction")}, r"talk: .*direction.*position"),
        ({"talk": POSITIONS["talk"], "tall": POSITIONS["talk"]}, r"'tall'\n.*perhaps talk"),
        ({"other": POSITIONS["talk"]}, r"none of its 1 recordings"),
        ({}, r"none of its 0 recordings"),
    ],
)
def test_a_predictions_file_of_something_else_is_refused(tmp_path, tracks, message):
    with pytest.raises(FormatError, match=r"p\.npz.*" + message):
        read_external_predictions(stored(tmp_path / "p.npz", **tracks), POSITIONS)


@pytest.mark.parametrize("arrays", [{"a": 1}, {"kind": "position", "frames": 3}])
def test_another_npz_is_refused(tmp_path, arrays):
    np.savez(tmp_path / "p.npz", **arrays)
    with pytest.raises(FormatError, match=r"p\.npz.*\n.*expected: arrays") as caught:
        read_external_predictions(tmp_path / "p.npz", POSITIONS)
    assert "run the cell again" not in str(caught.value)


def test_what_is_read_can_be_stored_and_read_again(read, tmp_path):
    once = read(HEAD + "walk,0.1,ann,1,2,3\nwalk,0.3,bob,4,5,6\n")
    path = tmp_path / "p.npz"
    path.write_bytes(dump_predictions(once))
    again = read_external_predictions(path, POSITIONS)["walk"].tracks
    assert_array_equal(again.active, once["walk"].tracks.active)
    assert_allclose(again.xyz, once["walk"].tracks.xyz, rtol=1e-6)


def test_confidence_of_a_predictions_file_is_kept(tmp_path):
    given = Tracks.of([0.1], np.ones((1, 1, 3)), "position", confidence=[[0.5]])
    found = read_external_predictions(stored(tmp_path / "p.npz", talk=given), POSITIONS)
    assert found["talk"].tracks.confidence.tolist() == [[0.5]]
