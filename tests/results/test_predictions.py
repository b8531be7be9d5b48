import io
import tracemalloc
import zipfile

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
    assert_array_equal(found["a"].microphones, mics)
    assert found["b"].microphones is None


def test_microphones_without_an_estimate_stay_rows_of_nan(back):
    mics = np.arange(12.0).reshape(4, 3)
    mics[[0, 3]] = np.nan
    nothing = np.full((2, 3), np.nan)
    found = back({"a": Prediction(tracks(1, 1), mics), "b": Prediction(tracks(1, 1), nothing)})
    assert_array_equal(found["a"].microphones, mics)
    assert_array_equal(found["b"].microphones, nothing)


def test_recordings_may_have_different_numbers_of_channels(back):
    mics = {f"{n}": np.full((n, 3), float(n)) for n in (2, 5, 3)}
    mics["2"][1] = np.nan
    found = back({name: Prediction(tracks(1, 1), each) for name, each in mics.items()})
    for name, each in mics.items():
        assert_array_equal(found[name].microphones, each)


def test_confidence_is_kept(back):
    confidence = np.array([[0.25, 1.0], [0.0, np.nan], [0.5, 0.75]])
    found = back({"a": Prediction(tracks(3, 2, confidence=confidence))})
    assert_array_equal(found["a"].tracks.confidence, confidence)


def test_a_recording_without_confidence_has_none(back):
    sure = tracks(2, 1, confidence=np.ones((2, 1)))
    found = back({"a": Prediction(sure), "b": Prediction(tracks(3, 2))})
    assert_array_equal(found["a"].tracks.confidence, np.ones((2, 1)))
    assert found["b"].tracks.confidence is None


def test_confidence_belongs_to_its_track_when_recordings_have_different_numbers(back):
    one = tracks(2, 1, confidence=np.full((2, 1), 0.5))
    two = tracks(2, 2, confidence=np.array([[0.25, 0.75]] * 2))
    found = back({"a": Prediction(one), "b": Prediction(two)})
    assert_array_equal(found["a"].tracks.confidence, one.confidence)
    assert_array_equal(found["b"].tracks.confidence, two.confidence)


def test_predictions_without_tracks_are_kept(back):
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


class TestHostileFiles:
    """What anyone may send: nothing is expanded or allocated before its size is known."""

    @pytest.fixture
    def members(self):
        with np.load(io.BytesIO(dump_predictions({"a": Prediction(tracks(2, 1))}))) as file:
            return {name: file[name] for name in file.files}

    def refused(self, path, message):
        before = tracemalloc.start() or tracemalloc.get_traced_memory()[0]
        try:
            with pytest.raises(FormatError, match=message):
                read_predictions(path)
            assert tracemalloc.get_traced_memory()[1] - before < 50e6
        finally:
            tracemalloc.stop()

    def test_a_file_that_expands_to_gigabytes_is_refused_before_it_is_expanded(
        self, tmp_path, members
    ):
        path = tmp_path / "bomb.npz"
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
            file.open("xyz.npy", "w", force_zip64=True) as member,
        ):
            for _ in range(600):
                member.write(bytes(1_000_000))
        assert path.stat().st_size < 1e6
        self.refused(path, "expands to 600 MB")

    def test_an_array_that_declares_more_than_there_is_is_refused(self, tmp_path, members):
        header = io.BytesIO()
        huge = {"descr": "<f4", "fortran_order": False, "shape": (10**13, 3)}
        np.lib.format.write_array_header_1_0(header, huge)
        path = tmp_path / "liar.npz"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("xyz.npy", header.getvalue())
        self.refused(path, "120,000,000,000,000 bytes is declared, there are 0")

    def test_objects_are_refused(self, tmp_path, members):
        path = tmp_path / "objects.npz"
        np.savez(path, **members | {"ids": np.array([{}], dtype=object)})
        self.refused(path, "declared|Object arrays")

    @pytest.mark.parametrize(
        "changes",
        [
            {"frames": np.array([5])},
            {"frames": np.array([-1])},
            {"frames": np.array([1])},
            {"xyz": np.zeros(3)},
            {"track_ids": np.zeros((1, 1))},
            {"active": np.array("yes")},
            {"channels": np.array([7])},
            {"ids": np.array(3)},
        ],
    )
    def test_arrays_that_do_not_fit_are_refused(self, tmp_path, members, changes):
        path = tmp_path / "p.npz"
        np.savez(path, **members | {"microphones": np.zeros((1, 2, 3))} | changes)
        with pytest.raises(FormatError, match=r"p\.npz"):
            read_predictions(path)
