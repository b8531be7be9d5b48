"""A folder of one's own is read as documented, and what is wrong with it is named."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sslbench.contracts import DatasetRequest
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


def opened(located, sort=Recordings, **params):
    values = {"root": "", "frame": 0.16, **params}
    return sort(DatasetRequest("test", "quick", values, located, Path("cache")))


def test_source_without_times_stays_throughout(folder):
    scene = opened(folder("file,x,y,z\na.wav,1,2,1.5\n")).scene(0)
    assert (scene.recording.id, scene.recording.frame) == ("a.wav", None)
    assert scene.recording.times.tolist() == [0.5]
    assert scene.truth.xyz.tolist() == [[[1, 2, 1.5]]]
    np.testing.assert_array_equal(scene.recording.audio, SOUND.T)


def test_moving_sources_have_a_place_at_each_time(folder):
    rows = "a.wav,0.2,ann,1,1,1\na.wav,0.4,ann,2,1,1\na.wav,0.4,bob,3,1,1\n"
    scene = opened(folder("file,time_s,source,x,y,z\n" + rows), frame=0.1).scene(0)
    assert scene.recording.times.tolist() == [0.2, 0.4]
    assert (scene.recording.frame, scene.recording.max_sources) == (0.1, 2)
    assert scene.truth.active.tolist() == [[True, False], [True, True]]
    assert scene.truth.xyz[1, :, 0].tolist() == [2, 3]


def test_region_and_speed_come_from_the_array_file(folder):
    root = folder("file,x,y,z\na.wav,1,2,1\n", ARRAY + "speed_of_sound: 345\n")
    recording = opened(root).scene(0).recording
    assert recording.region.high == (4, 3, 2)
    assert recording.speed_of_sound == 345


def test_directions_are_read_in_degrees(folder):
    root = folder("file,azimuth_deg,elevation_deg\nsub/b.wav,90,0\n")
    scene = opened(root, RecordingsDoa).scene(0)
    assert scene.recording.kind == "direction"
    np.testing.assert_allclose(scene.truth.xyz[0, 0], [0, 1, 0], atol=1e-12)


def test_directions_follow_from_positions(folder):
    scene = opened(folder("file,x,y,z\na.wav,0.5,2,3\n"), RecordingsDoa).scene(0)
    np.testing.assert_allclose(scene.truth.xyz[0, 0], np.array([0, 1, 1]) / np.sqrt(2))


def test_mono_files_make_one_recording(folder):
    root = folder("file,x,y,z\nleft.wav;right.wav,1,2,1\n")
    for name, channel in zip(("left", "right"), SOUND.T, strict=True):
        soundfile.write(root / f"{name}.wav", channel, 8000, subtype="FLOAT")
    np.testing.assert_array_equal(opened(root).scene(0).recording.audio, SOUND.T)


def test_parameter_root_names_the_folder(folder):
    root = folder("file,x,y,z\na.wav,1,2,1\n")
    assert len(opened(None, root=str(root))) == 1


def test_fingerprint_follows_the_truth(folder):
    before = opened(folder("file,x,y,z\na.wav,1,2,1\n")).fingerprint()
    assert opened(folder("file,x,y,z\na.wav,1,2,1.1\n")).fingerprint() != before


def test_fingerprint_follows_the_array_the_recordings_and_the_parameters(folder):
    truth = "file,x,y,z\na.wav,1,2,1\n"
    root = folder(truth)
    prints = [opened(root).fingerprint(), opened(root, frame=0.2).fingerprint()]
    prints.append(opened(root, RecordingsDoa).fingerprint())
    prints.append(opened(folder(truth, ARRAY + "speed_of_sound: 340\n")).fingerprint())
    soundfile.write(root / "a.wav", SOUND / 2, 8000, subtype="FLOAT")
    prints.append(opened(root).fingerprint())
    assert len(set(prints)) == len(prints)
    assert opened(root).fingerprint() == prints[-1]


def test_table_of_a_spreadsheet_is_read(folder):
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
        ("file,x,y,z\n,1,2,1\n", "line 2", "no file"),
        ("file,x,y,z\na.wav;,1,2,1\n", "line 2", "file is 'a.wav;': a name is empty"),
        ("file,x,y,z\na.wav,1,2,1\na.wav,1,2,1\n", "line 3", "a second place for a.wav"),
        (
            "file,time_s,x,y,z\na.wav,0.1,1,2,1\na.wav,,1,2,1\n",
            "line 3",
            "no time for a.wav",
        ),
        ("file,azimuth_deg,elevation_deg\na.wav,500,0\n", "line 2", "azimuth 500"),
        ("file,azimuth_deg,elevation_deg\na.wav,50,0\n", "truth.csv", "holds directions"),
    ],
)
def test_bad_table_is_refused_with_its_line(folder, truth, where, text):
    with pytest.raises(FormatError) as caught:
        opened(folder(truth))
    assert caught.value.where.endswith(where)
    assert text in caught.value.what
    assert caught.value.expected


def test_time_beyond_the_end_is_refused(folder):
    root = folder("file,time_s,x,y,z\na.wav,0.5,1,2,1\na.wav,7,1,2,1\n")
    with pytest.raises(FormatError, match=r"a time of 7 s\n.*lasts 1\.000 s"):
        opened(root).scene(0)


def test_positions_need_a_region(folder):
    root = folder("file,x,y,z\na.wav,1,2,1\n", "microphones: [[0, 0, 1], [1, 0, 1]]")
    with pytest.raises(FormatError, match="does not say where positions can lie"):
        opened(root)
    assert len(opened(root, RecordingsDoa)) == 1


def test_other_number_of_channels_is_refused(folder):
    root = folder("file,x,y,z\na.wav,1,2,1\n", ARRAY.replace("]]", "], [2, 0, 1]]", 1))
    with pytest.raises(FormatError, match="2 channels"):
        opened(root).scene(0)


def test_file_that_is_not_there_is_named_at_once(folder):
    with pytest.raises(MissingDataError, match=r"line 3: names sub/c\.wav, which is not there"):
        opened(folder("file,x,y,z\na.wav,1,2,1\nsub/c.wav,1,2,1\n"))


@pytest.mark.parametrize("name", ["../a.wav", "/a.wav"])
def test_file_outside_the_folder_is_refused(folder, name):
    with pytest.raises(MissingDataError, match="which is not inside"):
        opened(folder(f"file,x,y,z\n{name},1,2,1\n"))


def test_missing_table_is_named(folder):
    root = folder("file,x,y,z\na.wav,1,2,1\n")
    (root / "truth.csv").unlink()
    with pytest.raises(MissingDataError, match=r"there is no truth\.csv"):
        opened(root)


def test_no_folder_is_answered_with_the_page(monkeypatch, tmp_path):
    monkeypatch.setenv("SSLBENCH_DATA", str(tmp_path))
    with pytest.raises(MissingDataError, match=r"docs/recordings\.md"):
        opened(None)
    with pytest.raises(MissingDataError, match="no recordings in this folder"):
        opened(None, root=str(tmp_path / "gone"))


def test_example_of_the_page_works(folder):
    blocks = PAGE.read_text().split("```")
    array = next(b for b in blocks if b.startswith("yaml")).removeprefix("yaml\n")
    truth = next(b for b in blocks if b.startswith("csv")).removeprefix("csv\n")
    root = folder(truth, array)
    for name in ("door.wav", "walk.wav"):
        soundfile.write(root / name, np.tile(SOUND, (3, 2)), 8000)
    dataset = opened(root)
    assert [len(dataset.scene(i).truth.times) for i in range(len(dataset))] == [1, 2]
