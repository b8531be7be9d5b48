"""Mostly tracked, partly tracked and mostly lost sources equal TrackEval."""

import numpy as np
import pytest
from trackeval.metrics import CLEAR

from helpers.identity_scenes import scenes, trackeval_data
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.track_coverage import (
    mostly_lost,
    mostly_tracked,
    partly_tracked,
)
from sslbench.scene import Tracks

METRICS = {"MTR": mostly_tracked, "PTR": partly_tracked, "MLR": mostly_lost}
EVALUATOR = CLEAR({"THRESHOLD": 0.5, "PRINT_CONFIG": False})


@pytest.fixture(scope="module", params=("position", "direction"))
def scored(request):
    pairs = scenes(request.param)
    return pairs, [
        EVALUATOR.eval_sequence(trackeval_data(*pair) | {"num_timesteps": len(pair[1].times)})
        for pair in pairs
    ]


@pytest.mark.parametrize("name", METRICS)
def test_every_scene_has_the_scores_of_trackeval(scored, name):
    pairs, scores = scored
    metric = METRICS[name](rule="jointly")
    checked = 0
    for (estimate, truth), score in zip(pairs, scores, strict=True):
        if not truth.active.any():
            assert np.isnan(metric(estimate, truth))
        elif estimate.active.any():  # TrackEval leaves these counts out without estimates
            assert metric(estimate, truth) == pytest.approx(100 * score[name], abs=1e-9)
            checked += 1
    assert checked >= 500


def test_the_three_shares_add_up(scored):
    corpus = Corpus.of(scored[0])
    values = [(m := metric()).value(m.rows(corpus)) for metric in METRICS.values()]
    assert sum(values) == pytest.approx(100)


@pytest.mark.parametrize(
    ("matched", "expected"),
    [(10, [100, 0, 0]), (9, [100, 0, 0]), (8, [0, 100, 0]), (2, [0, 100, 0]), (1, [0, 0, 100])],
)
def test_the_limits_are_more_than_80_and_less_than_20_percent(matched, expected):
    truth = Tracks.of(range(10), [[[0, 0, 0]]] * 10, "position")
    places = [[[0, 0, 0]]] * matched + [[[9, 0, 0]]] * (10 - matched)
    estimate = Tracks.of(range(10), places, "position")
    assert [metric()(estimate, truth) for metric in METRICS.values()] == expected


def test_a_source_of_two_recordings_counts_in_each():
    truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    nothing = Tracks.of([0, 1], [[[np.nan] * 3]] * 2, "position")
    metric = mostly_tracked()
    assert metric.value(metric.rows(Corpus.of([(truth, truth), (nothing, truth)]))) == 50
