"""A learned method is trained, kept and found again, and used from the command line."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from sslbench_grid2d.methods import Grid2d

METHOD = "grid2d[representation=onehot,width=8]"


@pytest.fixture(autouse=True)
def short(monkeypatch, small):
    settings = Grid2d.settings
    monkeypatch.setattr(Grid2d, "settings", lambda s, scale: replace(settings(s, scale), epochs=1))


def test_training_is_done_once_and_keeps_its_curve(sslbench, tmp_path):
    for _ in range(2):
        assert sslbench("train", "-m", METHOD, "-d", "feng2025-l1", "--device", "cpu")[0] == 0
    (checkpoint,) = (tmp_path / "store" / "train").glob("*/checkpoint")
    assert len(json.loads((checkpoint / "history.json").read_text())) == 1


def test_a_run_trains_scores_and_says_on_what_it_was_trained(sslbench):
    code, out, _ = sslbench("run", "-m", METHOD, "-d", "feng2025-l1", "--json")
    record = json.loads(out)["records"][0]
    assert code == 0
    (entry,) = record["method"]["training"]
    assert (entry["data"], entry["scale"], entry["seed"]) == ("feng2025-l1", "smoke", 0)
    assert record["method"]["parameters"] > 0
    assert [row["epoch"] for row in record["method"]["curve"]] == [1]
    assert record["published"][0]["value"] == 0.384


def test_another_threshold_needs_no_other_training(sslbench, tmp_path):
    for threshold in (0.2, 0.4):
        words = f"grid2d[representation=rg,width=8,threshold={threshold}]"
        assert sslbench("run", "-m", words, "-d", "feng2025-l1")[0] == 0
    assert len(list((tmp_path / "store" / "train").iterdir())) == 1
    assert len(list((tmp_path / "store" / "predict").iterdir())) == 2


def test_a_trained_method_localizes_a_wav_and_plots_its_map(sslbench, tmp_path):
    from sslbench.datasets.simulated.line_arrays import line_arrays

    places = line_arrays("kinect", 0.226, 0.05, 3.0).positions.tolist()
    lines = "\n".join(f"  - {place}" for place in places)
    search = "search: {min: [0, 0, 0.95], max: [6, 6, 0.95]}"
    (tmp_path / "array.yaml").write_text(f"microphones:\n{lines}\n{search}\n")
    noise = 0.1 * np.random.default_rng(0).normal(size=(2560, 8))
    soundfile.write(tmp_path / "clip.wav", noise, 16000)
    code, out, err = sslbench(
        *("localize", "clip.wav", "--mics", "array.yaml", "-m", METHOD),
        *("--trained-on", "feng2025-l1", "--plot", "map.png", "--json"),
    )
    assert (code, err) == (0, "")
    assert {"x", "y", "z"} <= set(json.loads(out)["tracks"][0])
    assert (tmp_path / "map.png").stat().st_size > 5000


def test_an_unknown_device_is_a_usage_error(sslbench):
    code, _, err = sslbench("train", "-m", METHOD, "-d", "feng2025-l1", "--device", "tpu")
    assert code == 2
    assert "'auto', 'cpu', 'cuda'" in err
