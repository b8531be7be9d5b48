import json
import subprocess
import sys
from pathlib import Path

import pytest


def test_a_run_ends_in_a_board(sslbench):
    code, out, err = sslbench("run", "-m", "room-centre", "-d", "feng2025-l1")
    assert code == 0
    assert "feng2025-l1, test split, smoke scale" in out
    assert "room-centre" in out
    assert err == ""


def test_json_holds_outcomes_and_records(sslbench):
    code, out, _ = sslbench("run", "-m", "oracle-quantiser", "-d", "feng2025-l1", "--json")
    data = json.loads(out)
    assert code == 0
    assert data["outcomes"][0]["status"] == "ok"
    assert data["records"][0]["published"][0]["value"] == 0.381


def test_a_dry_run_prints_cells_and_keys_and_runs_nothing(sslbench, tmp_path):
    code, out, _ = sslbench("run", "-m", "room-centre", "-d", "feng2025-l1", "--dry-run")
    assert code == 0
    assert "room-centre on feng2025-l1:test (smoke, seed 0)" in out
    assert not (tmp_path / "store").exists()


def test_a_pair_that_does_not_fit_is_skipped_with_the_reason(sslbench):
    code, _, err = sslbench("run", "-m", "room-centre", "-d", "respeaker-sim")
    assert code == 0
    assert "room-centre finds positions, respeaker-sim asks directions" in err


def test_data_that_is_not_here_is_answered_with_where_to_get_it_and_its_twin(sslbench):
    code, _, err = sslbench("run", "-m", "srp-phat", "-d", "respeaker-multi-ssl")
    assert code == 4
    for part in ("is not on this machine", "Multi_SSL", "SSLBENCH_DATA", "--dataset respeaker-sim"):
        assert part in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run", "-m", "srp-fat"], 2, "perhaps srp-phat"),
        (["run", "-d", "luvira"], 2, "luvira-sim"),
        (["run", "-m", "srp-phat[gird=1]"], 2, "perhaps grid"),
        (["run", "--executor", "moon"], 2, "one of processes"),
        (["run", "--scale", "huge"], 2, "'smoke', 'quick', 'paper'"),
        (["run", "--config", "none.yaml"], 2, "none.yaml: cannot be read"),
        (["run", "-m", "room-centre", "--protocol", "slbench"], 2, "perhaps sslbench"),
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
    config.write_text("method: room-centre\ndataset: [feng2025-l1]\nseed: [0]\n")
    code, out, _ = sslbench("run", "--config", config, "--dry-run")
    assert code == 0
    assert "room-centre on feng2025-l1" in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metod: x", "metod: Extra inputs"),
        ("seed: [none]", "seed.0: "),
        ("jobs: 0", "jobs: "),
        ("- a\n- b", "holds no keys"),
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


def test_an_interrupt_exits_with_130_and_keeps_what_is_finished(sslbench, monkeypatch):
    sslbench("run", "-m", "room-centre", "-d", "feng2025-l1")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("sslbench.running.engine.make_record", interrupt)
    code, _, err = sslbench("run", "-m", "random-position", "-d", "feng2025-l1")
    assert code == 130
    assert "what was finished is kept" in err


def test_train_leaves_methods_alone_that_have_nothing_to_learn(sslbench, tmp_path):
    code, out, _ = sslbench("train", "-m", "*-position", "-m", "room-centre", "-d", "feng2025-l1")
    assert (code, out) == (0, "1 cells done\n")
    assert len(list((tmp_path / "store" / "train").iterdir())) == 1


def test_predict_answers_without_a_record(sslbench, tmp_path):
    code, _, _ = sslbench("predict", "-m", "room-centre", "-d", "feng2025-l1")
    assert code == 0
    assert list(tmp_path.glob("store/predict/*/predictions.npz"))
    assert not list(tmp_path.glob("store/runs/*"))


def test_score_scores_stored_predictions_again(sslbench, monkeypatch):
    sslbench("run", "-m", "room-centre", "-d", "feng2025-l1")

    def refuse(*_):
        raise AssertionError("the method was asked")

    monkeypatch.setattr("sslbench.running.stages.Workbench.method", refuse)
    code, out, _ = sslbench("score", "room-centre*")
    assert code == 0
    assert "room-centre" in out


def test_a_folder_given_as_a_parameter_is_in_no_record(sslbench, tmp_path, wav, array_file):
    folder = tmp_path / "mine"
    folder.mkdir()
    array_file.rename(folder / "array.yaml")
    wav(90).rename(folder / "a.wav")
    (folder / "truth.csv").write_text("file,azimuth_deg,elevation_deg\na.wav,90,0\n")
    data = f"recordings-doa[root={folder}]"
    code, out, _ = sslbench("run", "-m", "srp-phat", "-d", data, "--json")
    assert code == 0
    assert str(tmp_path) not in json.dumps(json.loads(out)["records"])


def test_output_that_cannot_be_written_is_told(monkeypatch, tmp_path):
    command = [sys.executable, "-m", "sslbench", "methods"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 4
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_score_refuses_predictions_that_were_exchanged(sslbench, tmp_path):
    sslbench("run", "-m", "room-centre", "-m", "random-position", "-d", "feng2025-l1")
    ours, theirs = sorted(tmp_path.glob("store/runs/*/predictions.npz"))
    ours.write_bytes(theirs.read_bytes())
    code, _, err = sslbench("score", ours.parent.name)
    assert code == 4
    assert "not the predictions that the record speaks of" in err
