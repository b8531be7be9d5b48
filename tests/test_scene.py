from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sslbench.errors import FormatError, GeometryError
from sslbench.geometry import Box
from sslbench.scene import MicArray, Recording, Tracks

MICS = np.array([[0.0, 0, 0], [1, 0, 0]])


def recording(**changes):
    facts = {
        "id": "r",
        "audio": np.arange(20, dtype=np.float32).reshape(2, 10),
        "sample_rate": 10,
        "array": MicArray(MICS),
        "times": np.array([0.2, 0.8]),
        "frame": 0.4,
        "region": Box((0, 0, 0), (1, 1, 1)),
    }
    return Recording(**(facts | changes))


def test_an_array_is_positions_or_a_format_but_not_both():
    with pytest.raises(GeometryError, match="without positions"):
        MicArray()
    with pytest.raises(GeometryError, match="with positions"):
        MicArray(MICS, "foa")


def test_an_array_knows_its_aperture_rank_and_channels():
    array = MicArray(MICS)
    assert (array.aperture, array.rank, array.channels) == (1.0, 1, 2)
    assert MicArray(format="foa").channels == 4


def test_audio_with_another_number_of_channels_is_refused():
    with pytest.raises(FormatError, match=r"audio of shape \(3, 10\)"):
        recording(audio=np.zeros((3, 10), np.float32))


def test_positions_need_a_region():
    with pytest.raises(FormatError, match="without a search region"):
        recording(region=None)


def test_audio_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        recording().audio[0, 0] = 1


def test_frames_are_centred_on_their_times():
    assert_array_equal(recording().frames()[:, 0], [[0, 1, 2, 3], [6, 7, 8, 9]])


def test_frames_are_filled_with_zeros_beyond_the_ends():
    frames = recording(times=np.array([0.0, 1.0])).frames()
    assert_array_equal(frames[:, 0], [[0, 0, 0, 1], [8, 9, 0, 0]])


def test_without_a_frame_length_there_is_one_frame():
    assert recording(frame=None).frames().shape == (1, 2, 10)


def test_tracks_are_active_where_they_are_finite():
    xyz = np.zeros((2, 2, 3))
    xyz[1, 0, 2] = np.nan
    assert_array_equal(Tracks.of([0, 1], xyz, "position").active, [[True, True], [False, True]])


def test_a_track_without_a_position_is_never_active():
    tracks = Tracks.of([0], np.full((1, 1, 3), np.nan), "position", active=[[True]])
    assert not tracks.active.any()


@pytest.mark.parametrize("shape", [(2, 3), (3, 1, 3), (2, 1, 2)])
def test_tracks_of_a_wrong_shape_are_refused(shape):
    with pytest.raises(FormatError, match="tracks of shape"):
        Tracks.of([0, 1], np.zeros(shape), "position")


def test_confidence_has_one_value_per_estimate():
    with pytest.raises(FormatError, match=r"confidence of shape \(2,\)"):
        Tracks.of([0, 1], np.zeros((2, 1, 3)), "position", confidence=[0.5, 0.5])


def test_an_array_with_a_hidden_position_is_not_complete():
    array = MicArray(np.array([[0.0, 0, 0], [np.nan] * 3, [2, 0, 0]]))
    assert (array.complete, array.channels, len(array.known)) == (False, 3, 2)
    assert (array.aperture, array.rank) == (2.0, 1)
    assert_array_equal(array.centre, [1, 0, 0])


def long(rate, samples, times, frame):
    """Return a recording whose samples are all different."""
    audio = np.arange(2 * samples, dtype=np.float32).reshape(2, samples)
    return recording(audio=audio, sample_rate=rate, times=np.array(times), frame=frame)


RATES = st.sampled_from([10, 8000, 11025, 16000, 22050, 44100, 48000])


@st.composite
def cut_recordings(draw):
    """Draw a recording, some rows of it and a context; frames may extend beyond both ends."""
    rate, samples = draw(RATES), draw(st.integers(50, 400))
    count = draw(st.integers(1, 12))
    if draw(st.booleans()):
        hop = draw(st.integers(1, 40)) / rate
        times = draw(st.integers(0, 20)) / (2 * rate) + hop * np.arange(count)
    else:
        times = np.sort(draw(st.lists(st.floats(0, samples / rate), min_size=count)))
    # Half samples make ties, which are rounded to even.
    frame = draw(st.integers(2, 120)) / (2 * rate)
    first = draw(st.integers(0, len(times) - 1))
    rows = slice(first, draw(st.integers(first + 1, len(times))))
    return long(rate, samples, times, frame), rows, draw(st.integers(0, 50)) / rate


@settings(max_examples=300)
@given(cut_recordings())
def test_the_frames_of_a_window_are_those_of_the_recording(case):
    whole, rows, context = case
    window = whole.window(rows, context)
    assert_array_equal(window.frames(), whole.frames()[rows])


@settings(max_examples=50)
@given(cut_recordings(), st.integers(1, 5))
def test_windows_of_windows_have_the_same_frames(case, count):
    whole, _, context = case
    parts = [
        whole.window(slice(first, first + count), context).window(slice(None))
        for first in range(0, len(whole.times), count)
    ]
    assert_array_equal(np.concatenate([part.frames() for part in parts]), whole.frames())


@pytest.mark.parametrize("hour", [0, 3600])
@pytest.mark.parametrize("rate", [11025, 16000, 48000])
def test_windows_late_in_a_recording_round_like_the_recording(rate, hour):
    times = hour + 0.01 * np.arange(200) + 1 / (3 * rate)
    starts = long(rate, 10, times, 0.0251)._frame_starts
    shift = int(starts.min()) // 2 * 2
    later = long(rate, 10, times - shift / rate, 0.0251)._frame_starts
    assert_array_equal(later + shift, starts)


def test_the_audio_of_a_window_is_a_view():
    whole = long(100, 1000, 0.1 * np.arange(1, 90), 0.2)
    assert np.shares_memory(whole.window(slice(20, 40)).audio, whole.audio)


@pytest.mark.parametrize(
    ("rows", "context", "samples", "first_time"),
    [
        (slice(0, 1), 0.0, 20, 0.1),
        (slice(4, 6), 0.0, 30, 0.1),
        (slice(4, 6), 0.05, 41, 0.16),
        (slice(0, 9), 9.0, 100, 0.1),
    ],
)
def test_a_window_has_its_frames_and_context(rows, context, samples, first_time):
    whole = long(100, 100, 0.1 * np.arange(1, 10), 0.2)
    window = whole.window(rows, context)
    assert window.audio.shape[1] == samples
    assert window.times[0] == pytest.approx(first_time)


def test_the_reference_is_cut_like_the_audio():
    whole = replace(long(100, 100, 0.1 * np.arange(1, 10), 0.2), reference=np.arange(100))
    window = whole.window(slice(4, 6))
    assert_array_equal(window.reference, window.audio[0])


def test_a_window_without_frames_has_context_only():
    whole = long(100, 100, [0.2, 0.5, 0.8], None)
    assert whole.window(slice(1, 2)).audio.shape[1] == 0
    window = whole.window(slice(1, 2), 0.1)
    assert window.audio.shape[1] == 20
    assert window.times == pytest.approx([0.1])
