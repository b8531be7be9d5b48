"""The Python interface, as `import sslbench` offers it."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import sslbench
from helpers import world
from sslbench import api
from sslbench.errors import FormatError, ParameterError, UnknownNameError, UsageError
from sslbench.registry import Registry

SQUARE = 0.1 * np.array([[1.0, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]])


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SSLBENCH_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("SSLBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def small_world(monkeypatch, registry):
    """Let the plugins of `helpers.world` be the installed ones."""
    monkeypatch.setattr(Registry, "installed", classmethod(lambda cls: registry))


def test_the_package_offers_the_names_of_the_api():
    assert sslbench.__all__ == api.__all__
    for name in api.__all__:
        assert getattr(sslbench, name) is getattr(api, name)
    assert set(api.__all__) < set(dir(sslbench))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'sslbench' has no attribute 'nothing'"):
        _ = sslbench.nothing


def test_the_version_is_that_of_the_package():
    assert sslbench.__version__.split(".")[0].isdecimal()


def test_importing_the_package_imports_nothing_heavy():
    script = "import sys, sslbench; print({'numpy', 'torch', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "set()\n"), done.stderr


def test_a_run_returns_records_and_outcomes(small_world):
    results = sslbench.run(["corner[height={1,2}]", "late"], "noise", measure_cost=False)
    assert [record.method.label for record in results.records] == ["corner", "corner[height=2.0]"]
    assert [outcome.status for outcome in results.outcomes] == ["ok", "ok", "failed"]


def test_pairs_that_are_not_compatible_are_outcomes(small_world):
    results = sslbench.run("late", "walk")
    assert [outcome.status for outcome in results.outcomes] == ["skipped"]
    assert results.records == ()


def test_a_run_takes_the_options_of_the_command(small_world):
    results = sslbench.run("learner", "noise", train_on="square", then_on=["walk"], seed=[0, 1])
    assert {record.seed for record in results.records} == {0, 1}
    assert {record.method.trained_on for record in results.records} == {
        "square (smoke), then walk (smoke)"
    }


def test_a_run_keeps_its_results_in_the_named_store(small_world, tmp_path):
    sslbench.run("corner", "noise", store=tmp_path / "mine")
    again = sslbench.run("corner", "noise", store=tmp_path / "mine")
    assert again.outcomes[0].reused
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": "huge"}, "scale: "),
        ({"sed": 1}, "unknown key 'sed'; did you mean 'seed'"),
        ({"methods": "cornr"}, "perhaps corner"),
    ],
)
def test_a_wrong_option_of_a_run_is_reported(small_world, options, message):
    with pytest.raises(UsageError, match=message):
        sslbench.run(**({"methods": "corner", "datasets": "noise"} | options))


def test_results_become_a_table(small_world):
    table = sslbench.run(["corner", "learner"], ["noise", "square"]).to_pandas()
    assert len(table) == 4
    first = table.iloc[0]
    assert (first["method"], first["dataset"], first["split"]) == ("corner", "noise", "test")
    assert (first["scale"], first["seed"], first["protocol"]) == ("smoke", 0, "sslbench")
    assert table["trained_on"].tolist() == ["", "noise (smoke)", "", "square (smoke)"]
    assert table["position-error-mean"].notna().all()


def test_results_become_a_board(small_world):
    board = sslbench.run(["corner", "corner[height=2]"], "noise").board()
    assert "noise, test split, smoke scale" in board
    assert "corner[height=2.0]" in board


def test_without_records_the_table_is_empty():
    assert len(api.Results((), ()).to_pandas()) == 0


def test_positions_are_scored():
    truth = np.zeros((50, 3))
    scores = sslbench.score(truth + np.array([0.3, 0.4, 0]), truth)
    found = scores["position-error-mean"]
    assert found.value == pytest.approx(0.5)
    assert (found.unit, found.n) == ("m", 50)
    assert found.ci95 == pytest.approx((0.5, 0.5))


def test_missing_estimates_are_missed_detections():
    estimate = np.zeros((10, 3))
    estimate[:4] = np.nan
    assert sslbench.score(estimate, np.zeros((10, 3)))["coverage"].value == pytest.approx(60)


def test_several_sources_are_scored():
    truth = np.random.default_rng(0).uniform(0, 4, (20, 2, 3))
    scores = sslbench.score(truth[:, ::-1], truth)
    assert scores["gospa[cutoff=1m]"].value == pytest.approx(0, abs=1e-9)


def test_directions_are_scored_under_any_protocol():
    truth = np.tile([1.0, 0, 0], (20, 1))
    estimate = np.tile([0.0, 1, 0], (20, 1))
    scores = sslbench.score(estimate, truth, kind="direction", protocol="adavanne2021")
    assert scores["localization-error"].value == pytest.approx(90)
    assert scores["localization-error"].unit == "deg"


def test_times_of_frames_can_be_given():
    truth = np.zeros((3, 3))
    assert sslbench.score(truth, truth, times=[0.5, 1.0, 1.5])["coverage"].value == 100


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"protocol": "slbench"}, UnknownNameError, "perhaps sslbench"),
        ({"protocol": "locata"}, UsageError, "no metric of positions"),
        ({"times": [1, 2]}, FormatError, "at 2 times"),
        ({"estimate": np.zeros((4, 3))}, FormatError, "4 times"),
    ],
)
def test_a_wrong_request_for_scores_is_reported(options, error, message):
    given = {"estimate": np.zeros((5, 3)), "ground_truth": np.zeros((5, 3))} | options
    with pytest.raises(error, match=message):
        sslbench.score(**given)


def test_a_data_set_is_opened(small_world):
    dataset = sslbench.load_dataset("noise+mics[n=3]:validation")
    assert len(dataset) == 4
    assert dataset.scene(0).recording.audio.shape[0] == 3
    assert world.Counted.opened == ["validation"]


@pytest.mark.parametrize(
    ("text", "error"), [("noise+mics[n={2,3}]", UsageError), ("nois", UnknownNameError)]
)
def test_exactly_one_split_is_opened(small_world, text, error):
    with pytest.raises(error):
        sslbench.load_dataset(text)


def test_a_method_is_constructed(small_world):
    method = sslbench.load_method("corner[height=2]")
    recording = sslbench.load_dataset("noise").scene(0).recording
    assert_array_equal(method.locate(recording).tracks.xyz, [[[1, 1, 2]]])


def test_a_learned_method_is_trained_once(small_world):
    for _ in range(2):
        method = sslbench.load_method("learner", trained_on=["square", "noise"], seed=3)
    assert world.Learner.fits == ["Square", "Noise"]
    assert method.mean.shape == (3,)


def test_parts_of_a_method_are_loaded(small_world):
    method = sslbench.load_method("borrower[height=2]", trained_on="noise")
    assert method.parts["height"].height == 2.0


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("learner", UsageError, "learner must be trained first"),
        ("borrower", UsageError, "borrower must be trained first"),
        ("corner[height={1,2}]", UsageError, "selects 2"),
        ("corner[hight=1]", ParameterError, "perhaps height"),
    ],
)
def test_a_method_that_cannot_be_loaded_is_reported(small_world, text, error, message):
    with pytest.raises(error, match=message):
        sslbench.load_method(text)


def test_a_method_is_loaded_without_trackers():
    with pytest.raises(UsageError, match=r"'srp-phat\+nearest' has a tracker"):
        sslbench.load_method("srp-phat+nearest")


def test_an_oracle_is_not_a_method_to_use():
    with pytest.raises(UsageError, match="needs the ground truth"):
        sslbench.load_method("oracle-quantiser")


def plane_wave(azimuth, samples=8000, rate=16000):
    """Return noise that reaches the square array from an azimuth in degrees."""
    angle = np.radians(azimuth)
    lead = SQUARE @ [np.cos(angle), np.sin(angle), 0] / 343
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(samples))
    turns = np.outer(lead, np.fft.rfftfreq(samples, 1 / rate))
    return np.fft.irfft(spectrum * np.exp(2j * np.pi * turns))


def test_the_direction_of_a_source_is_found():
    found = sslbench.localize(plane_wave(60), SQUARE).tracks
    assert found.times.tolist() == [0.25]
    assert_allclose(found.xyz[0, 0], [0.5, np.sqrt(3) / 2, 0], atol=0.05)


def test_estimates_are_made_at_the_requested_times():
    found = sslbench.localize(plane_wave(0), SQUARE, times=[0.1, 0.2, 0.3], frame=0.1).tracks
    assert found.times.tolist() == [0.1, 0.2, 0.3]
    assert found.active.all()


def test_a_tracker_is_applied_to_the_estimates():
    times = [0.1, 0.2, 0.3]
    method = "srp-phat+nearest[birth=4]"
    found = sslbench.localize(plane_wave(0), SQUARE, method=method, times=times, frame=0.1).tracks
    assert not found.active.any()


def test_a_loaded_method_localizes_in_a_region(small_world):
    region = sslbench.Box((0, 0, 0), (4, 4, 3))
    method = sslbench.load_method("corner")
    found = sslbench.localize(np.ones((4, 100)), SQUARE, method=method, region=region)
    assert_array_equal(found.tracks.xyz, [[[1, 1, 1]]])


def test_audio_must_fit_the_array():
    with pytest.raises(FormatError, match=r"audio of shape \(3, 100\)"):
        sslbench.localize(np.ones((3, 100)), SQUARE)


def test_a_learned_method_must_be_loaded_first():
    with pytest.raises(UsageError, match="must be trained first"):
        sslbench.localize(
            plane_wave(0), SQUARE, method="mean-position", region=sslbench.Box((0, 0, 0), (1, 1, 1))
        )


def test_a_method_that_does_not_fit_the_recording_is_reported():
    with pytest.raises(UsageError, match="estimates positions"):
        sslbench.localize(plane_wave(0), SQUARE, method="room-centre")
