"""OSPA and GOSPA hold against Stone Soup and against their definitions, and are metrics."""

from datetime import datetime
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.families.ospa import (
    DEFAULT_CUTOFFS,
    SPECS,
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


def random_scene(seed, sources, answers, frames=40, kind="position"):
    rng = np.random.default_rng(seed)
    return random_tracks(rng, frames, answers, kind), random_tracks(rng, frames, sources, kind)


def changed(tracks, xyz=None, order=slice(None)):
    places = tracks.xyz if xyz is None else xyz
    return Tracks.of(tracks.times, places[:, order], tracks.kind, tracks.active[:, order])


def points(tracks, frame):
    return tracks.xyz[frame, tracks.active[frame]]


def by_frame(metric, answer, truth):
    return metric.components(answer, truth)[:, 0]


@pytest.fixture(scope="module")
def stonesoup():
    """Return a function that gives what Stone Soup says of two sets of points."""
    from stonesoup.measures import Euclidean
    from stonesoup.metricgenerator.ospametric import GOSPAMetric, OSPAMetric
    from stonesoup.types.state import State

    now = datetime(2020, 1, 1)
    judges = {"ospa": OSPAMetric, "gospa": GOSPAMetric}

    def judge(name, p, answers, sources):
        if not len(answers) + len(sources):
            return (
                0.0
                if name == "ospa"
                else dict.fromkeys(("distance", "localisation", "missed", "false"), 0.0)
            )
        tracks, truths = ([State(x, timestamp=now) for x in xyz] for xyz in (answers, sources))
        metric = judges[name](c=CUTOFF, p=p, measure=Euclidean())
        if name == "ospa":
            return metric.compute_OSPA_distance(tracks, truths).value
        return metric.compute_gospa_metric(tracks, truths)[0].value

    return judge


COUNTS = [(1, 1), (2, 2), (2, 3), (3, 3), (4, 5), (5, 4)]


@pytest.mark.parametrize(("sources", "answers"), COUNTS)
def test_ospa_agrees_with_stone_soup(stonesoup, sources, answers):
    answer, truth = random_scene(1, sources, answers, frames=150)
    theirs = [stonesoup("ospa", 1, points(answer, t), points(truth, t)) for t in range(150)]
    np.testing.assert_allclose(by_frame(ospa("1.2m"), answer, truth), theirs, atol=1e-12)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("sources", "answers"), COUNTS)
def test_gospa_and_its_parts_agree_with_stone_soup(stonesoup, sources, answers, p):
    answer, truth = random_scene(2, sources, answers, frames=150)
    theirs = [stonesoup("gospa", p, points(answer, t), points(truth, t)) for t in range(150)]
    total = np.array([value["distance"] for value in theirs])
    np.testing.assert_allclose(by_frame(gospa("1.2m", p), answer, truth), total, atol=1e-12)
    for part, name in zip(PARTS, ("localisation", "missed", "false"), strict=True):
        # Theirs are p-th powers, ours shares of the distance.
        powers = by_frame(part("1.2m", p), answer, truth) * total ** (p - 1)
        np.testing.assert_allclose(powers, [value[name] for value in theirs], atol=1e-12)


def brute_force_ospa(answers, sources, p):
    few, many = sorted((answers, sources), key=len)
    if not len(many):
        return 0.0
    cost = np.minimum(np.linalg.norm(few[:, None] - many, axis=-1), CUTOFF) ** p
    rows = np.arange(len(few))
    least = min(cost[rows, list(o)].sum() for o in permutations(range(len(many)), len(few)))
    return ((least + CUTOFF**p * (len(many) - len(few))) / len(many)) ** (1 / p)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("sources", "answers"), COUNTS)
def test_ospa_is_the_least_over_all_permutations(sources, answers, p):
    answer, truth = random_scene(3, sources, answers, frames=100)
    defined = [brute_force_ospa(points(answer, t), points(truth, t), p) for t in range(100)]
    np.testing.assert_allclose(by_frame(ospa("1.2m", p), answer, truth), defined, atol=1e-12)


