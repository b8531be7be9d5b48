import numpy as np
import pyroomacoustics as pra
import pytest

from sslbench.errors import ParameterError
from sslbench.simulation.reverberant import ShoeBox, shoebox_rirs
from sslbench.simulation.t60 import measured_t60, shortest_t60, walls_for

LUVIRA = (7.0, 8.0, 2.0)


def test_walls_are_those_of_pyroomacoustics():
    walls = walls_for(0.4, LUVIRA)
    assert (walls.absorption, walls.max_order) == pra.inverse_sabine(0.4, LUVIRA)
    assert not walls.anechoic


def test_the_shortest_t60_is_where_pyroomacoustics_raises():
    limit = shortest_t60(LUVIRA)
    assert limit == pytest.approx(0.105, abs=5e-4)
    pra.inverse_sabine(limit * 1.0001, LUVIRA)
    with pytest.raises(ValueError, match="room may be too large"):
        pra.inverse_sabine(limit * 0.9999, LUVIRA)


@pytest.mark.parametrize("t60", [0.0, 0.05, 0.104])
def test_a_t60_below_the_limit_of_the_formula_is_anechoic(t60):
    walls = walls_for(t60, LUVIRA)
    assert walls.anechoic
    assert len(shoebox_rirs(ShoeBox(LUVIRA, walls), (3, 3, 1), [(4, 4, 1)], 16000)) == 1


@pytest.mark.parametrize("t60", [-0.1, float("nan"), float("inf")])
def test_an_invalid_t60_is_an_error(t60):
    with pytest.raises(ParameterError, match="a T60 of"):
        walls_for(t60, LUVIRA)


@pytest.mark.parametrize("t60", [0.2, 0.6])
def test_the_t60_of_an_exponential_decay_is_measured(t60):
    time = np.arange(16000) / 16000
    noise = np.random.default_rng(0).standard_normal((4, 16000))
    assert measured_t60(noise * 10 ** (-3 * time / t60), 16000) == pytest.approx(t60, rel=0.03)


def test_the_t60_of_a_room_equals_the_measurement_of_pyroomacoustics():
    walls = walls_for(0.3, (5.0, 4.0, 3.0))
    rirs = shoebox_rirs(ShoeBox((5.0, 4.0, 3.0), walls), (1, 1, 1), [(3, 2, 2)], 16000)
    theirs = pra.experimental.measure_rt60(rirs[0], fs=16000, decay_db=20)
    assert measured_t60(rirs, 16000) == pytest.approx(theirs, rel=0.02)


def test_a_single_arrival_has_no_t60():
    walls = walls_for(0.0, LUVIRA)
    rirs = shoebox_rirs(ShoeBox(LUVIRA, walls), (3, 3, 1), [(4, 4, 1), (1, 2, 0.5)], 16000)
    assert measured_t60(rirs, 16000) < 0.01
    assert measured_t60(np.zeros((1, 100)), 16000) == 0


def test_low_frequencies_can_be_excluded_from_the_measurement():
    time = np.arange(16000) / 16000
    noise = np.random.default_rng(0).standard_normal((4, 16000)) * 10 ** (-3 * time / 0.3)
    slow = 0.5 * 10 ** (-3 * time / 0.9)
    assert measured_t60(noise + slow, 16000) > 0.45
    assert measured_t60(noise + slow, 16000, above=100) == pytest.approx(0.3, rel=0.03)
