"""Scores are pooled over the corpus, for built-in and third-party metrics."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.metric_cases import SPECS, make
from sslbench.contracts import Metric
from sslbench.errors import BrokenPluginError, FormatError
from sslbench.scene import Tracks
from sslbench.scoring.protocol_definitions import PROTOCOLS
from sslbench.scoring.protocols import ConfiguredMetric
from sslbench.scoring.scores import score, score_strata
from sslbench.specs import MetricSpec

LABELS = (
    "position-error-mean",
    "position-error-percentile[p=50]",
    "position-accuracy[within=30cm]",
    "coverage",
)
RULES = PROTOCOLS[0]


def metrics():
    return [
        ConfiguredMetric(label, SPECS[label.partition("[")[0]], make(label)) for label in LABELS
    ]


def corpus(recordings, frames=1, seed=0, error=0.5):
    rng = np.random.default_rng(seed)
    times = np.arange(frames)
    pairs = []
    for _ in range(recordings):
        truth = rng.uniform(0, 6, (frames, 1, 3))
        estimate = truth + error * rng.normal(size=truth.shape)
        pairs.append((Tracks.of(times, estimate, "position"), Tracks.of(times, truth, "position")))
    return pairs


def by_name(scores):
    return {found.name: found for found in scores}


class Worst(Metric):
    """One row per recording: its largest error."""

    def components(self, prediction, truth):
        return np.array([[np.linalg.norm(prediction.xyz - truth.xyz, axis=-1).max()]])

    def value(self, rows):
        return float(rows.mean())


class Ragged(Worst):
    def components(self, prediction, truth):
        return np.zeros((1, len(truth.times)))


def third_party(metric):
    spec = MetricSpec(
        name="largest", target="x:Worst", summary="", unit="m", higher_is_better=False
    )
    return ConfiguredMetric("largest", spec, metric)


def test_values_are_averaged_over_frames_and_not_over_recordings():
    near, far = corpus(1, frames=30, error=0.0), corpus(1, frames=10, seed=1)
    found = by_name(score(near + far, metrics(), RULES, 0))["position-error-mean"]
    distance = np.linalg.norm(far[0][0].xyz - far[0][1].xyz, axis=-1)
    assert found.value == pytest.approx(distance.sum() / 40)
    assert found.n == 40


def test_a_score_has_unit_version_protocol_and_interval():
    found = by_name(score(corpus(20), metrics(), RULES, 0))["position-accuracy[within=30cm]"]
    assert (found.unit, found.version, found.protocol) == ("%", 1, "sslbench")
    assert found.higher_is_better
    low, high = found.ci95
    assert low <= found.value <= high


def test_one_recording_of_one_frame_has_no_interval():
    assert {found.ci95 for found in score(corpus(1), metrics(), RULES, 0)} == {None}


def test_no_recordings_give_undefined_scores():
    found = score([], [*metrics(), third_party(Worst())], RULES, 0)
    assert all(np.isnan(s.value) and s.n == 0 and s.ci95 is None for s in found)


def test_metrics_of_recordings_and_of_frames_can_be_combined():
    pairs = corpus(30, frames=4)
    found = by_name(score(pairs, [*metrics(), third_party(Worst())], RULES, 0))["largest"]
    largest = [np.linalg.norm(p.xyz - t.xyz, axis=-1).max() for p, t in pairs]
    assert found.value == pytest.approx(np.mean(largest))
    assert found.n == 30
    low, high = found.ci95
    assert low < found.value < high


def test_a_metric_with_different_numbers_of_columns_is_an_error():
    pairs = corpus(1, frames=2) + corpus(1, frames=3)
    with pytest.raises(BrokenPluginError, match=r"metric largest: the rows .* have shapes"):
        score(pairs, [third_party(Ragged())], RULES, 0)


def test_recordings_of_different_numbers_of_sources_are_pooled():
    truth = Tracks.of([0], [[[0, 0, 0], [4, 0, 0]]], "position")
    estimate = Tracks.of([0], [[[4, 1, 0]]], "position")
    pairs = [(estimate, truth), *corpus(1, error=0.0)]
    found = by_name(score(pairs, metrics(), RULES, 0))
    assert found["position-error-percentile[p=50]"].value == 0.5
    assert found["coverage"].value == pytest.approx(200 / 3)


def test_a_prediction_of_another_kind_is_reported_by_recording():
    pairs = corpus(2)
    north = Tracks.of([0], [[[1, 0, 0]]], "direction")
    with pytest.raises(FormatError, match="recording 3 of 3: the prediction has directions"):
        score([*pairs, (north, pairs[0][1])], metrics(), RULES, 0)


def test_strata_are_scored_like_a_corpus():
    pairs = {str(index): pair for index, pair in enumerate(corpus(8))}
    conditions = {name: {"t60_s": 0.2 if int(name) < 3 else 0.4} for name in pairs}
    found = score_strata(pairs, conditions, metrics(), RULES, 0)
    part = score([pairs[name] for name in "012"], metrics(), RULES, 0)
    assert found["t60_s"]["0.2"] == part
    assert list(found["t60_s"]) == ["0.2", "0.4"]


def test_methods_on_the_same_scenes_share_their_resamples():
    good, bad = (by_name(score(corpus(30, error=e), metrics(), RULES, 0)) for e in (0.1, 0.2))
    resampled = [found["position-error-mean"].resampled for found in (good, bad)]
    assert len(resampled[0]) == 1000
    # Errors of twice the size give twice the value on each resample.
    assert resampled[1] == pytest.approx(2 * resampled[0])


def test_single_frames_give_narrow_intervals():
    rng = np.random.default_rng(0)
    truth = np.cumsum(rng.normal(size=(400, 1, 3)), axis=0)
    still = Tracks.of(np.arange(400), np.zeros((400, 1, 3)), "position")
    pairs = [(still, Tracks.of(np.arange(400), truth, "position"))]
    widths = []
    for rules in (RULES, replace(RULES, single_frames=True)):
        low, high = by_name(score(pairs, metrics(), rules, 0))["position-error-mean"].ci95
        widths.append(high - low)
    assert widths[1] < 0.3 * widths[0]


def test_the_effective_size_of_independent_sources_is_their_number():
    found = by_name(score(corpus(200), metrics(), RULES, 0))
    assert found["position-error-mean"].n_eff == pytest.approx(200, rel=0.15)
    assert found["position-error-percentile[p=50]"].n_eff == pytest.approx(200, rel=0.15)
