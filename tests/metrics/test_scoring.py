"""Scores are pooled over the corpus, whatever metrics a stranger brings."""

import time

import numpy as np
import pytest

from sslbench.contracts import Metric, MetricSpec
from sslbench.errors import BrokenPluginError, FormatError, UnknownNameError
from sslbench.metrics import sslbench_metrics
from sslbench.metrics.protocols import PROTOCOLS, Protocol, find_protocol
from sslbench.metrics.scoring import score, score_strata
from sslbench.registry import load_target
from sslbench.scene import Tracks


def metrics(kind="position"):
    specs = find_protocol("sslbench").select(sslbench_metrics(), kind)
    return [(spec, load_target(spec.target, spec.name)()) for spec in specs]


def corpus(recordings, frames=1, seed=0, error=0.5):
    rng = np.random.default_rng(seed)
    times = np.arange(frames)
    pairs = []
    for _ in range(recordings):
        truth = rng.uniform(0, 6, (frames, 1, 3))
        answer = truth + error * rng.normal(size=truth.shape)
        pairs.append((Tracks.of(times, answer, "position"), Tracks.of(times, truth, "position")))
    return pairs


def by_name(scores):
    return {found.name: found for found in scores}


class Longest(Metric):
    """One row a recording: the largest error in it."""

    def components(self, prediction, truth):
        return np.array([[np.linalg.norm(prediction.xyz - truth.xyz, axis=-1).max()]])

    def value(self, rows):
        return float(rows.mean())


class Ragged(Longest):
    def components(self, prediction, truth):
        return np.zeros((1, len(truth.times)))


def foreign(metric):
    return MetricSpec("longest", "x:Longest", "", "m", higher_is_better=False), metric


def test_the_value_of_a_corpus_is_over_frames_not_over_recordings():
    near, far = corpus(1, frames=30, error=0.0), corpus(1, frames=10, seed=1)
    found = by_name(score(near + far, metrics(), "sslbench", 0))["position-error-mean"]
    distance = np.linalg.norm(far[0][0].xyz - far[0][1].xyz, axis=-1)
    assert found.value == pytest.approx(distance.sum() / 40)
    assert found.n == 40


def test_scores_say_what_they_are():
    found = by_name(score(corpus(20), metrics(), "sslbench", 0))["accuracy-30cm"]
    assert (found.unit, found.version, found.protocol) == ("%", 1, "sslbench")
    assert found.higher_is_better
    low, high = found.ci95
    assert low <= found.value <= high


def test_one_recording_of_one_frame_has_no_interval():
    assert {found.ci95 for found in score(corpus(1), metrics(), "sslbench", 0)} == {None}


def test_no_recordings_give_undefined_scores():
    found = score([], [*metrics(), foreign(Longest())], "sslbench", 0)
    assert all(np.isnan(s.value) and s.n == 0 and s.ci95 is None for s in found)


def test_a_metric_of_whole_recordings_stands_beside_those_of_frames():
    pairs = corpus(30, frames=4)
    found = by_name(score(pairs, [*metrics(), foreign(Longest())], "sslbench", 0))["longest"]
    longest = [np.linalg.norm(p.xyz - t.xyz, axis=-1).max() for p, t in pairs]
    assert found.value == pytest.approx(np.mean(longest))
    assert found.n == 30
    low, high = found.ci95
    assert low < found.value < high


def test_a_metric_with_ragged_rows_is_called_broken():
    pairs = corpus(1, frames=2) + corpus(1, frames=3)
    with pytest.raises(BrokenPluginError, match="metric longest: rows of shapes"):
        score(pairs, [foreign(Ragged())], "sslbench", 0)


def test_recordings_of_different_numbers_of_sources_are_pooled():
    truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    answer = Tracks.of([0], [[[4, 1, 0]]], "position")
    pairs = [(answer, truth), *corpus(1, error=0.0)]
    found = by_name(score(pairs, metrics(), "sslbench", 0))
    assert found["position-error-median"].value == 0.5
    assert found["coverage"].value == pytest.approx(200 / 3)


def test_an_answer_to_another_question_is_refused_by_number():
    pairs = corpus(2)
    north = Tracks.of([0], [[[1, 0, 0]]], "direction")
    with pytest.raises(FormatError, match="recording 3 of 3: the answer is a direction"):
        score([*pairs, (north, pairs[0][1])], metrics(), "sslbench", 0)


def test_kinds_are_not_mixed():
    north = Tracks.of([0], [[[1, 0, 0]]], "direction")
    with pytest.raises(FormatError, match="recordings of different kinds"):
        score([*corpus(1), (north, north)], metrics(), "sslbench", 0)


def test_strata_are_scored_like_the_whole():
    pairs = {str(index): pair for index, pair in enumerate(corpus(8))}
    conditions = {name: {"t60_s": 0.2 if int(name) < 3 else 0.4} for name in pairs}
    found = score_strata(pairs, conditions, metrics(), "sslbench", 0)
    part = score([pairs[name] for name in "012"], metrics(), "sslbench", 0)
    assert found["t60_s"]["0.2"] == part
    assert list(found["t60_s"]) == ["0.2", "0.4"]


def test_a_corpus_of_five_thousand_is_scored_in_seconds():
    pairs = corpus(5000)
    begin = time.perf_counter()
    score(pairs, metrics(), "sslbench", 0)
    assert time.perf_counter() - begin < 5  # 0.4 s was measured


def test_a_protocol_selects_the_metrics_that_fit():
    names = [spec.name for spec in PROTOCOLS["sslbench"].select(sslbench_metrics(), "direction")]
    assert "coverage" in names
    assert "position-error-mean" not in names
    assert names == sorted(names)


def test_a_protocol_can_name_its_metrics():
    chosen = Protocol("x", "", ("coverage",)).select(sslbench_metrics(), "position")
    assert [spec.name for spec in chosen] == ["coverage"]


def test_an_unknown_protocol_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="perhaps sslbench"):
        find_protocol("sslbensh")
