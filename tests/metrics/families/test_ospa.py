"""OSPA and GOSPA equal Stone Soup and their definitions, and are metrics of sets."""

from datetime import datetime
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from helpers.metric_cases import reordered
from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.declaration import specs_of
from sslbench.metrics.families import ospa as ospa_family
from sslbench.metrics.families.ospa import (
    CUTOFF_DEGREES,
    CUTOFF_METRES,
    gospa,
    gospa_false,
    gospa_localization,
    gospa_missed,
    ospa,
)
from sslbench.registry import load_target
from sslbench.scene import Tracks

CUTOFF = 1.2
SEEDS = st.integers(0, 10**6)
SIZES = st.integers(0, 5)
PARTS = (gospa_localization, gospa_missed, gospa_false)
FACTORIES = (ospa, gospa, *PARTS)


def random_tracks(rng, frames, most, kind="position"):
    xyz = rng.normal(size=(frames, most, 3))
    if kind == "direction":
        xyz /= np.linalg.norm(xyz, axis=-1, keepdims=True)
    return Tracks.of(np.arange(frames), xyz, kind, rng.random((frames, most)) < 0.7)


def random_scene(seed, sources, estimates, frames=40, kind="position"):
    rng = np.random.default_rng(seed)
    return random_tracks(rng, frames, estimates, kind), random_tracks(rng, frames, sources, kind)


def points(tracks, frame):
    return tracks.xyz[frame, tracks.active[frame]]


def by_frame(metric, estimate, truth):
    return metric.components(estimate, truth)[:, 0]


@pytest.fixture(scope="module")
def stonesoup():
    """Return a function that computes a metric of two sets of points by Stone Soup."""
    from stonesoup.measures import Euclidean
    from stonesoup.metricgenerator.ospametric import GOSPAMetric, OSPAMetric
    from stonesoup.types.state import State

    now = datetime(2020, 1, 1)
    metrics = {"ospa": OSPAMetric, "gospa": GOSPAMetric}

    def compute(name, p, estimates, sources):
        if not len(estimates) + len(sources):
            return (
                0.0
                if name == "ospa"
                else dict.fromkeys(("distance", "localisation", "missed", "false"), 0.0)
            )
        tracks, truths = ([State(x, timestamp=now) for x in xyz] for xyz in (estimates, sources))
        metric = metrics[name](c=CUTOFF, p=p, measure=Euclidean())
        if name == "ospa":
            return metric.compute_OSPA_distance(tracks, truths).value
        return metric.compute_gospa_metric(tracks, truths)[0].value

    return compute


COUNTS = [(1, 1), (2, 2), (2, 3), (3, 3), (4, 5), (5, 4)]


@pytest.mark.parametrize(("sources", "estimates"), COUNTS)
def test_ospa_agrees_with_stone_soup(stonesoup, sources, estimates):
    estimate, truth = random_scene(1, sources, estimates, frames=150)
    theirs = [stonesoup("ospa", 1, points(estimate, t), points(truth, t)) for t in range(150)]
    np.testing.assert_allclose(by_frame(ospa("1.2m"), estimate, truth), theirs, atol=1e-12)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("sources", "estimates"), COUNTS)
def test_gospa_and_its_parts_agree_with_stone_soup(stonesoup, sources, estimates, p):
    estimate, truth = random_scene(2, sources, estimates, frames=150)
    theirs = [stonesoup("gospa", p, points(estimate, t), points(truth, t)) for t in range(150)]
    total = np.array([value["distance"] for value in theirs])
    np.testing.assert_allclose(by_frame(gospa("1.2m", p), estimate, truth), total, atol=1e-12)
    for part, name in zip(PARTS, ("localisation", "missed", "false"), strict=True):
        # The parts of Stone Soup are p-th powers, not shares of the distance.
        powers = by_frame(part("1.2m", p), estimate, truth) * total ** (p - 1)
        np.testing.assert_allclose(powers, [value[name] for value in theirs], atol=1e-12)


def brute_force_ospa(estimates, sources, p):
    few, many = sorted((estimates, sources), key=len)
    if not len(many):
        return 0.0
    cost = np.minimum(np.linalg.norm(few[:, None] - many, axis=-1), CUTOFF) ** p
    rows = np.arange(len(few))
    least = min(cost[rows, list(o)].sum() for o in permutations(range(len(many)), len(few)))
    return ((least + CUTOFF**p * (len(many) - len(few))) / len(many)) ** (1 / p)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("sources", "estimates"), COUNTS)
def test_ospa_equals_an_exhaustive_search_over_permutations(sources, estimates, p):
    estimate, truth = random_scene(3, sources, estimates, frames=100)
    defined = [brute_force_ospa(points(estimate, t), points(truth, t), p) for t in range(100)]
    np.testing.assert_allclose(by_frame(ospa("1.2m", p), estimate, truth), defined, atol=1e-12)


