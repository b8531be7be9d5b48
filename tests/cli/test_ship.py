"""`sslbench plugins ship`: the weights of a training, for a plugin to come with."""

import pytest

from sslbench_doanet import hnet


def test_the_weights_of_a_training_are_written(sslbench, small, tmp_path):
    words = ["plugins", "ship", "-m", "mean-position", "--trained-on", "feng2025-l1"]
    code, out, _ = sslbench(*words, "--into", tmp_path / "weights")
    assert (code, out.splitlines()) == (0, [f"{tmp_path / 'weights' / 'mean-position'}: 0 kB"])
    assert (tmp_path / "weights" / "mean-position" / "checkpoint").is_dir()
    assert (tmp_path / "weights" / "mean-position" / "stage.json").is_file()


def test_a_part_can_be_shipped_alone(sslbench, small, tmp_path, monkeypatch):
    monkeypatch.setitem(hnet.SHARES, "smoke", 0.001)
    words = ["plugins", "ship", "-m", "doanet[loss=dmotp]", "--trained-on", "moving-doa"]
    code, out, _ = sslbench(*words, "--part", "hnet", "--into", tmp_path / "weights")
    assert (code, len(out.splitlines())) == (0, 1)
    assert [path.name for path in (tmp_path / "weights").iterdir()] == ["hnet"]


def test_a_part_that_is_not_needed_is_refused(sslbench, tmp_path):
    words = ["plugins", "ship", "-m", "doanet[loss=mse]", "--trained-on", "moving-doa"]
    code, _, err = sslbench(*words, "--part", "hnet", "--into", tmp_path / "weights")
    assert code == 2
    assert "doanet[loss=mse] needs no part 'hnet'" in err


@pytest.mark.parametrize(
    ("method", "data", "code", "message"),
    [
        ("srp-phat", "feng2025-l1", 2, "srp-phat does not learn"),
        ("mean-position", "feng2025-l9", 2, "feng2025-l1"),
        ("mean-position", "respeaker-multi-ssl", 2, "no splits to train mean-position on"),
    ],
)
def test_what_cannot_be_shipped_is_refused(sslbench, tmp_path, method, data, code, message):
    words = ["plugins", "ship", "-m", method, "--trained-on", data]
    found, _, err = sslbench(*words, "--into", tmp_path / "weights")
    assert (found, message in err) == (code, True), err
    assert not (tmp_path / "weights").exists()
