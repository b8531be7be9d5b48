"""Scores of Adavanne et al. 2021, compared with plain loops over equations (1) to (3)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from helpers.metric_cases import pairwise_distance, several_sources
from sslbench.errors import ParameterError
from sslbench.geometry import unit_vector
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import specs_of
from sslbench.metrics.families import adavanne
from sslbench.scene import Tracks

SEEDS = st.integers(0, 10**6)
NAMES = [spec.name for spec in specs_of(adavanne)]


def make(name, **parameters):
    return getattr(adavanne, name.replace("-", "_"))(**parameters)


def value_of(name, pairs, **parameters):
    metric = make(name, **parameters)
    return metric.value(metric.rows(Corpus.of(pairs)))


def frame_pairs(estimate, truth, frame):
    """Return source, estimate and distance of the pairs of a frame, by scipy."""
    sources = np.flatnonzero(truth.active[frame])
    estimates = np.flatnonzero(estimate.active[frame])
    cost = pairwise_distance(truth.xyz[frame, sources], estimate.xyz[frame, estimates], truth.kind)
    first, second = linear_sum_assignment(cost)
    return list(zip(sources[first], estimates[second], cost[first, second], strict=True))


def percent(numerator, denominator):
    return 100 * numerator / denominator if denominator else np.nan


def reference(pairs):
    """Return every score, by equations (1) to (3), frame after frame."""
    n = m = k = errors = onsets = frames = 0
    switches = {"match": 0, "frame": 0}
    distance = 0.0
    before = None
    for estimate, truth in pairs:
        last = {}
        for frame in range(len(truth.times)):
            found = frame_pairs(estimate, truth, frame)
            sources, estimates = truth.active[frame].sum(), estimate.active[frame].sum()
            n, m, k, frames = n + sources, m + estimates, k + len(found), frames + 1
            errors += max(0, estimates - sources) + max(0, sources - estimates)
            distance += sum(pair[2] for pair in found)
            for source, track, _ in found:
                if source in last and last[source][0] != track:
                    switches["match"] += 1
                    switches["frame"] += last[source][1] == frame - 1
                last[source] = track, frame
            if before is not None:
                onsets += sum(
                    now and not b for now, b in zip(estimate.active[frame], before, strict=True)
                )
            before = estimate.active[frame]
    undefined = n == 0
    return {
        "localization-error": distance / k if k else np.nan,
        "localization-recall": percent(k, n),
        "localization-precision": percent(k, m),
        "localization-f1": percent(2 * k, n + m),
        "id-switches-framewise": np.nan if undefined else switches["match"],
        "id-switches-framewise[frame]": np.nan if undefined else switches["frame"],
        "mota-framewise": 100 - percent(errors + switches["match"], n),
        "mota-framewise[frame]": 100 - percent(errors + switches["frame"], n),
        "track-onsets": onsets,
        "mota-onsets": 100 - percent(errors + onsets, n),
    }


def all_values(pairs):
    values = {name: value_of(name, pairs) for name in NAMES}
    for name in ("id-switches-framewise", "mota-framewise"):
        values[f"{name}[frame]"] = value_of(name, pairs, last="frame")
    return values


def crossing(seed=0, frames=600):
    """Return two sources that cross: 8 % misses, 5 % gross errors, one swap of the tracks."""
    rng = np.random.default_rng(seed)
    course = np.radians(np.linspace(-80, 80, frames))
    azimuth = np.stack([course, -course], axis=1)
    active = np.ones((frames, 2), bool)
    active[:80, 1] = active[-80:, 0] = False
    found = azimuth + np.radians(rng.normal(scale=3, size=(frames, 2)))
    gross = rng.random((frames, 2)) < 0.05
    found[gross] += np.radians(rng.uniform(-60, 60, gross.sum()))
    # Not exactly on the horizon: on one circle, several assignments have the same cost.
    height = np.radians(rng.normal(scale=3, size=(frames, 2)))
    detected = active & (rng.random((frames, 2)) > 0.08)
    middle = frames // 2
    found[middle:], detected[middle:] = found[middle:, ::-1], detected[middle:, ::-1]
    times = 0.1 * np.arange(frames)
    return (
        Tracks.of(times, unit_vector(found, height), "direction", detected),
        Tracks.of(times, unit_vector(azimuth, 0 * azimuth), "direction", active),
    )


@pytest.mark.parametrize("seed", range(4))
def test_two_crossing_sources_are_scored_as_by_the_equations(seed):
    pair = crossing(seed)
    found = all_values([pair])
    assert found == pytest.approx(reference([pair]), abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_onsets_lower_mota_more_than_switches_if_there_are_misses(seed):
    found = all_values([crossing(seed)])
    sources = crossing(seed)[1].active.sum()
    switches, onsets = found["id-switches-framewise"], found["track-onsets"]
    assert 1 < switches < onsets
    difference = found["mota-framewise"] - found["mota-onsets"]
    assert difference == pytest.approx(100 * (onsets - switches) / sources)
    # Known scores of a similar scene: 5.75 deg, 83.0 % and 80.2 %.
    assert 4 < found["localization-error"] < 7
    assert 75 < found["mota-onsets"] < found["mota-framewise"] < 90


@pytest.mark.parametrize("kind", ["position", "direction"])
@pytest.mark.parametrize(("sources", "estimates"), [(1, 2), (2, 2), (3, 2), (3, 3), (4, 5)])
def test_random_corpora_agree_with_plain_loops(kind, sources, estimates):
    for seed in range(30):
        pairs = [
            several_sources(3 * seed + n, kind, frames=10, sources=sources, estimates=estimates)
            for n in range(3)
        ]
        assert all_values(pairs) == pytest.approx(reference(pairs), abs=1e-5, nan_ok=True)


A, B, NONE = [1, 0, 0], [0, 1, 0], [np.nan] * 3


def at(*frames):
    return Tracks.of(np.arange(len(frames)), np.array(frames, dtype=float), "direction")


def test_a_switch_across_a_gap_counts_only_with_last_match():
    estimate, truth = at([A, NONE], [NONE, NONE], [NONE, A]), at([A], [A], [A])
    assert make("id-switches-framewise")(estimate, truth) == 1
    assert make("id-switches-framewise", last="frame")(estimate, truth) == 0


def test_a_switch_between_consecutive_frames_always_counts():
    estimate, truth = at([A, B], [B, A]), at([A, B], [A, B])
    assert make("id-switches-framewise")(estimate, truth) == 2
    assert make("id-switches-framewise", last="frame")(estimate, truth) == 2
    assert make("mota-framewise")(estimate, truth) == 50


def test_switches_are_not_counted_between_recordings():
    pairs = [(at([A, NONE]), at([A])), (at([NONE, A]), at([A]))]
    assert value_of("id-switches-framewise", pairs) == 0


def test_onsets_are_counted_across_recordings_and_without_sources():
    pairs = [(at([A, NONE]), at([NONE])), (at([A, A]), at([NONE])), (at([NONE, A]), at([NONE]))]
    assert value_of("track-onsets", pairs) == 1


def test_an_antipodal_estimate_is_a_hit():
    estimate, truth = at([[-1, 0, 0]]), at([A])
    assert make("localization-error")(estimate, truth) == 180
    assert make("localization-f1")(estimate, truth) == 100
    assert make("mota-framewise")(estimate, truth) == 100


def test_identical_directions_have_an_error_of_exactly_0():
    assert make("localization-error")(at([[0.6, 0.8, 0]]), at([[0.6, 0.8, 0]])) == 0


def test_false_positives_make_mota_negative():
    estimate, truth = at([A, A, A, A]), at([A])
    assert make("mota-framewise")(estimate, truth) == -200
    assert make("localization-precision")(estimate, truth) == 25


def test_without_sources_only_metrics_of_estimates_are_defined():
    found = all_values([(at([A], [NONE], [A]), at([NONE], [NONE], [NONE]))])
    assert found.pop("localization-f1") == found.pop("localization-precision") == 0
    assert found.pop("track-onsets") == 1
    assert np.isnan(list(found.values())).all()


def test_without_estimates_all_scores_are_0_or_undefined():
    found = all_values([(at([NONE], [NONE]), at([A], [A]))])
    assert np.isnan([found.pop("localization-error"), found.pop("localization-precision")]).all()
    assert set(found.values()) == {0}


def test_an_empty_corpus_has_undefined_scores():
    assert np.isnan(list(all_values([]).values())).all()


@pytest.mark.parametrize("name", ["id-switches-framewise", "mota-framewise"])
def test_an_unknown_value_of_last_is_an_error(name):
    with pytest.raises(
        ParameterError, match="last=week is not allowed\n  expected: one of match, frame"
    ):
        make(name, last="week")


def test_n_is_the_denominator():
    pairs = [several_sources(1)]
    columns = {"localization-precision": pairs[0][0].active.sum(), "track-onsets": 12}
    for name in NAMES:
        metric = make(name)
        total = metric.rows(Corpus.of(pairs)).sum(axis=0)[metric.count]
        if name != "localization-error":
            assert total == columns.get(name, pairs[0][1].active.sum())


@given(seed=SEEDS)
@settings(max_examples=30)
def test_reversing_time_changes_no_count_except_onsets(seed):
    pair = several_sources(seed, "direction")
    back = [Tracks.of(p.times, p.xyz[::-1], p.kind, p.active[::-1]) for p in pair]
    forward, backward = all_values([pair]), all_values([back])
    for name in set(forward) - {"track-onsets", "mota-onsets"}:
        assert backward[name] == pytest.approx(forward[name], nan_ok=True)


@given(seed=SEEDS, scale=st.floats(0.1, 10))
@settings(max_examples=30)
def test_scaling_the_room_scales_only_the_error(seed, scale):
    pair = several_sources(seed)
    turn = Rotation.random(random_state=seed).as_matrix()
    moved = [Tracks.of(p.times, scale * p.xyz @ turn, p.kind, p.active) for p in pair]
    expected = all_values([pair])
    expected["localization-error"] *= scale
    assert all_values([moved]) == pytest.approx(expected, nan_ok=True)
