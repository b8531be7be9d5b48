"""Scores of voice-active periods, compared with plain loops over periods."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.spatial.transform import Rotation

from helpers.metric_cases import several_sources
from sslbench.errors import FormatError, ParameterError
from sslbench.geometry import unit_vector
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import specs_of
from sslbench.metrics.families import locata
from sslbench.scene import Tracks

NAMES = [spec.name for spec in specs_of(locata)]
DURING = "false-alarm-rate[periods]"


def make(name, **parameters):
    return getattr(locata, name.replace("-", "_"))(**parameters)


def all_values(pairs, **parameters):
    metrics = {name: make(name, **parameters) for name in NAMES}
    metrics[DURING] = make("false-alarm-rate", during="periods", **parameters)
    corpus = Corpus.of(pairs)
    return {name: metric.value(metric.rows(corpus)) for name, metric in metrics.items()}


def azimuth(xyz):
    return np.degrees(np.arctan2(xyz[..., 1], xyz[..., 0]))


def azimuth_difference(first, second):
    difference = np.abs(azimuth(first)[:, None] - azimuth(second)) % 360
    return np.minimum(difference, 360 - difference)


def angle(first, second):
    return np.degrees(np.arccos(np.clip(first @ second.T, -1, 1)))


def frame_pairs(estimate, truth, frame, measure, gate):
    """Return the estimate of each source, most pairs first, by scipy."""
    sources = np.flatnonzero(truth.active[frame])
    estimates = np.flatnonzero(estimate.active[frame])
    places = truth.xyz[frame, sources], estimate.xyz[frame, estimates]
    cost = measure(*places)
    least = cost + 1e-9 * angle(*places) ** 2
    first, second = linear_sum_assignment(np.where(cost <= gate, least, 1e6))
    return {
        sources[a]: estimates[b] for a, b in zip(first, second, strict=True) if cost[a, b] <= gate
    }


def periods(active):
    """Return the frames of each longest run of activity of one source."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active, [0]])))
    return [range(*edge) for edge in edges.reshape(-1, 2)]


def reference(pairs, measure=azimuth_difference, gate=30):
    """Return every score of recordings with several frames and a constant time step."""
    voiced = detected = 0
    false = {"recording": 0, "periods": 0}
    seconds = {"recording": 0.0, "periods": 0.0, "voiced": 0.0}
    fragments, latencies, errors = 0, [], {"azimuth": [], "elevation": []}
    for estimate, truth in pairs:
        step = truth.times[1] - truth.times[0]
        found = [frame_pairs(estimate, truth, f, measure, gate) for f in range(len(truth.times))]
        for frame, partner in enumerate(found):
            alarms = estimate.active[frame].sum() - len(partner)
            any_source = truth.active[frame].any()
            false["recording"] += alarms
            false["periods"] += alarms * any_source
            seconds["recording"] += step
            seconds["periods"] += step * any_source
        for source in range(truth.xyz.shape[1]):
            for period in periods(truth.active[:, source]):
                hits = [frame for frame in period if source in found[frame]]
                voiced, detected = voiced + len(period), detected + len(hits)
                seconds["voiced"] += step * len(period)
                latencies.append(step * ((hits[0] if hits else period.stop) - period.start))
                for before, now in pairwise(hits):
                    fragments += now > before + 1
                    fragments += found[now][source] != found[before][source]
                if hits:
                    true = truth.xyz[hits, source]
                    estimated = estimate.xyz[hits, [found[frame][source] for frame in hits]]
                    apart = azimuth_difference(true, estimated).diagonal()
                    errors["azimuth"].append(np.mean(apart))
                    rise = np.degrees(np.abs(np.arcsin(true[:, 2]) - np.arcsin(estimated[:, 2])))
                    errors["elevation"].append(np.mean(rise))
    return {
        "detection-probability": 100 * detected / voiced,
        "false-alarm-rate": false["recording"] / seconds["recording"],
        "track-fragmentation-rate": fragments / seconds["voiced"],
        "track-latency": np.mean(latencies),
        "azimuth-error-vap": np.mean(errors["azimuth"]) if errors["azimuth"] else np.nan,
        "elevation-error-vap": np.mean(errors["elevation"]) if errors["azimuth"] else np.nan,
        DURING: false["periods"] / seconds["periods"],
    }


