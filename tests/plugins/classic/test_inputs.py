"""What classical methods read of a recording."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.known_delays import KnownDelays
from helpers.seven_microphones import frames, hidden
from sslbench.scene import MicArray
from sslbench_classic.inputs import known_microphones
from sslbench_classic.multilateration import Multilateration
from sslbench_classic.srp_ngcc import SrpNgcc
from sslbench_classic.srp_phat import SrpPhat

METHODS = {"srp-phat": SrpPhat, "srp-ngcc": SrpNgcc, "multilateration": Multilateration}


@pytest.fixture
def recording(tmp_path):
    return frames("test", tmp_path).scene(1).recording


def test_a_recording_with_all_positions_stays_as_it_is(recording):
    assert known_microphones(recording) is recording


def test_microphones_of_unknown_position_are_left_out(recording):
    found = known_microphones(hidden(recording, 1, 4))
    kept = [0, 2, 3, 5, 6]
    np.testing.assert_array_equal(found.audio, recording.audio[kept])
    np.testing.assert_array_equal(found.array.positions, recording.array.positions[kept])


@pytest.mark.parametrize("name", METHODS)
def test_a_hidden_microphone_is_as_one_that_is_not_there(name, recording):
    method = METHODS[name]()
    method.parts = {"ngcc": KnownDelays()}
    kept = [0, 1, 2, 4, 5, 6]
    fewer = replace(
        recording,
        audio=recording.audio[kept],
        array=MicArray(recording.array.positions[kept]),
    )
    torch.manual_seed(0)
    one, other = (method.locate(each) for each in (hidden(recording, 3), fewer))
    np.testing.assert_array_equal(one.tracks.xyz, other.tracks.xyz)
    assert one.microphones is None