def test_for_p_2_the_assignment_minimizes_squares():
    # 0.949 + 0 is less than 0.5 + 0.5, but 0.949^2 + 0 is more than 0.5^2 + 0.5^2.
    truth = Tracks.of([0], [[[0, 0, 0], [0.5, 0, 0]]], "position")
    estimate = Tracks.of([0], [[[0.5, 0, 0], [0.9, 0.3, 0]]], "position")
    assert ospa("2m", 1)(estimate, truth) == pytest.approx(np.sqrt(0.9) / 2)
    assert ospa("2m", 2)(estimate, truth) == pytest.approx(0.5)


def at(*places):
    return Tracks.of([0.0], np.reshape(np.array(places, dtype=float), (1, -1, 3)), "position")


EMPTY, ORIGIN, NEAR, FAR = at(), [0, 0, 0], [0.5, 0, 0], [0, 3, 0]


@pytest.mark.parametrize(
    ("estimate", "truth", "expected"),
    [
        (EMPTY, EMPTY, [0, 0, 0, 0, 0]),
        (EMPTY, at(ORIGIN), [2, 1, 0, 1, 0]),
        (at(ORIGIN, FAR), EMPTY, [2, 2, 0, 0, 2]),
        (at(ORIGIN), at(ORIGIN), [0, 0, 0, 0, 0]),
        (at(NEAR), at(ORIGIN), [0.5, 0.5, 0.5, 0, 0]),
        (at(NEAR, FAR), at(ORIGIN), [1.25, 1.5, 0.5, 0, 1]),
        (at(NEAR), at(ORIGIN, FAR), [1.25, 1.5, 0.5, 1, 0]),
        (at(FAR), at(ORIGIN), [2, 2, 0, 1, 1]),
        (at([2, 0, 0]), at(ORIGIN), [2, 2, 0, 1, 1]),
    ],
)
def test_a_frame_has_the_value_computed_by_hand(estimate, truth, expected):
    assert [make("2m")(estimate, truth) for make in FACTORIES] == pytest.approx(expected)


def test_for_p_2_a_frame_has_the_value_computed_by_hand():
    estimate, truth = at(NEAR, FAR), at(ORIGIN)
    whole = np.sqrt(0.25 + 2)
    values = [make("2m", 2)(estimate, truth) for make in FACTORIES]
    assert values == pytest.approx([np.sqrt(4.25 / 2), whole, 0.25 / whole, 0, 2 / whole])


def test_frames_without_sources_and_estimates_count_in_the_mean():
    nothing = [[np.nan] * 3]
    truth = Tracks.of([0, 1], [[[0, 0, 0]], nothing], "position")
    estimate = Tracks.of([0, 1], [nothing, nothing], "position")
    assert ospa("2m")(estimate, truth) == 1.0
    assert gospa("2m")(estimate, truth) == 0.5


@pytest.mark.parametrize("make", FACTORIES)
def test_without_frames_the_value_is_undefined(make):
    nothing = Tracks.of([], np.zeros((0, 2, 3)), "position")
    assert np.isnan(make()(nothing, nothing))


@pytest.mark.parametrize("make", FACTORIES)
@pytest.mark.parametrize(("kind", "text"), [("position", "1m"), ("direction", "30deg")])
def test_the_default_cutoff_depends_on_the_kind(make, kind, text):
    estimate, truth = random_scene(4, 2, 2, kind=kind)
    assert make()(estimate, truth) == make(text)(estimate, truth)
    default = {"position": CUTOFF_METRES, "direction": CUTOFF_DEGREES}[kind]
    assert default == float(text.rstrip("mdeg"))


def test_directions_are_compared_by_angle():
    truth = Tracks.of([0], [[[1, 0, 0], [0, 0, 1]]], "direction")
    ten = np.radians(10)
    estimate = Tracks.of([0], [[[np.cos(ten), np.sin(ten), 0]]], "direction")
    assert ospa()(estimate, truth) == pytest.approx(20)
    assert gospa()(estimate, truth) == pytest.approx(25)


def test_the_distance_of_antipodal_directions_is_the_cutoff():
    truth = Tracks.of([0], [[[1, 0, 0]]], "direction")
    opposite = Tracks.of([0], [[[-1, 0, 0]]], "direction")
    assert ospa("180deg")(opposite, truth) == pytest.approx(180)
    assert ospa()(opposite, truth) == 30


@given(SEEDS, SIZES, SIZES, st.integers(1, 2))
def test_parts_add_up_to_gospa(seed, sources, estimates, p):
    scene = random_scene(seed, sources, estimates)
    parts = sum(by_frame(part("1.2m", p), *scene) for part in PARTS)
    np.testing.assert_allclose(parts, by_frame(gospa("1.2m", p), *scene), atol=1e-12)


@given(SEEDS, SIZES, SIZES, st.integers(1, 2))
def test_ospa_is_at_most_the_cutoff(seed, sources, estimates, p):
    values = by_frame(ospa("1.2m", p), *random_scene(seed, sources, estimates))
    assert (values >= 0).all()
    assert (values <= CUTOFF + 1e-12).all()