@pytest.mark.parametrize("measure", ["azimuth", "great-circle"])
@pytest.mark.parametrize(("sources", "estimates"), [(1, 1), (1, 3), (2, 2), (3, 2), (4, 5)])
def test_random_corpora_agree_with_loops_over_periods(measure, sources, estimates):
    apart = {"azimuth": azimuth_difference, "great-circle": angle}[measure]
    for seed in range(12):
        pairs = [
            several_sources(3 * seed + n, "direction", 15 + n, sources, estimates) for n in range(3)
        ]
        expected = reference(pairs, apart)
        assert all_values(pairs, measure=measure) == pytest.approx(expected, abs=1e-5, nan_ok=True)


FRONT, LEFT, NONE = [1, 0, 0], [0, 1, 0], [np.nan] * 3


def at(*frames, step=0.5):
    times = step * np.arange(len(frames))
    return Tracks.of(times, np.array(frames, dtype=float), "direction")


def one_source(*estimates):
    """Return estimates by track `a`, `b` or none (`-`) of a source that is always active."""
    tracks = {"a": [FRONT, NONE], "b": [NONE, FRONT], "-": [NONE, NONE]}
    return at(*(tracks[name] for name in estimates)), at(*([FRONT] for _ in estimates))


@pytest.mark.parametrize(
    ("estimates", "fragments"),
    [
        ("aaaa", 0),
        ("a-aa", 1),
        ("aabb", 1),
        ("a--b", 2),
        ("a-a-", 1),
        ("--aa", 0),
        ("aa--", 0),
        ("abab", 3),
        ("----", 0),
    ],
)
def test_gaps_and_swaps_are_fragments_but_late_starts_and_early_ends_are_not(estimates, fragments):
    assert make("track-fragmentation-rate")(*one_source(*estimates)) == fragments / 2


@pytest.mark.parametrize(
    ("estimates", "latency", "detected"),
    [("aaaa", 0, 100), ("-aaa", 0.5, 75), ("---a", 1.5, 25), ("----", 2, 0), ("a---", 0, 25)],
)
def test_the_latency_ends_at_the_first_detection_or_with_the_period(estimates, latency, detected):
    pair = one_source(*estimates)
    assert make("track-latency")(*pair) == latency
    assert make("detection-probability")(*pair) == detected


def test_periods_are_independent():
    # Another track after a pause of the source is not a swap, and the pause is not a gap.
    estimate = at([FRONT, NONE], [NONE, NONE], [NONE, NONE], [NONE, FRONT])
    truth = at([FRONT], [NONE], [FRONT], [FRONT])
    assert make("track-fragmentation-rate")(estimate, truth) == 0
    assert make("track-latency")(estimate, truth) == 0.25


def test_every_period_has_the_same_weight_in_errors():
    def off(degrees):
        return [unit_vector(np.radians(degrees))]

    estimate = at(off(2), off(2), off(2), off(0), off(10))
    truth = at([FRONT], [FRONT], [FRONT], [NONE], [FRONT])
    assert make("azimuth-error-vap")(estimate, truth) == pytest.approx(6)
    assert make("elevation-error-vap")(estimate, truth) == pytest.approx(0, abs=1e-9)


def test_the_gate_applies_to_the_azimuth_unless_measure_is_great_circle():
    above = unit_vector(0.1, np.radians(60))
    estimate, truth = at([above], [above]), at([FRONT], [FRONT])
    assert make("detection-probability")(estimate, truth) == 100
    assert make("detection-probability", measure="great-circle")(estimate, truth) == 0
    assert make("elevation-error-vap")(estimate, truth) == pytest.approx(60)


@pytest.mark.parametrize("order", [1, -1])
def test_tied_azimuth_differences_are_resolved_by_the_great_circle(order):
    # 10 + 10 is 15 + 5, but the elevations determine the matching.
    low, high = 0.0, np.radians(20)
    truth = at([unit_vector(0, low), unit_vector(np.radians(5), high)])
    estimate = at([unit_vector(np.radians(10), low), unit_vector(np.radians(15), high)][::order])
    assert make("elevation-error-vap")(estimate, truth) == pytest.approx(0, abs=1e-9)


def test_azimuth_differences_wrap_around():
    estimate, truth = (at([unit_vector(np.radians(a))]) for a in (179.0, -179.0))
    assert make("azimuth-error-vap")(estimate, truth) == pytest.approx(2)


