"""A user's folder of recordings is read as documented, and errors in it are reported."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sslbench.contracts import DatasetRequest, Incompatible
from sslbench.datasets.real.recordings import Recordings, RecordingsDoa
from sslbench.errors import FormatError, MissingDataError

SOUND = np.random.default_rng(0).uniform(-0.5, 0.5, (8000, 2)).astype(np.float32)
ARRAY = "microphones: [[0, 0, 1], [1, 0, 1]]\nsearch: {min: [0, 0, 0], max: [4, 3, 2]}\n"
PAGE = Path(__file__).resolve().parents[3] / "docs" / "recordings.md"


@pytest.fixture
def folder(tmp_path):
    def write(truth, array=ARRAY):
        (tmp_path / "truth.csv").write_text(truth)
        (tmp_path / "array.yaml").write_text(array)
        (tmp_path / "sub").mkdir(exist_ok=True)
        for name in ("a.wav", "sub/b.wav"):
            soundfile.write(tmp_path / name, SOUND, 8000, subtype="FLOAT")
        return tmp_path

    return write


def opened(located, loader=Recordings, **params):
    values = {"root": "", "frame": 0.16, **params}
    return loader(DatasetRequest("test", "quick", values, located, Path("cache")))


def test_a_source_without_times_does_not_move(folder):
    scene = opened(folder("file,x,y,z\na.wav,1,2,1.5\n")).scene(0)
    assert (scene.recording.id, scene.recording.frame) == ("a.wav", None)
    assert scene.recording.times.tolist() == [0.5]
    assert scene.truth.tracks.xyz.tolist() == [[[1, 2, 1.5]]]
    np.testing.assert_array_equal(scene.recording.audio, SOUND.T)


def test_moving_sources_have_a_position_at_each_time(folder):
    rows = "a.wav,0.2,ann,1,1,1\na.wav,0.4,ann,2,1,1\na.wav,0.4,bob,3,1,1\n"
    scene = opened(folder("file,time_s,source,x,y,z\n" + rows), frame=0.1).scene(0)
    assert scene.recording.times.tolist() == [0.2, 0.4]
    assert (scene.recording.frame, scene.recording.max_sources) == (0.1, 2)
    assert scene.truth.tracks.active.tolist() == [[True, False], [True, True]]
    assert scene.truth.tracks.xyz[1, :, 0].tolist() == [2, 3]


def test_region_and_speed_of_sound_come_from_the_array_file(folder):
    root = folder("file,x,y,z\na.wav,1,2,1\n", ARRAY + "speed_of_sound: 345\n")
    recording = opened(root).scene(0).recording
    assert recording.region.high == (4, 3, 2)
    assert recording.speed_of_sound == 345


def test_directions_are_read_in_degrees(folder):
    root = folder("file,azimuth_deg,elevation_deg\nsub/b.wav,90,0\n")
    scene = opened(root, RecordingsDoa).scene(0)
    assert scene.recording.kind == "direction"
    np.testing.assert_allclose(scene.truth.tracks.xyz[0, 0], [0, 1, 0], atol=1e-12)


def test_positions_are_converted_to_directions(folder):
    scene = opened(folder("file,x,y,z\na.wav,0.5,2,3\n"), RecordingsDoa).scene(0)
    np.testing.assert_allclose(scene.truth.tracks.xyz[0, 0], np.array([0, 1, 1]) / np.sqrt(2))


def test_mono_files_are_joined_to_one_recording(folder):
    root = folder("file,x,y,z\nleft.wav;right.wav,1,2,1\n")
    for name, channel in zip(("left", "right"), SOUND.T, strict=True):
        soundfile.write(root / f"{name}.wav", channel, 8000, subtype="FLOAT")
    np.testing.assert_array_equal(opened(root).scene(0).recording.audio, SOUND.T)


def test_the_parameter_root_selects_the_folder(folder):
    root = folder("file,x,y,z\na.wav,1,2,1\n")
    assert len(opened(None, root=str(root))) == 1


def test_the_fingerprint_depends_on_the_ground_truth(folder):
    before = opened(folder("file,x,y,z\na.wav,1,2,1\n")).fingerprint()
    assert opened(folder("file,x,y,z\na.wav,1,2,1.1\n")).fingerprint() != before


def test_the_fingerprint_depends_on_array_recordings_and_parameters(folder):
    truth = "file,x,y,z\na.wav,1,2,1\n"
    root = folder(truth)
    prints = [opened(root).fingerprint(), opened(root, frame=0.2).fingerprint()]
    prints.append(opened(root, RecordingsDoa).fingerprint())
    prints.append(opened(folder(truth, ARRAY + "speed_of_sound: 340\n")).fingerprint())
    soundfile.write(root / "a.wav", SOUND / 2, 8000, subtype="FLOAT")
    prints.append(opened(root).fingerprint())
    assert len(set(prints)) == len(prints)
    assert opened(root).fingerprint() == prints[-1]


def test_a_table_exported_from_a_spreadsheet_is_read(folder):
    root = folder("")
    (root / "truth.csv").write_bytes("\ufefffile, x, y, z\r\na.wav, 1, 2, 1\r\n".encode())
    assert len(opened(root)) == 1


@pytest.mark.parametrize(
    ("truth", "where", "text"),
    [
        ("file,x,y\na.wav,1,2\n", "line 1", "columns file, x, y"),
        ("file,x,y,z,room\na.wav,1,2,1,5\n", "line 1", "columns file, room"),
        ("", "line 1", "columns none"),
        ("file,x,y,z\n", "truth.csv", "has no rows"),
        ("file,x,y,z\na.wav,1,two,1\n", "line 2", "y is 'two'"),
        ("file,x,y,z\na.wav,1,2,nan\n", "line 2", "z is 'nan'"),
        ("file,x,y,z\na.wav,1,2\n", "line 2", "z is ''"),
        ("file,x,y,z\na.wav,1,2,1,9\n", "line 2", "more cells than columns"),
        ("file,x,y,z\n,1,2,1\n", "line 2", "the file name is missing"),
        ("file,x,y,z\na.wav;,1,2,1\n", "line 2", "file is 'a.wav;', which contains an empty name"),
        ("file,x,y,z\na.wav,1,2,1\na.wav,1,2,1\n", "line 3", "a second row for a.wav"),
        (
            "file,time_s,x,y,z\na.wav,0.1,1,2,1\na.wav,,1,2,1\n",
            "line 3",
            "time_s is empty, although other rows of a.wav",
        ),
        ("file,azimuth_deg,elevation_deg\na.wav,500,0\n", "line 2", "azimuth 500"),
        ("file,azimuth_deg,elevation_deg\na.wav,50,0\n", "truth.csv", "contains directions"),
    ],
)
def test_an_invalid_table_is_reported_with_its_line(folder, truth, where, text):
    with pytest.raises(FormatError) as caught:
        opened(folder(truth))
    assert caught.value.where.endswith(where)
    assert text in caught.value.what
    assert caught.value.expected


def test_a_time_after_the_end_of_the_recording_is_an_error(folder):
    root = folder("file,time_s,x,y,z\na.wav,0.5,1,2,1\na.wav,7,1,2,1\n")
    with pytest.raises(FormatError, match=r"time_s is 7\n.*from 0 to 1\.000 s"):
        opened(root).scene(0)


def test_positions_need_a_search_region(folder):
    root = folder("file,x,y,z\na.wav,1,2,1\n", "microphones: [[0, 0, 1], [1, 0, 1]]")
    with pytest.raises(FormatError, match="has no search region"):
        opened(root)
    assert len(opened(root, RecordingsDoa)) == 1


def test_another_number_of_channels_is_an_error(folder):
    root = folder("file,x,y,z\na.wav,1,2,1\n", ARRAY.replace("]]", "], [2, 0, 1]]", 1))
    with pytest.raises(FormatError, match="2 channels"):
        opened(root).scene(0)


def test_a_missing_audio_file_is_reported_at_once(folder):
    with pytest.raises(MissingDataError, match=r"line 3: sub/c\.wav does not exist"):
        opened(folder("file,x,y,z\na.wav,1,2,1\nsub/c.wav,1,2,1\n"))


@pytest.mark.parametrize("name", ["../a.wav", "/a.wav"])
def test_a_file_outside_the_folder_is_an_error(folder, name):
    with pytest.raises(MissingDataError, match="is outside the folder"):
        opened(folder(f"file,x,y,z\n{name},1,2,1\n"))


def test_a_missing_table_is_reported_with_its_path(folder):
    root = folder("file,x,y,z\na.wav,1,2,1\n")
    (root / "truth.csv").unlink()
    with pytest.raises(MissingDataError, match=r"truth\.csv: file not found"):
        opened(root)


def test_the_error_for_a_missing_folder_refers_to_the_documentation(monkeypatch, tmp_path):
    monkeypatch.setenv("SSLBENCH_DATA", str(tmp_path))
    with pytest.raises(MissingDataError, match=r"docs/recordings\.md"):
        opened(None)
    with pytest.raises(MissingDataError, match="recordings is not in this folder"):
        opened(None, root=str(tmp_path / "gone"))


def test_the_example_of_the_documentation_works(folder):
    blocks = PAGE.read_text().split("```")
    array = next(b for b in blocks if b.startswith("yaml")).removeprefix("yaml\n")
    truth = next(b for b in blocks if b.startswith("csv")).removeprefix("csv\n")
    root = folder(truth, array)
    for name in ("door.wav", "walk.wav"):
        soundfile.write(root / name, np.tile(SOUND, (3, 2)), 8000)
    dataset = opened(root)
    assert [len(dataset.scene(i).truth.tracks.times) for i in range(len(dataset))] == [1, 2]


SPLITS = """file,x,y,z,split,group
a.wav,1,2,1,train,ann
sub/b.wav,1,1,1,validation,bob
c.wav,2,1,1,,
"""


class TestSplits:
    @pytest.fixture
    def root(self, folder):
        root = folder(SPLITS)
        soundfile.write(root / "c.wav", SOUND, 8000, subtype="FLOAT")
        return root

    @pytest.mark.parametrize(
        ("split", "name"), [("train", "a.wav"), ("validation", "sub/b.wav"), ("test", "c.wav")]
    )
    def test_a_recording_is_in_the_split_of_its_row_and_in_test_without_one(
        self, root, split, name
    ):
        values = {"root": "", "frame": 0.16}
        dataset = Recordings(DatasetRequest(split, "quick", values, root, Path("cache")))
        assert [dataset.truth(index)[0] for index in range(len(dataset))] == [name]

    def test_a_group_is_a_cluster(self, root):
        values = {"root": "", "frame": 0.16}
        dataset = Recordings(DatasetRequest("train", "quick", values, root, Path("cache")))
        assert dataset.scene(0).clusters == {"group": "ann"}
        assert dataset.window(0, slice(0, 1)).clusters == {"group": "ann"}

    def test_splits_have_different_fingerprints(self, root):
        values = {"root": "", "frame": 0.16}
        found = {
            Recordings(DatasetRequest(split, "quick", values, root, Path("cache"))).fingerprint()
            for split in ("train", "validation", "test")
        }
        assert len(found) == 3

    def test_without_a_column_there_is_nothing_to_train_on(self, folder):
        root = folder("file,x,y,z\na.wav,1,2,1\n")
        values = {"root": "", "frame": 0.16}
        with pytest.raises(Incompatible, match="no recordings of the split train"):
            Recordings(DatasetRequest("train", "quick", values, root, Path("cache")))

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ("a.wav,1,2,1,training,\n", "line 2: split is 'training'"),
            ("a.wav,1,2,1,train,x\nsub/b.wav,1,2,1,test,x\n", "group 'x' is in the splits"),
            ("a.wav,1,2,1,train,\n", "no recordings of the split test"),
        ],
    )
    def test_a_wrong_split_is_an_error(self, folder, rows, message):
        with pytest.raises(FormatError, match=message):
            opened(folder("file,x,y,z,split,group\n" + rows))

    def test_a_recording_cannot_be_in_two_splits(self, folder):
        rows = "a.wav,0.2,1,1,1,train\na.wav,0.4,1,1,1,test\n"
        with pytest.raises(FormatError, match="split is 'test', but 'train' in line 2"):
            opened(folder("file,time_s,x,y,z,split\n" + rows))
