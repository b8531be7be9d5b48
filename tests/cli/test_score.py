"""`sslbench score`: stored or external predictions under any protocol, with any metric."""

import csv
import io
import json

import pytest

DATA = "feng2025-l1"


@pytest.fixture(autouse=True)
def small_data(small):
    """Use a data set of a few scenes."""


@pytest.fixture
def run(sslbench):
    """Run a method once and return the name of its run."""
    _, out, _ = sslbench("run", "-m", "room-centre", "-d", DATA, "--json")
    return json.loads(out)["outcomes"][0]["run"]


@pytest.fixture
def table(sslbench, tmp_path):
    """Write a CSV with one position at every time of a data set."""

    def write(position=(2.0, 2.0, 1.0), sources=1):
        _, out, _ = sslbench("datasets", "times", DATA)
        rows = list(csv.DictReader(io.StringIO(out)))
        x, y, z = position
        lines = [
            f"{row['recording']},{row['time']},{n},{x},{y},{z}"
            for row in rows
            for n in range(sources)
        ]
        path = tmp_path / "mine.csv"
        path.write_text("\n".join(["recording,time,id,x,y,z", *lines]) + "\n")
        return path

    return write


@pytest.fixture
def external(sslbench, table):
    """Score predictions of another program and return the name of the run."""
    code, _, err = sslbench("score", table(), "-d", DATA, "--method-name", "mine")
    assert code == 0
    return err.split()[1]


def test_another_protocol_makes_another_board_that_says_so(sslbench, run):
    code, out, _ = sslbench("score", run, "--protocol", "lemoing2019")
    assert code == 0
    assert "feng2025-l1, test split, smoke scale, protocol lemoing2019" in out
    assert "resolution f1 1m" in out


def test_another_protocol_makes_another_run(sslbench, run, tmp_path):
    sslbench("score", run, "--protocol", "lemoing2019")
    names = sorted(path.name for path in tmp_path.glob("store/runs/*"))
    assert names == [run, f"{run}--lemoing2019"]


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
    assert len(out.strip().splitlines()) == 4


def test_identity_switches_are_listed(sslbench, run):
    code, out, _ = sslbench("score", run, "--switches", "--gate", "1m")
    assert code == 0
    assert out.strip().endswith(": 0 identity switches")


def test_frames_of_one_run_only_are_written(sslbench, run):
    sslbench("run", "-m", "random-position", "-d", DATA)
    code, _, err = sslbench("score", "*", "--frames", "frames.csv")
    assert code == 2
    assert "--frames needs exactly one run, the pattern matched 2" in err


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
def test_a_wrong_option_is_refused(sslbench, run, words, message):
    code, _, err = sslbench("score", run, *words)
    assert code == 2
    assert message in err


def test_external_predictions_get_a_record_that_says_so(external, tmp_path):
    record = json.loads((tmp_path / "store" / "runs" / external / "record.json").read_text())
    assert external == "mine--feng2025-l1--test-smoke-s0"
    assert record["method"]["plugin"]["distribution"] == "external predictions"
    assert record["cost"]["infer_s"] is None


def test_external_predictions_go_onto_a_board_that_verifies(sslbench, external):
    assert sslbench("leaderboard", "add", external, "--allow-dirty", "--boards", "boards")[0] == 0
    assert sslbench("leaderboard", "build", "--boards", "boards")[0] == 0
    code, out, _ = sslbench("leaderboard", "verify", "--boards", "boards")
    assert code == 0
    assert out.split() == ["verified", external]


def test_external_predictions_can_be_scored_again(sslbench, external):
    code, out, _ = sslbench("score", external, "--protocol", "berg2024")
    assert code == 0
    assert "protocol berg2024" in out


def test_external_predictions_with_too_many_sources_are_refused(sslbench, table):
    code, _, err = sslbench("score", table(sources=2), "-d", DATA, "--method-name", "mine")
    assert code == 4
    assert "2 sources active at once" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-d", DATA], "need a name"),
        (["-d", DATA, "--method-name", "srp-phat"], "srp-phat is an installed method"),
        (["-d", DATA, "--method-name", "Mine!"], "'Mine!' is not a valid name"),
        (["-d", "feng2025-a*", "--method-name", "mine"], "exactly one of feng2025-ad1:test"),
        (["-d", DATA, "--method-name", "mine", "--protocol", "x"], "no protocol is named"),
    ],
)
def test_external_predictions_need_names(sslbench, table, words, message):
    code, _, err = sslbench("score", table(), *words)
    assert code == 2
    assert message in err


def test_a_metric_shows_its_definition(sslbench):
    code, out, _ = sslbench("metrics", "gospa")
    assert code == 0
    for part in ("GOSPA", "lower is better", "m or deg", "version", "protocols", "cutoff"):
        assert part in out


def test_metrics_and_protocols_are_listed(sslbench):
    assert "position-error-mean" in sslbench("metrics")[1]
    assert "adavanne2021-code" in sslbench("protocols")[1]
    assert json.loads(sslbench("metrics", "--json")[1])
    assert json.loads(sslbench("protocols", "--json")[1])


def test_a_protocol_shows_its_rules_and_that_its_intervals_are_too_narrow(sslbench):
    code, out, _ = sslbench("protocols", "berg2024")
    assert code == 0
    for part in ("too narrow", "position-accuracy[within=30cm]"):
        assert part in out