def test_for_squares_the_pairs_are_those_of_least_squares():
    # 0.949 + 0 is less than 0.5 + 0.5, but 0.949^2 + 0 is more than 0.5^2 + 0.5^2.
    truth = Tracks.of([0], [[[0, 0, 0], [0.5, 0, 0]]], "position")
    answer = Tracks.of([0], [[[0.5, 0, 0], [0.9, 0.3, 0]]], "position")
    assert ospa("2m", 1)(answer, truth) == pytest.approx(np.sqrt(0.9) / 2)
    assert ospa("2m", 2)(answer, truth) == pytest.approx(0.5)


def at(*places):
    return Tracks.of([0.0], np.reshape(np.array(places, dtype=float), (1, -1, 3)), "position")


EMPTY, ORIGIN, NEAR, FAR = at(), [0, 0, 0], [0.5, 0, 0], [0, 3, 0]


@pytest.mark.parametrize(
    ("answer", "truth", "expected"),
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
def test_a_frame_has_the_value_computed_by_hand(answer, truth, expected):
    assert [make("2m")(answer, truth) for make in FACTORIES] == pytest.approx(expected)


def test_squares_have_the_values_computed_by_hand():
    answer, truth = at(NEAR, FAR), at(ORIGIN)
    whole = np.sqrt(0.25 + 2)
    values = [make("2m", 2)(answer, truth) for make in FACTORIES]
    assert values == pytest.approx([np.sqrt(4.25 / 2), whole, 0.25 / whole, 0, 2 / whole])


def test_frames_without_anything_count_in_the_mean():
    nothing = [[np.nan] * 3]
    truth = Tracks.of([0, 1], [[[0, 0, 0]], nothing], "position")
    answer = Tracks.of([0, 1], [nothing, nothing], "position")
    assert ospa("2m")(answer, truth) == 1.0
    assert gospa("2m")(answer, truth) == 0.5


@pytest.mark.parametrize("make", FACTORIES)
def test_without_frames_the_value_is_undefined(make):
    nothing = Tracks.of([], np.zeros((0, 2, 3)), "position")
    assert np.isnan(make()(nothing, nothing))


@pytest.mark.parametrize("make", FACTORIES)
@pytest.mark.parametrize(("kind", "text"), [("position", "1m"), ("direction", "30deg")])
def test_the_default_cutoff_is_that_of_the_kind(make, kind, text):
    answer, truth = random_scene(4, 2, 2, kind=kind)
    assert make()(answer, truth) == make(text)(answer, truth)
    assert DEFAULT_CUTOFFS[kind] == float(text.rstrip("mdeg"))


def test_directions_are_compared_by_angle():
    truth = Tracks.of([0], [[[1, 0, 0], [0, 0, 1]]], "direction")
    ten = np.radians(10)
    answer = Tracks.of([0], [[[np.cos(ten), np.sin(ten), 0]]], "direction")
    assert ospa()(answer, truth) == pytest.approx(20)
    assert gospa()(answer, truth) == pytest.approx(25)


def test_opposite_directions_are_as_far_as_the_cutoff():
    truth = Tracks.of([0], [[[1, 0, 0]]], "direction")
    opposite = Tracks.of([0], [[[-1, 0, 0]]], "direction")
    assert ospa("180deg")(opposite, truth) == pytest.approx(180)
    assert ospa()(opposite, truth) == 30


@given(SEEDS, SIZES, SIZES, st.integers(1, 2))
def test_parts_add_up_to_gospa(seed, sources, answers, p):
    scene = random_scene(seed, sources, answers)
    parts = sum(by_frame(part("1.2m", p), *scene) for part in PARTS)
    np.testing.assert_allclose(parts, by_frame(gospa("1.2m", p), *scene), atol=1e-12)


@given(SEEDS, SIZES, SIZES, st.integers(1, 2))
def test_ospa_is_at_most_the_cutoff(seed, sources, answers, p):
    values = by_frame(ospa("1.2m", p), *random_scene(seed, sources, answers))
    assert (values >= 0).all()
    assert (values <= CUTOFF + 1e-12).all()


@given(SEEDS, SIZES, SIZES, st.integers(1, 2))
def test_answer_and_truth_may_change_places(seed, sources, answers, p):
    answer, truth = random_scene(seed, sources, answers)
    for make in (ospa, gospa):
        forth, back = make("1.2m", p)(answer, truth), make("1.2m", p)(truth, answer)
        assert forth == pytest.approx(back)
    missed, false = gospa_missed("1.2m", p)(answer, truth), gospa_false("1.2m", p)(truth, answer)
    assert missed == pytest.approx(false)


@given(SEEDS, SIZES, st.integers(1, 2))
def test_a_set_is_at_no_distance_from_itself_alone(seed, size, p):
    truth, other = random_scene(seed, size, size)
    for make in (ospa, gospa):
        assert make("1.2m", p)(truth, truth) == 0
        there = truth.active.any(axis=1) | other.active.any(axis=1)
        assert (by_frame(make("1.2m", p), truth, other)[there] > 0).all()


@given(SEEDS, st.tuples(SIZES, SIZES, SIZES), st.integers(1, 2))
def test_a_detour_is_never_shorter(seed, sizes, p):
    rng = np.random.default_rng(seed)
    one, two, three = (random_tracks(rng, 40, size) for size in sizes)
    for make in (ospa, gospa):
        first, second, direct = (
            by_frame(make("1.2m", p), *pair) for pair in ((one, two), (two, three), (one, three))
        )
        assert (direct <= first + second + 1e-12).all()


@pytest.mark.parametrize("make", FACTORIES)
@given(seed=SEEDS, sources=SIZES, answers=SIZES, p=st.integers(1, 2))
def test_the_order_of_tracks_changes_nothing(make, seed, sources, answers, p):
    answer, truth = random_scene(seed, sources, answers)
    rng = np.random.default_rng(seed)
    shuffled = changed(answer, order=rng.permutation(answers))
    mixed = changed(truth, order=rng.permutation(sources))
    value = make("1.2m", p)(answer, truth)
    assert make("1.2m", p)(shuffled, mixed) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("make", FACTORIES)
@pytest.mark.parametrize("kind", ["position", "direction"])
@given(seed=SEEDS, p=st.integers(1, 2))
def test_turning_the_room_changes_nothing(make, kind, seed, p):
    answer, truth = random_scene(seed, 2, 3, kind=kind)
    turn = Rotation.random(random_state=seed).as_matrix().T
    turned = [changed(tracks, tracks.xyz @ turn) for tracks in (answer, truth)]
    assert make(p=p)(*turned) == pytest.approx(make(p=p)(answer, truth), abs=1e-9)


@pytest.mark.parametrize("make", FACTORIES)
@given(seed=SEEDS, p=st.integers(1, 2))
def test_a_room_of_twice_the_size_has_twice_the_value_at_twice_the_cutoff(make, seed, p):
    answer, truth = random_scene(seed, 3, 2)
    doubled = [changed(tracks, tracks.xyz * 2) for tracks in (answer, truth)]
    assert make("2.4m", p)(*doubled) == pytest.approx(2 * make("1.2m", p)(answer, truth))


@pytest.mark.parametrize("make", FACTORIES)
@given(seed=SEEDS, p=st.integers(1, 2))
def test_reversed_time_changes_nothing(make, seed, p):
    scene = random_scene(seed, 3, 2)
    back = [Tracks.of(t.times, t.xyz[::-1], t.kind, t.active[::-1]) for t in scene]
    assert make(p=p)(*back) == pytest.approx(make(p=p)(*scene))


@pytest.mark.parametrize("make", FACTORIES)
@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"cutoff": "1"}, "'1' is no distance"),
        ({"cutoff": "0m"}, "'0m' is no distance"),
        ({"p": 3}, "p=3 is not allowed"),
        ({"p": 0}, "p=0 is not allowed"),
    ],
)
def test_wrong_parameters_are_refused(make, params, said):
    with pytest.raises(ParameterError, match=said):
        make(**params)


@pytest.mark.parametrize("make", FACTORIES)
def test_a_cutoff_in_metres_refuses_directions(make):
    scene = random_scene(0, 1, 1, kind="direction")
    with pytest.raises(FormatError, match="a metric of positions was given directions"):
        make("1m")(*scene)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_spec_leads_to_its_metric(spec):
    metric = load_target(spec.target, spec.name)(**{p.name: p.default for p in spec.parameters})
    assert metric(at(NEAR), at(ORIGIN)) == pytest.approx(
        0 if spec.name in {"gospa-missed", "gospa-false"} else 0.5
    )
