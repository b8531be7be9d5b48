"""Learning rates as functions of progress."""

import pytest

from sslbench.training.schedules import Constant, Cosine, Moment, Plateau, epochs_for


def test_a_constant_rate_never_changes():
    assert {Constant()(Moment(step, 10)) for step in range(10)} == {1.0}


def test_a_cosine_rises_during_warm_up_and_then_falls():
    rates = [Cosine(warm_up=0.2, floor=0.0)(Moment(step, 100)) for step in range(100)]
    assert rates[:20] == sorted(rates[:20])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert max(rates) == 1.0
    assert rates[-1] < 0.001


def test_a_plateau_lowers_the_rate_down_to_its_floor():
    fall = Plateau(factor=0.1, patience=1, floor=0.001)
    rates = [fall(Moment(0, 1, [1.0] * epochs)) for epochs in range(6)]
    assert rates == pytest.approx([1, 1, 0.1, 0.01, 0.001, 0.001])


def test_an_improvement_resets_the_patience_of_a_plateau():
    fall = Plateau(patience=2)
    assert fall(Moment(0, 1, [3.0, 3.0, 2.0, 2.0])) == 1.0
    assert fall(Moment(0, 1, [3.0, 3.0, 2.0, 2.0, 2.0])) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("steps", "examples", "batch", "epochs"),
    [(4500, 24000, 64, 12), (450, 300, 16, 25), (1, 300, 16, 1), (10, 5, 16, 10)],
)
def test_a_number_of_steps_becomes_a_number_of_epochs(steps, examples, batch, epochs):
    assert epochs_for(steps, examples, batch) == epochs
