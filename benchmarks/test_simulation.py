"""Speed of the renderers compared with pyroomacoustics.

``pytest benchmarks/test_simulation.py`` prints one table per group; compare medians only within one
run. The tests marked `target` check the documented speed-up.
"""

import numpy as np
import pyroomacoustics as pra
import pytest

from sslbench.datasets.simulated.line_arrays import LEAD, SAMPLES, line_arrays
from sslbench.datasets.simulated.luvira_sim import MICROPHONES, ROOM
from sslbench.simulation.anechoic import render_anechoic
from sslbench.simulation.reverberant import ShoeBox, shoebox_rirs
from sslbench.simulation.t60 import walls_for

CLIPS = 128
SAMPLE_RATE = 16000
SIZE = (7.0, 8.0, 2.0)
T60 = 0.4


@pytest.fixture(params=[True, False], ids=["high-pass on (default)", "high-pass off"])
def high_pass(request):
    before = pra.constants.get("rir_hpf_enable")
    pra.constants.set("rir_hpf_enable", request.param)
    yield request.param
    pra.constants.set("rir_hpf_enable", before)


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(0)
    signals = rng.standard_normal((CLIPS, LEAD + SAMPLES)).astype(np.float32)
    xyz = np.column_stack([rng.uniform(0.1, 5.9, (CLIPS, 2)), np.full(CLIPS, 0.95)])
    return signals, xyz, line_arrays("kinect", 0.226, 0.05, 3.0).positions


def _render_clips(signals, sources, microphones):
    return render_anechoic(signals, sources, microphones, SAMPLE_RATE, LEAD)


def _simulate_clip(signal, source, microphones):
    room = pra.ShoeBox([6, 6, 4.2], fs=SAMPLE_RATE, max_order=0)
    room.add_source(source, signal=signal)
    room.add_microphone_array(microphones.T)
    room.simulate()


def _rirs():
    source = np.array([0.5, -0.3, 1.2]) - ROOM.low
    return shoebox_rirs(
        ShoeBox(SIZE, walls_for(T60, SIZE)), source, MICROPHONES - ROOM.low, SAMPLE_RATE
    )


def _room():
    absorption, order = pra.inverse_sabine(T60, SIZE)
    room = pra.ShoeBox(SIZE, fs=SAMPLE_RATE, materials=pra.Material(absorption), max_order=order)
    room.add_source(np.array([0.5, -0.3, 1.2]) - ROOM.low)
    room.add_microphone_array((MICROPHONES - ROOM.low).T)
    return room


@pytest.mark.benchmark(group="anechoic: 128 clips of 160 ms, 8 microphones (sslbench) / 1 clip")
def test_render_anechoic(benchmark, clips):
    benchmark(_render_clips, *clips)


@pytest.mark.benchmark(group="anechoic: 128 clips of 160 ms, 8 microphones (sslbench) / 1 clip")
def test_render_anechoic_of_two_sources(benchmark, clips):
    signals, sources, microphones = clips
    pairs, positions = (np.stack([each, each[::-1]], axis=1) for each in (signals, sources))
    benchmark(_render_clips, pairs, positions, microphones)


@pytest.mark.benchmark(group="anechoic: 128 clips of 160 ms, 8 microphones (sslbench) / 1 clip")
def test_simulate_of_pyroomacoustics(benchmark, clips, high_pass):
    signals, sources, microphones = clips
    benchmark(_simulate_clip, signals[0], sources[0], microphones)


@pytest.mark.benchmark(group="reverberant: 7 x 8 x 2 m, T60 0.4 s, 11 microphones")
def test_shoebox_rirs(benchmark):
    benchmark(_rirs)


@pytest.mark.benchmark(group="reverberant: 7 x 8 x 2 m, T60 0.4 s, 11 microphones")
def test_compute_rir_of_pyroomacoustics(benchmark, high_pass):
    benchmark.pedantic(lambda room: room.compute_rir(), setup=lambda: ((_room(),), {}), rounds=3)


@pytest.mark.target
def test_anechoic_rendering_is_15_times_as_fast_per_clip(clips, median_seconds, say):
    signals, sources, microphones = clips
    mine = median_seconds(lambda: _render_clips(*clips), 9) / CLIPS
    theirs = median_seconds(lambda: _simulate_clip(signals[0], sources[0], microphones), 9)
    say(f"anechoic: {theirs / mine:.1f} times as fast as ShoeBox(max_order=0).simulate")
    assert theirs >= 15 * mine


@pytest.mark.target
def test_reverberant_rendering_is_5_times_as_fast(median_seconds, say):
    mine = median_seconds(_rirs, 5)
    theirs = median_seconds(lambda: _room().compute_rir(), 2)
    say(f"reverberant: {theirs / mine:.1f} times as fast as Room.compute_rir")
    assert theirs >= 5 * mine
