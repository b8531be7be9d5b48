"""The loader of the ReSpeaker recordings, with artificial and with real files."""

import json
import shutil

import numpy as np
import pytest
import soundfile

from sslbench.contracts import DatasetRequest
from sslbench.datasets.catalogue import entry
from sslbench.datasets.real.respeaker import RespeakerMultiSsl
from sslbench.errors import FormatError, MissingDataError, ParameterError
from sslbench.geometry import azimuth_elevation

SOUND = np.random.default_rng(0).uniform(-0.5, 0.5, (1600, 4))


def opened(root, *, count=0, scale="paper"):
    return RespeakerMultiSsl(DatasetRequest("test", scale, {"count": count}, root, root))


@pytest.fixture
def miniature(tmp_path):
    root = tmp_path / "data"
    for folder in ("a180e20", "a180e20_a225e35", "a0e-5_a90e10_a359e80"):
        (root / folder / "150cm").mkdir(parents=True)
        soundfile.write(root / folder / "150cm" / "a9e9_3_1b.wav", SOUND, 16000)
    (root / "SOURCES.md").write_text("to be ignored")
    (root / "ground_truth.json").write_text("{}")
    return root


def test_the_ground_truth_is_read_from_the_folder_name(miniature):
    scene = opened(miniature, count=2).scene(0)
    assert scene.recording.id == "a180e20_a225e35/150cm/a9e9_3_1b"
    azimuth, elevation = azimuth_elevation(scene.truth.tracks.xyz[0])
    np.testing.assert_allclose(np.degrees(azimuth) % 360, [180, 225])
    np.testing.assert_allclose(np.degrees(elevation), [20, 35])


def test_a_recording_has_one_time_and_no_frame_length(miniature):
    recording = opened(miniature).scene(0).recording
    assert (recording.kind, recording.frame) == ("direction", None)
    assert recording.times.tolist() == [0.05]
    np.testing.assert_allclose(recording.audio, SOUND.T, atol=1e-4)


def test_max_sources_is_that_of_the_selected_recordings(miniature):
    assert {opened(miniature).scene(i).recording.max_sources for i in range(3)} == {3}
    assert opened(miniature, count=1).scene(0).recording.max_sources == 1


def test_count_selects_recordings(miniature):
    assert [len(opened(miniature, count=count)) for count in (0, 1, 2, 3)] == [3, 1, 1, 1]


def test_a_clone_of_the_repository_can_be_used_directly(miniature):
    assert len(opened(miniature.parent)) == 3


def test_smaller_scales_have_fewer_recordings(miniature):
    for number in range(20):
        shutil.copy(
            miniature / "a180e20/150cm/a9e9_3_1b.wav", miniature / f"a180e20/150cm/{number}.wav"
        )
    assert len(opened(miniature, scale="smoke")) == 12
    assert len(opened(miniature)) == 23


def test_the_fingerprint_depends_on_names_and_contents(miniature):
    before = opened(miniature).fingerprint()
    (miniature / "SOURCES.md").write_text("other")
    assert opened(miniature).fingerprint() == before
    wav = miniature / "a180e20/150cm/a9e9_3_1b.wav"
    soundfile.write(wav, SOUND / 2, 16000)
    changed = opened(miniature).fingerprint()
    assert changed != before
    (miniature / "a180e20").rename(miniature / "a170e20")
    assert opened(miniature).fingerprint() != changed


@pytest.mark.parametrize(
    "change", [{"sample_rate": 8000}, {"microphones": tuple(map(tuple, 2 * np.eye(4, 3)))}]
)
def test_the_fingerprint_depends_on_the_catalogue(miniature, monkeypatch, change):
    before = opened(miniature).fingerprint()
    listed = entry("respeaker-multi-ssl").model_copy(update=change)
    monkeypatch.setattr("sslbench.datasets.real.respeaker.entry", lambda _: listed)
    assert opened(miniature).fingerprint() != before


def test_the_fingerprint_depends_on_the_selection_even_for_equal_files(miniature):
    whole = opened(miniature)
    whole._items = [item for item in whole._items if len(item.directions) == 2]
    assert whole.fingerprint() != opened(miniature, count=2).fingerprint()


def test_the_error_for_missing_data_says_where_to_get_it_and_what_to_use_instead(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("SSLBENCH_DATA", str(tmp_path / "here"))
    with pytest.raises(MissingDataError) as caught:
        opened(None)
    text = str(caught.value)
    assert str(tmp_path / "here" / "respeaker-multi-ssl") in text
    assert "https://github.com/BrownsugarZeer/Multi_SSL" in text
    assert "SSLBENCH_DATA=DIR" in text
    assert "--dataset respeaker-sim" in text


def test_a_folder_without_recordings_is_an_error(tmp_path):
    with pytest.raises(MissingDataError, match="respeaker-multi-ssl is not in this folder"):
        opened(tmp_path)


def test_a_number_of_sources_without_recordings_is_an_error(miniature):
    with pytest.raises(ParameterError) as caught:
        opened(miniature, count=9)
    assert caught.value.what == "no recording has 9 sources"
    assert caught.value.expected == "one of 1, 2, 3, or 0 for all"


@pytest.mark.parametrize("name", ["a180e20_b", "a400e20", "a180e95"])
def test_a_folder_name_without_directions_is_an_error(miniature, name):
    (miniature / "a180e20").rename(miniature / name)
    with pytest.raises(FormatError, match=f"'{name}' does not give the directions"):
        opened(miniature)


@pytest.mark.parametrize(
    ("samples", "rate", "text"),
    [
        (SOUND[:, :3], 16000, "3 channels"),
        (SOUND, 48000, "sample rate 48000 Hz"),
        (SOUND * 0, 16000, "is silent"),
    ],
)
def test_a_damaged_recording_is_an_error(miniature, samples, rate, text):
    wav = miniature / "a180e20/150cm/a9e9_3_1b.wav"
    soundfile.write(wav, samples, rate)
    with pytest.raises(FormatError, match=text):
        opened(miniature, count=1).scene(0)


@pytest.mark.real
def test_real_recordings_have_the_published_ground_truth(real_data):
    root = real_data / "respeaker"
    dataset = opened(root)
    items = {
        item["wav"]: item for item in json.loads((root / "ground_truth.json").read_text())["items"]
    }
    assert len(dataset) == len(items) == 9
    for index in range(len(dataset)):
        scene = dataset.scene(index)
        item = items[scene.recording.id + ".wav"]
        assert scene.recording.audio.shape == (4, item["frames"])
        azimuth, elevation = np.degrees(azimuth_elevation(scene.truth.tracks.xyz[0]))
        np.testing.assert_allclose(azimuth % 360, [s["azimuth_deg"] for s in item["sources"]])
        np.testing.assert_allclose(elevation, [s["elevation_deg"] for s in item["sources"]])