@given(SEEDS, SIZES, SIZES, st.integers(1, 2))
def test_the_distance_is_symmetric(seed, sources, estimates, p):
    estimate, truth = random_scene(seed, sources, estimates)
    for make in (ospa, gospa):
        forward, backward = make("1.2m", p)(estimate, truth), make("1.2m", p)(truth, estimate)
        assert forward == pytest.approx(backward)
    missed, false = (
        gospa_missed("1.2m", p)(estimate, truth),
        gospa_false("1.2m", p)(truth, estimate),
    )
    assert missed == pytest.approx(false)


@given(SEEDS, SIZES, st.integers(1, 2))
def test_the_distance_is_0_only_for_equal_sets(seed, size, p):
    truth, other = random_scene(seed, size, size)
    for make in (ospa, gospa):
        assert make("1.2m", p)(truth, truth) == 0
        not_empty = truth.active.any(axis=1) | other.active.any(axis=1)
        assert (by_frame(make("1.2m", p), truth, other)[not_empty] > 0).all()


@given(SEEDS, st.tuples(SIZES, SIZES, SIZES), st.integers(1, 2))
def test_the_triangle_inequality_holds(seed, sizes, p):
    rng = np.random.default_rng(seed)
    one, two, three = (random_tracks(rng, 40, size) for size in sizes)
    for make in (ospa, gospa):
        first, second, direct = (
            by_frame(make("1.2m", p), *pair) for pair in ((one, two), (two, three), (one, three))
        )
        assert (direct <= first + second + 1e-12).all()


@pytest.mark.parametrize("make", FACTORIES)
@given(seed=SEEDS, sources=SIZES, estimates=SIZES, p=st.integers(1, 2))
def test_the_order_of_tracks_changes_nothing(make, seed, sources, estimates, p):
    estimate, truth = random_scene(seed, sources, estimates)
    rng = np.random.default_rng(seed)
    shuffled = reordered(estimate, order=rng.permutation(estimates))
    mixed = reordered(truth, order=rng.permutation(sources))
    value = make("1.2m", p)(estimate, truth)
    assert make("1.2m", p)(shuffled, mixed) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("make", FACTORIES)
@pytest.mark.parametrize("kind", ["position", "direction"])
@given(seed=SEEDS, p=st.integers(1, 2))
def test_turning_the_room_changes_nothing(make, kind, seed, p):
    estimate, truth = random_scene(seed, 2, 3, kind=kind)
    turn = Rotation.random(random_state=seed).as_matrix().T
    turned = [reordered(tracks, tracks.xyz @ turn) for tracks in (estimate, truth)]
    assert make(p=p)(*turned) == pytest.approx(make(p=p)(estimate, truth), abs=1e-9)


@pytest.mark.parametrize("make", FACTORIES)
@given(seed=SEEDS, p=st.integers(1, 2))
def test_doubling_the_room_and_the_cutoff_doubles_the_value(make, seed, p):
    estimate, truth = random_scene(seed, 3, 2)
    doubled = [reordered(tracks, tracks.xyz * 2) for tracks in (estimate, truth)]
    assert make("2.4m", p)(*doubled) == pytest.approx(2 * make("1.2m", p)(estimate, truth))


@pytest.mark.parametrize("make", FACTORIES)
@given(seed=SEEDS, p=st.integers(1, 2))
def test_reversing_time_changes_nothing(make, seed, p):
    scene = random_scene(seed, 3, 2)
    reversed_scene = [Tracks.of(t.times, t.xyz[::-1], t.kind, t.active[::-1]) for t in scene]
    assert make(p=p)(*reversed_scene) == pytest.approx(make(p=p)(*scene))


@pytest.mark.parametrize("make", FACTORIES)
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"cutoff": "1"}, "'1' is not a distance"),
        ({"cutoff": "0m"}, "'0m' is not a distance"),
        ({"p": 3}, "p=3 is not allowed"),
        ({"p": 0}, "p=0 is not allowed"),
    ],
)
def test_invalid_parameters_are_errors(make, params, message):
    with pytest.raises(ParameterError, match=message):
        make(**params)


@pytest.mark.parametrize("make", FACTORIES)
def test_a_cutoff_in_metres_does_not_apply_to_directions(make):
    scene = random_scene(0, 1, 1, kind="direction")
    with pytest.raises(FormatError, match="a metric of positions was applied to directions"):
        make("1m")(*scene)


@pytest.mark.parametrize("spec", specs_of(ospa_family), ids=lambda spec: spec.name)
def test_the_target_of_a_spec_is_its_metric(spec):
    metric = load_target(spec.target, spec.name)(**{p.name: p.default for p in spec.parameters})
    assert metric(at(NEAR), at(ORIGIN)) == pytest.approx(
        0 if spec.name in {"gospa-missed", "gospa-false"} else 0.5
    )
