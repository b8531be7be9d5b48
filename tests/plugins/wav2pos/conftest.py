"""Methods that are trained once for all tests of wav2pos."""

import pytest

from helpers.seven_microphones import frames
from helpers.wav2pos_cases import FakeNgcc, fitted, make


@pytest.fixture(scope="session")
def method(tmp_path_factory):
    """A method that learned from seven microphones, without one at the source."""
    return fitted(tmp_path_factory.mktemp("wav2pos"))


@pytest.fixture(scope="session")
def with_source(tmp_path_factory):
    """A method that learned from recordings with a microphone at the source."""
    folder = tmp_path_factory.mktemp("wav2pos")
    return fitted(folder, train=frames("train", folder / "cache", reference=True))


@pytest.fixture(scope="session")
def with_ngcc(tmp_path_factory):
    """A method that learned from the delays of the stand-in for NGCC-PHAT."""
    untrained = make(features="ngcc")
    untrained.parts = {"ngcc": FakeNgcc()}
    return fitted(tmp_path_factory.mktemp("wav2pos"), untrained)


@pytest.fixture
def recordings(tmp_path):
    return [frames("test", tmp_path, reference=True).scene(index).recording for index in range(6)]
