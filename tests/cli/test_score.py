"""Answers that are there already are scored under any rules, whoever made them."""

import csv
import io
import json

import pytest


@pytest.fixture
def run(sslbench):
    """Run a method once and return the name of its run."""
    _, out, _ = sslbench("run", "-m", "room-centre", "-d", "luvira-sim", "--json")
    return json.loads(out)["outcomes"][0]["run"]


@pytest.fixture
def answers(sslbench, tmp_path):
    """Write a file that answers every time of a data set with one place."""

    def write(place=(2.0, 2.0, 1.0), sources=1, scale="smoke"):
        _, out, _ = sslbench("datasets", "times", "luvira-sim", "--scale", scale)
        rows = list(csv.DictReader(io.StringIO(out)))
        x, y, z = place
        lines = [
            f"{row['recording']},{row['time']},{n},{x},{y},{z}"
            for row in rows
            for n in range(sources)
        ]
        path = tmp_path / "answers.csv"
        path.write_text("\n".join(["recording,time,id,x,y,z", *lines]) + "\n")
        return path

    return write


def test_another_protocol_makes_another_board_that_says_so(sslbench, run):
    code, out, _ = sslbench("score", run, "--protocol", "lemoing2019")
    assert code == 0
    assert "luvira-sim, test split, smoke scale, protocol lemoing2019" in out
    assert "resolution f1 1m [%]" in out


def test_a_protocol_for_the_other_kind_is_refused(sslbench, run):
    code, _, err = sslbench("score", run, "--protocol", "locata")
    assert code == 2
    assert "protocol locata has no metric of positions" in err


def test_any_metric_is_computed_with_any_parameters(sslbench, run):
    code, out, _ = sslbench("score", run, "--metric", "resolution-f1[within={1m,9m}]")
    assert code == 0
    assert "resolution-f1[within=1m]" in out
    assert "resolution-f1[within=9m]  100" in out


def test_recordings_are_split_by_a_condition(sslbench, run):
    code, out, _ = sslbench("score", run, "--by", "distance_m", "--json")
    (tables,) = json.loads(out).values()
    assert code == 0
    assert all(title.startswith("distance_m ") for title in tables)
    assert {entry["name"] for (entry,) in tables.values()} == {"position-error-capped"}


def test_frames_are_written_and_the_worst_are_listed(sslbench, run, tmp_path):
    code, out, _ = sslbench("score", run, "--frames", "frames.csv", "--worst", 2)
    assert code == 0
    assert (tmp_path / "frames.csv").read_text().startswith("recording,frame,time_s,event")
    assert len(out.strip().splitlines()) == 4  # two lines of header


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metric", "motta"], "perhaps mota"),
        (["--metric", "mota[gate=far]"], "'far' is not a distance"),
        (["--metric", "angular-error-mean"], "does not compare positions"),
        (["--by", "mood"], "'mood' does not split the recordings"),
        (["--frames", "frames.xls"], ".csv"),
        (["--worst", "2", "--gate", "20deg"], "not a distance between positions"),
    ],
)
def test_what_cannot_be_said_is_refused(sslbench, run, words, message):
    code, _, err = sslbench("score", run, *words)
    assert code == 2
    assert message in err


def test_answers_made_elsewhere_get_a_record_that_says_so(sslbench, answers, tmp_path):
    path = answers()
    code, out, err = sslbench("score", path, "-d", "luvira-sim", "--method-name", "mine")
    assert code == 0
    assert "mine" in out
    run = err.split()[1]
    record = json.loads((tmp_path / "store" / "runs" / run / "record.json").read_text())
    assert record["method"]["plugin"] == "answered elsewhere"
    assert set(record["cost"].values()) == {None}


def test_answers_made_elsewhere_go_onto_a_board_that_verifies(sslbench, answers, tmp_path):
    _, _, err = sslbench("score", answers(), "-d", "luvira-sim", "--method-name", "mine")
    run = err.split()[1]
    assert sslbench("leaderboard", "add", run, "--allow-dirty", "--boards", "boards")[0] == 0
    assert sslbench("leaderboard", "build", "--boards", "boards")[0] == 0
    code, out, _ = sslbench("leaderboard", "verify", "--boards", "boards")
    assert code == 0
    assert out.startswith("verified  mine-luvira-sim")


def test_answers_made_elsewhere_can_be_scored_again(sslbench, answers):
    _, _, err = sslbench("score", answers(), "-d", "luvira-sim", "--method-name", "mine")
    code, out, _ = sslbench("score", err.split()[1], "--protocol", "berg2024")
    assert code == 0
    assert "protocol berg2024" in out


def test_answers_with_more_sources_than_there_can_be_are_refused(sslbench, answers):
    path = answers(sources=2)
    code, _, err = sslbench("score", path, "-d", "luvira-sim", "--method-name", "mine")
    assert code != 0
    assert "claims 2 sources at once" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-d", "luvira-sim"], "need a name"),
        (["-d", "luvira-sim", "--method-name", "srp-phat"], "srp-phat is an installed method"),
        (["-d", "luvira-sim", "--method-name", "Mine!"], "is no name"),
        (["-d", "luvira-*", "--method-name", "mine", "--protocol", "x"], "no protocol is named"),
    ],
)
def test_answers_without_what_names_them_are_refused(sslbench, answers, words, message):
    code, _, err = sslbench("score", answers(), *words)
    assert code == 2
    assert message in err


def test_a_metric_shows_its_definition(sslbench):
    code, out, _ = sslbench("metrics", "gospa")
    assert code == 0
    for said in ("GOSPA", "lower is better", "m or deg", "version", "protocols", "cutoff"):
        assert said in out


def test_metrics_and_protocols_are_listed(sslbench):
    assert "position-error-mean" in sslbench("metrics")[1]
    assert "adavanne2021-code" in sslbench("protocols")[1]
    assert json.loads(sslbench("metrics", "--json")[1])
    assert json.loads(sslbench("protocols", "--json")[1])


def test_a_protocol_shows_its_rules_and_that_its_intervals_are_too_narrow(sslbench):
    code, out, _ = sslbench("protocols", "berg2024")
    assert code == 0
    for said in ("too narrow", "misses", "position-accuracy[within=30cm]"):
        assert said in out