def test_a_wider_gate_detects_more():
    estimate, truth = at([unit_vector(np.radians(40))]), at([FRONT])
    assert make("detection-probability")(estimate, truth) == 0
    assert make("detection-probability", gate="45deg")(estimate, truth) == 100


def test_an_inactive_source_is_not_matched():
    places = [[FRONT, LEFT]]
    truth = Tracks.of([0], places, "direction", [[True, False]])
    estimate = Tracks.of([0], places, "direction", [[True, False]])
    assert make("detection-probability")(estimate, truth) == 100


def test_false_alarms_count_in_every_frame_also_without_sources():
    # Three alarms in 2 s, two of them in the 1 s of voice activity.
    estimate = at([FRONT, LEFT], [LEFT, NONE], [LEFT, NONE], [NONE, NONE])
    truth = at([FRONT], [FRONT], [NONE], [NONE])
    assert make("false-alarm-rate")(estimate, truth) == 1.5
    assert make("false-alarm-rate", during="periods")(estimate, truth) == 2


def test_rates_and_latencies_ignore_recordings_of_one_frame():
    alone = (at([LEFT]), at([FRONT]))
    found = all_values([alone])
    assert found["detection-probability"] == 0
    for name in ("false-alarm-rate", "track-fragmentation-rate", "track-latency", DURING):
        assert np.isnan(found[name])
        assert (
            all_values([alone, one_source(*"a-b")])[name] == all_values([one_source(*"a-b")])[name]
        )


def test_without_sources_only_the_false_alarm_rate_is_defined():
    found = all_values([(at([FRONT], [FRONT]), at([NONE], [NONE]))])
    assert found.pop("false-alarm-rate") == 2
    assert np.isnan(list(found.values())).all()


def test_without_estimates_nothing_is_detected():
    found = all_values([one_source(*"----")])
    assert np.isnan([found.pop("azimuth-error-vap"), found.pop("elevation-error-vap")]).all()
    assert found.pop("track-latency") == 2
    assert set(found.values()) == {0}


def test_an_empty_corpus_has_undefined_scores():
    empty = Tracks.of(np.zeros(0), np.zeros((0, 1, 3)), "direction")
    assert np.isnan(list(all_values([(empty, empty)]).values())).all()


def test_periods_are_stored_at_their_first_frame():
    estimate, truth = at([FRONT], [FRONT], [FRONT], [FRONT]), at([FRONT], [FRONT], [NONE], [FRONT])
    for name in ("track-latency", "azimuth-error-vap", "elevation-error-vap"):
        assert make(name).components(estimate, truth)[:, 1].tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize("name", NAMES)
def test_an_invalid_gate_or_measure_is_an_error(name):
    with pytest.raises(ParameterError, match="'1m' is not a distance between directions"):
        make(name, gate="1m")
    with pytest.raises(ParameterError, match=r"measure=eye is not allowed\n.*azimuth, great"):
        make(name, measure="eye")


def test_an_unknown_value_of_during_is_an_error():
    with pytest.raises(ParameterError, match="during=night is not allowed"):
        make("false-alarm-rate", during="night")


@pytest.mark.parametrize("name", NAMES)
def test_positions_are_an_error(name):
    with pytest.raises(FormatError, match="a metric of directions was applied to positions"):
        make(name)(*several_sources(0, "position"))


@given(seed=st.integers(0, 10**6), angle=st.floats(-180, 180))
@settings(max_examples=30)
def test_turning_about_the_vertical_changes_nothing(seed, angle):
    pair = several_sources(seed, "direction")
    turn = Rotation.from_euler("z", angle, degrees=True).as_matrix()
    turned = [Tracks.of(p.times, p.xyz @ turn, p.kind, p.active) for p in pair]
    assert all_values([turned]) == pytest.approx(all_values([pair]), nan_ok=True, abs=1e-9)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30)
def test_reversing_time_changes_only_the_latency(seed):
    pair = several_sources(seed, "direction")
    back = [Tracks.of(p.times, p.xyz[::-1], p.kind, p.active[::-1]) for p in pair]
    forward, backward = all_values([pair]), all_values([back])
    for name in set(forward) - {"track-latency"}:
        assert backward[name] == pytest.approx(forward[name], nan_ok=True)
