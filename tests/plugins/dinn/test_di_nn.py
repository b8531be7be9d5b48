"""di-nn: the size of its network, its spectra, training and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.seven_microphones import frames, permuted
from helpers.toy_learner import context, selection
from sslbench.errors import FormatError
from sslbench.scene import MicArray
from sslbench_dinn import sslbench_methods
from sslbench_dinn.method import DiNn
from sslbench_dinn.network import DualInputNetwork, spectra

(SPEC,) = sslbench_methods()


class Brief(DiNn):
    def settings(self, scale):
        return replace(super().settings(scale), epochs=2, batch=9)


@pytest.fixture(scope="module")
def method(tmp_path_factory):
    folder = tmp_path_factory.mktemp("di-nn")
    train, validation = frames("train", folder), frames("validation", folder, count=6)
    found = Brief(width=2)
    chosen = selection("position-error-capped")
    found.fit(train, validation, context(folder / "work", selection=chosen))
    return found


@pytest.fixture
def recording(tmp_path):
    return frames("test", tmp_path).scene(0).recording


def test_the_network_for_eleven_microphones_has_the_published_size():
    size = sum(each.numel() for each in DualInputNetwork(11, 64).parameters())
    assert size == pytest.approx(3_562_725, rel=0.02)


def test_spectra_are_real_beside_imaginary_parts_without_that_of_0_hz():
    audio = torch.randn(2, 3, 2048, generator=torch.Generator().manual_seed(0))
    found = spectra(audio)
    assert found.shape == (2, 3, 9, 1024)
    # Frame 4 is centred on sample 1024: the 1,024 samples from 512 on.
    expected = np.fft.rfft(audio[1, 2, 512:1536].numpy())[1:] / 32
    np.testing.assert_allclose(found[1, 2, 4, :512], expected.real, atol=1e-5)
    np.testing.assert_allclose(found[1, 2, 4, 512:], expected.imag, atol=1e-5)


def test_it_trains_and_predicts_one_finite_position(method, recording):
    assert len(method.history) == 2
    found = method.locate(recording)
    assert found.tracks.xyz.shape == (1, 1, 3)
    assert np.isfinite(found.tracks.xyz).all()


def test_the_gain_of_a_recording_does_not_matter(method, recording):
    louder = replace(recording, audio=recording.audio * 4)
    one, other = (method.locate(each).tracks.xyz for each in (recording, louder))
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_it_has_learned_which_channel_is_which_microphone(method, recording):
    swapped = permuted(recording, [1, 0, 2, 3, 4, 5, 6])
    one, other = (method.locate(each).tracks.xyz for each in (recording, swapped))
    assert np.abs(one - other).max() > 1e-6


def test_another_number_of_microphones_is_refused(method, recording):
    fewer = replace(
        recording, audio=recording.audio[:6], array=MicArray(recording.array.positions[:6])
    )
    with pytest.raises(FormatError, match="6 microphones") as error:
        method.check(fewer)
    assert "7, the number that di-nn was trained with" in str(error.value)
    assert "train it with 6 microphones" in str(error.value)


def test_published_values_are_those_of_table_one():
    found = {(each.split, each.metric): each.value for each in SPEC.published}
    assert found[("music", "position-error-capped")] == 0.260
    assert found[("speech", "position-accuracy[within=30cm]")] == 45.9
