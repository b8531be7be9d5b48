"""`sslbench localize`: the sources in a wav file."""

import json

import numpy as np
import pytest

from sslbench.geometry import wrap_angle


def azimuths(out):
    return [row["azimuth_deg"] for row in json.loads(out)["tracks"]]


@pytest.mark.parametrize("azimuth", [0, 90, -135])
def test_the_direction_of_a_wav_is_found(sslbench, wav, array_file, azimuth):
    words = ["localize", wav(azimuth), "--mics", array_file, "-m", "srp-phat", "--json"]
    code, out, _ = sslbench(*words)
    (found,) = azimuths(out)
    assert code == 0
    assert abs(np.degrees(wrap_angle(np.radians(found - azimuth)))) < 3


def test_estimates_at_regular_times_have_their_times(sslbench, wav, array_file):
    words = ["--mics", array_file, "-m", "srp-phat", "--every", "0.25", "--json"]
    tracks = json.loads(sslbench("localize", wav(), *words)[1])["tracks"]
    assert [row["time_s"] for row in tracks] == [0.125, 0.375, 0.625, 0.875]


@pytest.mark.parametrize(("birth", "times"), [(4, [0.125, 0.375, 0.625, 0.875]), (5, [])])
def test_a_tracker_joins_the_estimates(sslbench, wav, array_file, birth, times):
    method = f"srp-phat+nearest[birth={birth}]"
    words = ["--mics", array_file, "-m", method, "--every", "0.25", "--json"]
    tracks = json.loads(sslbench("localize", wav(), *words)[1])["tracks"]
    assert [row["time_s"] for row in tracks] == times


def test_a_table_is_printed(sslbench, wav, array_file):
    out = sslbench("localize", wav(), "--mics", array_file, "-m", "srp-phat")[1]
    assert out.split()[:4] == ["id", "time_s", "azimuth_deg", "elevation_deg"]


def test_a_search_region_requests_positions(sslbench, wav, array_file):
    with array_file.open("a") as file:
        file.write("search: {min: [-1, -1, 0], max: [1, 1, 0]}\n")
    out = sslbench("localize", wav(), "--mics", array_file, "-m", "room-centre", "--json")[1]
    assert json.loads(out)["tracks"] == [{"id": 0, "time_s": 0.5, "x": 0.0, "y": 0.0, "z": 0.0}]


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_estimates_are_plotted(sslbench, wav, array_file, tmp_path, ending):
    plot = tmp_path / f"estimates.{ending}"
    words = ["--mics", array_file, "-m", "srp-phat", "--plot", plot]
    assert sslbench("localize", wav(), *words)[0] == 0
    assert plot.stat().st_size > 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"audio": np.ones((100, 3)) * 0.1}, "3 channels"),
        ({"audio": np.zeros((100, 4))}, "silent"),
        ({"audio": np.zeros((0, 4))}, "no samples"),
    ],
)
def test_a_bad_wav_is_reported(sslbench, wav, array_file, change, message):
    words = ["--mics", array_file, "-m", "srp-phat"]
    code, _, err = sslbench("localize", wav(**change), *words)
    assert (code, message in err) == (4, True), err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-m", "room-centre"], 2, "room-centre estimates positions"),
        (["-m", "oracle-direction-grid"], 2, "needs the ground truth"),
        (["-m", "pra-*"], 2, "selects 7"),
        (["-m", "srp-phat", "--trained-on", "luvira-sin"], 2, "luvira-sim"),
        (["-m", "srp-phat", "--every", "9"], 2, "at most 1 s"),
        (["-m", "srp-phat", "--plot", "estimates.xyz"], 2, "a .png, .svg or .pdf"),
    ],
)
def test_a_request_that_cannot_be_met_says_why(sslbench, wav, array_file, words, code, message):
    found, _, err = sslbench("localize", wav(), "--mics", array_file, *words)
    assert (found, message in err) == (code, True), err


def test_a_learned_method_needs_training_data(sslbench, wav, array_file, small):
    with array_file.open("a") as file:
        file.write("search: {min: [-1, -1, 0], max: [1, 1, 0]}\n")
    words = ["localize", wav(), "--mics", array_file, "-m", "mean-position"]
    code, _, err = sslbench(*words)
    assert (code, "--trained-on" in err) == (2, True)
    code, out, _ = sslbench(*words, "--trained-on", "feng2025-l1", "--json")
    assert (code, len(json.loads(out)["tracks"])) == (0, 1)


def test_a_learned_method_is_trained_on_data_sets_in_turn(
    sslbench, wav, array_file, small, tmp_path
):
    with array_file.open("a") as file:
        file.write("search: {min: [-1, -1, 0], max: [1, 1, 0]}\n")
    words = ["--trained-on", "feng2025-l1", "--then-on", "feng2025-l1+mics[n=4]"]
    code, _, _ = sslbench("localize", wav(), "--mics", array_file, "-m", "mean-position", *words)
    assert code == 0
    assert len(list((tmp_path / "store" / "train").iterdir())) == 2
