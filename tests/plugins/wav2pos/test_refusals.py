"""What wav2pos refuses, with which words; and what its spec says."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.seven_microphones import frames, hidden
from helpers.wav2pos_cases import make
from sslbench.contracts import Incompatible
from sslbench.errors import FormatError, ParameterError
from sslbench.running.compatibility import recording_incompatibility
from sslbench.scene import MicArray, Prediction, Tracks
from sslbench_wav2pos import sslbench_methods

(SPEC,) = sslbench_methods()


class Changed:
    """A data set whose scenes are changed by a function."""

    def __init__(self, inner, change):
        self.inner, self.change, self.request = inner, change, inner.request

    def __len__(self):
        return len(self.inner)

    def scene(self, index):
        return self.change(self.inner.scene(index))

    def truth(self, index):
        return "", self.scene(index).truth

    def prepare(self):
        pass


def of_recording(change):
    return lambda scene: replace(scene, recording=change(scene.recording))


def encoded(recording):
    return replace(recording, audio=recording.audio[:4], array=MicArray(format="foa"))


def first(recording, count):
    array = MicArray(recording.array.positions[:count])
    return replace(recording, audio=recording.audio[:count], array=array)


def stretched(recording):
    return replace(recording, array=MicArray(recording.array.positions * 3))


UNFIT = [
    (encoded, "needs the signals of microphones, not the format foa"),
    (lambda each: replace(each, max_sources=2), "finds the position of one source"),
    (lambda each: replace(each, kind="direction"), "finds the position of one source"),
    (lambda each: first(each, 3), "needs 4 microphones of known position, there are 3 of 3"),
    (
        lambda each: hidden(each, 0, 1, 2, 3),
        "needs 4 microphones of known position, there are 3 of 7",
    ),
]


@pytest.mark.parametrize(("change", "words"), UNFIT)
def test_data_that_it_cannot_learn_from_are_incompatible(change, words, tmp_path):
    train = Changed(frames("train", tmp_path), of_recording(change))
    with pytest.raises(Incompatible, match=words):
        make().configure(train, "smoke")


@pytest.mark.parametrize(("change", "words"), UNFIT)
def test_recordings_that_it_cannot_process_are_refused(change, words, method, recordings):
    recording = change(replace(recordings[0], reference=None))
    with pytest.raises(FormatError, match=words):
        method.check(recording)


def test_data_without_a_source_are_incompatible(tmp_path):
    def silent(scene):
        tracks = Tracks.of(scene.recording.times, np.full((1, 1, 3), np.nan), "position")
        return replace(scene, truth=Prediction(tracks))

    with pytest.raises(Incompatible, match="there is no source in the training recordings"):
        make().configure(Changed(frames("train", tmp_path), silent), "smoke")


def test_an_array_that_is_larger_than_those_of_the_training_is_refused(method, recordings):
    with pytest.raises(FormatError, match=r"arrays of up to 3\.\d m, this one spans 9\.\d m"):
        method.check(stretched(replace(recordings[0], reference=None)))


def test_a_signal_at_the_source_that_was_not_trained_is_refused(method, recordings):
    with pytest.raises(FormatError, match="without the signal of a microphone at the source"):
        method.check(recordings[0])


def test_without_masking_a_signal_at_the_source_is_refused(with_source, recordings):
    method = make(masking=False)
    method.config = with_source.config
    with pytest.raises(FormatError, match="masking=true"):
        method.check(recordings[0])


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ParameterError, match="width=30 is not allowed"):
        make(width=30)


def test_the_spec_refuses_three_microphones_and_encoded_formats(recordings):
    assert "needs 4 microphones, there are 3" in recording_incompatibility(
        SPEC, first(recordings[0], 3)
    )
    assert "format mics" in recording_incompatibility(SPEC, encoded(recordings[0]))
    assert not recording_incompatibility(SPEC, hidden(recordings[0], 0))


def test_ngcc_is_a_part_only_where_it_is_used():
    params = {parameter.name: parameter.default for parameter in SPEC.parameters}
    assert not SPEC.needed_parts(params)
    (part,) = SPEC.needed_parts(params | {"features": "ngcc"})
    assert part.parameters == ("channels",)


def test_published_values_are_those_of_table_one():
    found = {(each.split, each.metric): each.value for each in SPEC.published}
    assert found == {
        ("music", "position-error-capped"): 0.142,
        ("music", "position-accuracy[within=30cm]"): 95.4,
        ("speech", "position-error-capped"): 0.236,
        ("speech", "position-accuracy[within=30cm]"): 81.6,
    }
