import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sslbench.errors import FormatError
from sslbench.results.predictions import dump_predictions, read_predictions
from sslbench.scene import Prediction, Tracks


def tracks(frames, width, kind="position", **facts):
    xyz = np.random.default_rng(frames).uniform(0, 5, (frames, width, 3))
    return Tracks.of(np.arange(frames) / 10, xyz, kind, **facts)


@pytest.fixture
def back(tmp_path):
    def read(predictions):
        path = tmp_path / "predictions.npz"
        path.write_bytes(dump_predictions(predictions))
        return read_predictions(path)

    return read


def test_what_is_written_is_read_back(back):
    gap = tracks(3, 2, active=[[True, False]] * 3, ids=[7, 9])
    found = back({"a": Prediction(gap), "b": Prediction(tracks(1, 1))})
    assert list(found) == ["a", "b"]
    assert_allclose(found["a"].tracks.xyz, gap.xyz, rtol=1e-6)
    assert_array_equal(found["a"].tracks.active, gap.active)
    assert_array_equal(found["a"].tracks.ids, [7, 9])
    assert found["b"].tracks.xyz.shape == (1, 1, 3)


def test_directions_stay_directions(back):
    assert back({"a": Prediction(tracks(2, 1, "direction"))})["a"].tracks.kind == "direction"


def test_estimated_microphones_are_kept(back):
    mics = np.arange(12.0).reshape(4, 3)
    found = back({"a": Prediction(tracks(1, 1), mics), "b": Prediction(tracks(1, 1))})
    assert_allclose(found["a"].microphones, mics)
    assert found["b"].microphones is None


def test_no_track_at_all_is_kept(back):
    assert back({"a": Prediction(tracks(2, 0))})["a"].tracks.xyz.shape == (2, 0, 3)


def test_the_same_predictions_give_the_same_bytes():
    once, again = (dump_predictions({"a": Prediction(tracks(2, 1))}) for _ in range(2))
    assert once == again


def test_five_thousand_positions_take_less_than_a_megabyte():
    many = {f"clip-{i:05d}": Prediction(tracks(1, 1)) for i in range(5000)}
    assert len(dump_predictions(many)) < 1e6


@pytest.mark.parametrize("damage", [lambda b: b[:100], lambda b: b"", lambda b: b"no zip at all"])
def test_a_damaged_file_is_named(tmp_path, damage):
    path = tmp_path / "predictions.npz"
    path.write_bytes(damage(dump_predictions({"a": Prediction(tracks(2, 1))})))
    with pytest.raises(FormatError, match=r"predictions\.npz"):
        read_predictions(path)


def test_a_file_that_lacks_an_array_is_refused(tmp_path):
    np.savez(tmp_path / "p.npz", kind="position")
    with pytest.raises(FormatError, match="frames"):
        read_predictions(tmp_path / "p.npz")
