"""`sslbench run`, `train` and `predict`: from a selection to a board."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sslbench.registry import Registry

DATA = "feng2025-l1"


@pytest.fixture(autouse=True)
def small_data(small):
    """Use a data set of a few scenes."""


def run(sslbench, *words):
    """Run the room centre on the small data set and return the output as JSON."""
    code, out, _ = sslbench("run", "-m", "room-centre", "-d", DATA, *words, "--json")
    assert code == 0
    return json.loads(out)


def test_a_run_ends_in_a_board(sslbench):
    code, out, err = sslbench("run", "-m", "room-centre", "-d", DATA)
    assert code == 0
    assert "feng2025-l1, test split, smoke scale" in out
    assert "room-centre" in out
    assert err == ""


def test_json_has_outcomes_and_records(sslbench):
    code, out, _ = sslbench("run", "-m", "oracle-quantiser", "-d", DATA, "--json")
    data = json.loads(out)
    assert code == 0
    assert data["outcomes"][0]["status"] == "ok"
    assert data["records"][0]["published"][0]["value"] == 0.381


def test_the_run_is_named_after_what_was_run(sslbench):
    (outcome,) = run(sslbench)["outcomes"]
    assert outcome["run"] == "room-centre--feng2025-l1--test-smoke-s0"


def test_the_plugins_are_loaded_once(sslbench, monkeypatch):
    loaded = []
    load = Registry.installed

    def counting(cls):
        loaded.append(1)
        return load()

    monkeypatch.setattr(Registry, "installed", classmethod(counting))
    run(sslbench)
    assert loaded == [1]


def test_a_dry_run_prints_cells_and_keys_and_runs_nothing(sslbench, tmp_path):
    code, out, _ = sslbench("run", "-m", "room-centre", "-d", DATA, "--dry-run")
    assert code == 0
    assert "room-centre on feng2025-l1:test (smoke, seed 0)" in out
    assert not (tmp_path / "store").exists()


def test_alterations_and_trackers_are_run(sslbench):
    method, data = "room-centre+nearest[birth=1]", f"{DATA}+mics[n=5]"
    code, out, _ = sslbench("run", "-m", method, "-d", data, "--json")
    (record,) = json.loads(out)["records"]
    assert code == 0
    assert (record["method"]["label"], record["dataset"]["label"]) == (method, data)
    assert record["published"] == []


def test_a_pair_that_is_not_compatible_is_skipped_with_the_reason(sslbench):
    code, _, err = sslbench("run", "-m", "room-centre", "-d", "respeaker-sim")
    assert code == 2
    assert "1 method/data-set pair is not compatible and was skipped" in err
    assert "room-centre estimates positions, respeaker-sim requests directions" in err


def test_few_reasons_are_shown_unless_all_are_requested(sslbench):
    words = ["run", "-d", "respeaker-sim", "--dry-run"]
    assert "run with --verbose for all reasons" in sslbench(*words)[2]
    assert "--verbose" not in sslbench(*words, "--verbose")[2]


def test_missing_data_is_reported_with_its_source_and_its_twin(sslbench):
    code, _, err = sslbench("run", "-m", "srp-phat", "-d", "respeaker-multi-ssl")
    assert code == 4
    for part in ("is not on this machine", "Multi_SSL", "SSLBENCH_DATA", "--dataset respeaker-sim"):
        assert part in err


def substitute(err):
    (line,) = (line for line in err.splitlines() if "runs now, on simulated data: " in line)
    return shlex.split(line.partition("data: ")[2])


def test_where_luvira_is_missing_the_run_tells_how_to_get_it_and_what_runs_now(sslbench):
    code, _, err = sslbench("run", "--method", "srp-phat", "--dataset", "luvira")
    assert code == 4
    for part in (
        "luvira is not on this machine",
        "http://download.eit.lth.se/LuViRA_dataset/",
        "SSLBENCH_DATA=DIR sslbench datasets prepare luvira",
    ):
        assert part in err
    words = substitute(err)
    assert words[:6] == ["sslbench", "run", "--method", "srp-phat", "--dataset", "luvira-sim:test"]
    assert sslbench(*words[1:], "--dry-run")[0] == 0


def test_the_command_for_the_simulated_counterpart_trains_on_it(sslbench):
    words = substitute(sslbench("run", "-m", "mean-position", "-d", "luvira:music")[2])
    assert "luvira-sim:test" in words
    assert "--train-on" not in words


def test_damaged_data_are_not_replaced_by_simulated_ones(sslbench, tmp_path):
    (tmp_path / "data" / "luvira").mkdir(parents=True)
    code, _, err = sslbench("run", "-m", "srp-phat", "-d", "luvira")
    assert code == 4
    assert "luvira is not in this folder" in err
    assert "runs now" not in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run", "-m", "srp-fat"], 2, "perhaps srp-phat"),
        (["run", "-m", "srp-phat+nearst"], 2, "perhaps nearest"),
        (["run", "-d", "luvira-sin"], 2, "luvira-sim"),
        (["run", "-d", "luvira-sim+mcis[n=3]"], 2, "perhaps mics"),
        (["run", "-m", "srp-phat[gird=1]"], 2, "perhaps grid"),
        (["run", "--executor", "moon"], 2, "one of processes"),
        (["run", "--scale", "huge"], 2, "'smoke', 'quick', 'paper'"),
        (["run", "--config", "none.yaml"], 2, "none.yaml: cannot be read"),
        (["run", "-m", "room-centre", "--protocol", "slbench"], 2, "perhaps sslbench"),
        (["run", "-m", "room-centre", "--then-on", DATA], 2, "--then-on without --train-on"),
        (["run", "-m", "mean-position", "--train-on", "feng2025-l2"], 2, "perhaps feng2025-l1"),
        (["rum"], 2, "perhaps run"),
        (["score", "nothing"], 2, "no run 'nothing'"),
        (["plugins", "check", "clasic"], 2, "perhaps classic"),
        (["plugins", "new", "Bad Name"], 2, "lower-case words"),
        (["leaderboard", "show", "--boards", "empty"], 5, "no records"),
        (["datasets", "path", "respeaker-multi-ssl"], 4, "SSLBENCH_DATA"),
    ],
)
def test_a_wrong_command_says_what_is_right(sslbench, words, code, message):
    found, _, err = sslbench(*words)
    assert (found, message in err) == (code, True), err


def test_a_configuration_file_has_the_keys_of_the_options(sslbench, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(f"method: mean-position\ndataset: [{DATA}]\nseed: [0]\ntrain_on: {DATA}\n")
    code, out, _ = sslbench("run", "--config", config, "--dry-run")
    assert code == 0
    assert "mean-position on feng2025-l1" in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metod: x", "unknown key 'metod'; did you mean 'method'?"),
        ("seed: [none]", "seed.0: "),
        ("jobs: 0", "jobs: "),
        ("- a\n- b", "has no keys"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_bad_configuration_names_file_and_key(sslbench, tmp_path, text, message):
    config = tmp_path / "config.yaml"
    config.write_text(text)
    code, _, err = sslbench("run", "--config", config)
    assert code == 2
    assert str(config) in err
    assert message in err


def test_a_store_that_cannot_be_written_stops_before_anything_is_run(sslbench, tmp_path):
    (tmp_path / "file").touch()
    code, _, err = sslbench("run", "-m", "room-centre", "--store", tmp_path / "file" / "store")
    assert code == 4
    assert "--store or SSLBENCH_STORE" in err


def test_an_interrupt_exits_with_130_and_keeps_what_is_finished(sslbench, monkeypatch, tmp_path):
    run(sslbench)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("sslbench.running.engine.score_cell", interrupt)
    code, _, err = sslbench("run", "-m", "random-position", "-d", DATA)
    assert code == 130
    assert "what was finished is kept" in err
    assert len(list(tmp_path.glob("store/runs/*"))) == 1
    assert len(list(tmp_path.glob("store/predict/*"))) == 2


def test_train_leaves_methods_alone_that_do_not_learn(sslbench, tmp_path):
    code, out, _ = sslbench("train", "-m", "*-position", "-m", "room-centre", "-d", DATA)
    assert (code, out) == (0, "Trained 1 method\n")
    assert len(list((tmp_path / "store" / "train").iterdir())) == 1


def test_train_says_when_there_is_nothing_to_train(sslbench):
    code, out, _ = sslbench("train", "-m", "room-centre", "-d", DATA)
    assert (code, out) == (2, "Nothing to train: room-centre does not learn\n")


def test_training_data_are_chosen(sslbench):
    words = ["--train-on", f"{DATA}[aperture=0.3]", "--then-on", f"{DATA}+noise[snr_db=5]"]
    code, out, _ = sslbench("run", "-m", "mean-position", "-d", DATA, *words, "--json")
    (record,) = json.loads(out)["records"]
    assert code == 0
    assert [each["data"] for each in record["method"]["training"]] == [
        "feng2025-l1[aperture=0.3]",
        "feng2025-l1+noise[snr_db=5.0]",
    ]


def test_predict_leaves_predictions_without_a_record(sslbench, tmp_path):
    code, out, _ = sslbench("predict", "-m", "room-centre", "-d", DATA)
    assert (code, out) == (0, "The predictions of 1 method are in the store\n")
    assert list(tmp_path.glob("store/predict/*/predictions.npz"))
    assert not list(tmp_path.glob("store/runs/*"))


def test_score_does_not_run_the_method(sslbench, monkeypatch):
    run(sslbench)

    def refuse(*_):
        raise AssertionError("the method is constructed")

    monkeypatch.setattr("sslbench.running.session.Session.method", refuse)
    code, out, _ = sslbench("score", "room-centre*")
    assert code == 0
    assert "room-centre" in out


def test_score_refuses_predictions_that_were_exchanged(sslbench, tmp_path):
    sslbench("run", "-m", "room-centre", "-m", "random-position", "-d", DATA)
    ours, theirs = sorted(tmp_path.glob("store/runs/*/predictions.npz"))
    ours.write_bytes(theirs.read_bytes())
    code, _, err = sslbench("score", ours.parent.name)
    assert code == 4
    assert "not the predictions that the record was made from" in err


def test_a_folder_given_as_a_parameter_is_in_no_record(sslbench, tmp_path, wav, array_file):
    folder = tmp_path / "mine"
    folder.mkdir()
    array_file.rename(folder / "array.yaml")
    wav(90).rename(folder / "a.wav")
    (folder / "truth.csv").write_text("file,azimuth_deg,elevation_deg\na.wav,90,0\n")
    data = f"recordings-doa[root={folder}]"
    code, out, _ = sslbench("run", "-m", "srp-phat", "-d", data, "--json")
    (record,) = json.loads(out)["records"]
    assert code == 0
    assert str(tmp_path) not in json.dumps(record)
    assert record["run_id"].startswith("srp-phat--recordings-doa--test-smoke-s0--")


def test_output_that_cannot_be_written_is_reported():
    command = [sys.executable, "-m", "sslbench", "methods"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 4
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
