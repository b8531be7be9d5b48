"""OSPA(2) equals its definition, and is a metric of sets of tracks."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from helpers.metric_cases import reordered
from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import specs_of
from sslbench.metrics.families import ospa2 as ospa2_family
from sslbench.metrics.families.ospa import ospa
from sslbench.metrics.families.ospa2 import ospa_2
from sslbench.registry import load_target
from sslbench.scene import Tracks

CUTOFF = 1.2
NOWHERE = [np.nan] * 3
SEEDS = st.integers(0, 10**6)
SIZES = st.integers(0, 5)
ORDERS = st.integers(1, 2)


def random_tracks(rng, frames, most, kind="position"):
    """Return random tracks, each active in some frames or in none."""
    xyz = rng.normal(size=most * 3).reshape(1, most, 3) + rng.normal(size=(frames, most, 3)) / 2
    if kind == "direction":
        xyz /= np.linalg.norm(xyz, axis=-1, keepdims=True)
    active = rng.random((frames, most)) < rng.choice([0.0, 0.3, 0.9], size=most)
    return Tracks.of(np.arange(frames) / 10, xyz, kind, active)


def random_scene(seed, sources, estimates, frames=12, kind="position"):
    rng = np.random.default_rng(seed)
    return random_tracks(rng, frames, estimates, kind), random_tracks(rng, frames, sources, kind)


def cut(tracks, frames):
    return Tracks.of(tracks.times[frames], tracks.xyz[frames], tracks.kind, tracks.active[frames])


def as_paths(tracks):
    """Return each track that is ever active as a mapping of frames to places."""
    paths = [
        {t: tracks.xyz[t, k] for t in np.flatnonzero(tracks.active[:, k])}
        for k in range(tracks.xyz.shape[1])
    ]
    return [path for path in paths if path]


def track_distance(one, other):
    either = one.keys() | other.keys()
    steps = [
        min(CUTOFF, np.linalg.norm(one[t] - other[t])) if t in one and t in other else CUTOFF
        for t in either
    ]
    return sum(steps) / len(either)


def brute_force(estimate, truth, p):
    few, many = sorted((as_paths(estimate), as_paths(truth)), key=len)
    if not many:
        return 0.0
    least = min(
        sum(track_distance(f, g) ** p for f, g in zip(few, order, strict=True))
        for order in permutations(many, len(few))
    )
    return ((least + CUTOFF**p * (len(many) - len(few))) / len(many)) ** (1 / p)


COUNTS = [(0, 2), (1, 1), (2, 2), (2, 3), (3, 3), (4, 5), (5, 4)]


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("sources", "estimates"), COUNTS)
def test_it_equals_an_exhaustive_search_over_permutations_of_tracks(sources, estimates, p):
    for seed in range(75):
        scene = random_scene(seed, sources, estimates)
        assert ospa_2("1.2m", p)(*scene) == pytest.approx(brute_force(*scene, p), abs=1e-12)


@pytest.mark.parametrize("p", [1, 2])
def test_windows_are_weighted_by_their_number_of_frames(p):
    for seed in range(40):
        estimate, truth = random_scene(seed, 3, 2, frames=12)
        parts = [slice(0, 5), slice(5, 10), slice(10, 12)]
        values = [brute_force(cut(estimate, part), cut(truth, part), p) for part in parts]
        expected = np.average(values, weights=[5, 5, 2])
        assert ospa_2("1.2m", p, 0.5)(estimate, truth) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("window", [0.0, 0.4])
def test_the_rows_of_a_corpus_are_those_of_its_recordings(p, window):
    scenes = [random_scene(seed, 2, 3, frames=5 + seed) for seed in range(20)]
    metric = ospa_2("1.2m", p, window)
    rows = np.concatenate([metric.components(*scene) for scene in scenes])
    np.testing.assert_allclose(metric.rows(Corpus.of(scenes)), rows, atol=1e-12)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("sources", "estimates"), COUNTS)
def test_windows_of_one_frame_give_ospa(sources, estimates, p):
    scene = random_scene(5, sources, estimates, frames=60)
    frames = ospa_2("1.2m", p, 0.1).components(*scene)
    np.testing.assert_allclose(frames, ospa("1.2m", p).components(*scene), atol=1e-12)


def test_rounded_times_do_not_shift_windows():
    times = (7.3 + np.arange(30) / 10).astype(np.float32).astype(float)
    truth = Tracks.of(times, np.zeros((30, 1, 3)), "position")
    estimate = Tracks.of(times, np.ones((30, 1, 3)), "position", (np.arange(30) < 10)[:, None])
    rows = ospa_2("1m", window=1.0).components(estimate, truth)[:, 0]
    np.testing.assert_allclose(rows, 1.0)
    late = Tracks.of(times, np.zeros((30, 1, 3)), "position", (np.arange(30) >= 10)[:, None])
    assert ospa_2("1m", window=1.0)(late, truth) == pytest.approx(1 / 3)


def still(*tracks):
    """Return tracks on the x-axis, one list of places per track, None where it is inactive."""
    frames = len(tracks[0])
    xyz = [
        [NOWHERE if track[t] is None else [track[t], 0, 0] for track in tracks]
        for t in range(frames)
    ]
    return Tracks.of(np.arange(frames), xyz, "position")


NONE = still([None] * 4)
ONE = still([0.0] * 4)


@pytest.mark.parametrize(
    ("estimate", "truth", "expected"),
    [
        (NONE, NONE, 0.0),
        (NONE, ONE, 2.0),
        (ONE, NONE, 2.0),
        (ONE, ONE, 0.0),
        (still([0.5] * 4), ONE, 0.5),
        # Found for half of the time: c for the rest.
        (still([0.0, 0.0, None, None]), ONE, 1.0),
        # Broken in two: one part is paired with the source, the other is a false track.
        (still([0, 0, None, None], [None, None, 0, 0]), ONE, (1.0 + 2.0) / 2),
        # Two tracks swap sources that are 1 m apart after three of four frames.
        (still([0, 0, 0, 1], [1, 1, 1, 0]), still([0.0] * 4, [1.0] * 4), 0.25),
        # Only frames count in which at least one of the two is active.
        (still([0.5, None, None, None]), still([0.0, None, None, None]), 0.5),
    ],
)
def test_a_recording_has_the_value_computed_by_hand(estimate, truth, expected):
    assert ospa_2("2m")(estimate, truth) == pytest.approx(expected)


def test_for_p_2_a_recording_has_the_value_computed_by_hand():
    broken = still([0, 0, None, None], [None, None, 0, 0])
    assert ospa_2("2m", 2)(broken, ONE) == pytest.approx(np.sqrt((1.0 + 4.0) / 2))


def test_for_p_2_the_assignment_minimizes_squares():
    # 0.949 + 0 is less than 0.5 + 0.5, but 0.949^2 + 0 is more than 0.5^2 + 0.5^2.
    truth = Tracks.of([0, 1], [[[0, 0, 0], [0.5, 0, 0]]] * 2, "position")
    estimate = Tracks.of([0, 1], [[[0.5, 0, 0], [0.9, 0.3, 0]]] * 2, "position")
    assert ospa_2("2m", 1)(estimate, truth) == pytest.approx(np.sqrt(0.9) / 2)
    assert ospa_2("2m", 2)(estimate, truth) == pytest.approx(0.5)


def test_the_row_of_a_frame_is_its_contribution_to_the_recording():
    estimate, truth = still([0.5, 0, None, 0]), still([0.0] * 4)
    rows = ospa_2("2m").components(estimate, truth)
    assert rows.tolist() == [[0.5, 1.0], [0.0, 1.0], [2.0, 1.0], [0.0, 1.0]]
    # The unpaired estimate is active only in the first frame, and costs half of c.
    spare = still([0.0] * 4, [9, None, None, None])
    assert ospa_2("2m").components(spare, truth)[:, 0].tolist() == [4.0, 0.0, 0.0, 0.0]


def test_a_recording_may_have_one_frame():
    assert ospa_2("2m", window=3.0)(still([0.5]), still([0.0])) == 0.5


@pytest.mark.parametrize("window", [0.0, 1.0])
def test_without_frames_the_value_is_undefined(window):
    nothing = Tracks.of([], np.zeros((0, 2, 3)), "position")
    assert np.isnan(ospa_2(window=window)(nothing, nothing))


def test_a_window_longer_than_the_recording_is_the_recording():
    scene = random_scene(1, 2, 2)
    assert ospa_2(window=100.0)(*scene) == ospa_2()(*scene)


@pytest.mark.parametrize(("kind", "text"), [("position", "1m"), ("direction", "30deg")])
def test_the_default_cutoff_depends_on_the_kind(kind, text):
    scene = random_scene(4, 2, 2, kind=kind)
    assert ospa_2()(*scene) == ospa_2(text)(*scene)


@given(SEEDS, SIZES, SIZES, ORDERS)
def test_it_is_at_most_the_cutoff(seed, sources, estimates, p):
    assert 0 <= ospa_2("1.2m", p)(*random_scene(seed, sources, estimates)) <= CUTOFF + 1e-12


@given(SEEDS, SIZES, SIZES, ORDERS)
def test_the_distance_is_symmetric(seed, sources, estimates, p):
    estimate, truth = random_scene(seed, sources, estimates)
    metric = ospa_2("1.2m", p)
    assert metric(estimate, truth) == pytest.approx(metric(truth, estimate))


@given(SEEDS, st.integers(1, 4), ORDERS)
def test_the_distance_is_0_only_for_equal_sets(seed, size, p):
    estimate, truth = random_scene(seed, size, size)
    assert ospa_2(p=p)(truth, truth) == 0
    assert (ospa_2(p=p)(estimate, truth) > 0) == bool((estimate.active | truth.active).any())


@given(SEEDS, st.tuples(SIZES, SIZES, SIZES), ORDERS)
def test_the_triangle_inequality_holds(seed, sizes, p):
    rng = np.random.default_rng(seed)
    one, two, three = (random_tracks(rng, 12, size) for size in sizes)
    metric = ospa_2("1.2m", p)
    assert metric(one, three) <= metric(one, two) + metric(two, three) + 1e-12


@given(SEEDS, SIZES, SIZES, ORDERS)
def test_the_order_of_tracks_changes_nothing(seed, sources, estimates, p):
    estimate, truth = random_scene(seed, sources, estimates)
    rng = np.random.default_rng(seed)
    shuffled = reordered(estimate, order=rng.permutation(estimates))
    mixed = reordered(truth, order=rng.permutation(sources))
    assert ospa_2(p=p)(shuffled, mixed) == pytest.approx(ospa_2(p=p)(estimate, truth))


@pytest.mark.parametrize("kind", ["position", "direction"])
@given(seed=SEEDS, p=ORDERS)
def test_turning_the_room_changes_nothing(kind, seed, p):
    scene = random_scene(seed, 2, 3, kind=kind)
    turn = Rotation.random(random_state=seed).as_matrix().T
    turned = [reordered(tracks, tracks.xyz @ turn) for tracks in scene]
    assert ospa_2(p=p)(*turned) == pytest.approx(ospa_2(p=p)(*scene), abs=1e-9)


@given(SEEDS, ORDERS)
def test_doubling_the_room_and_the_cutoff_doubles_the_value(seed, p):
    scene = random_scene(seed, 3, 2)
    doubled = [reordered(tracks, tracks.xyz * 2) for tracks in scene]
    assert ospa_2("2.4m", p)(*doubled) == pytest.approx(2 * ospa_2("1.2m", p)(*scene))


@pytest.mark.parametrize("window", [0.0, 0.4])
@given(seed=SEEDS, p=ORDERS)
def test_reversing_time_changes_nothing(window, seed, p):
    scene = random_scene(seed, 3, 2, frames=12)
    reversed_scene = [Tracks.of(t.times, t.xyz[::-1], t.kind, t.active[::-1]) for t in scene]
    assert ospa_2(p=p, window=window)(*reversed_scene) == pytest.approx(
        ospa_2(p=p, window=window)(*scene)
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"cutoff": "1"}, "'1' is not a distance"),
        ({"p": 3}, "p=3 is not allowed"),
        ({"window": -1.0}, "window=-1.0 is not allowed"),
        ({"window": float("nan")}, "window=nan is not allowed"),
    ],
)
def test_invalid_parameters_are_errors(params, message):
    with pytest.raises(ParameterError, match=message):
        ospa_2(**params)


def test_a_cutoff_in_degrees_does_not_apply_to_positions():
    with pytest.raises(FormatError, match="a metric of directions was applied to positions"):
        ospa_2("30deg")(ONE, ONE)


@pytest.mark.parametrize("spec", specs_of(ospa2_family), ids=lambda spec: spec.name)
def test_the_target_of_a_spec_is_its_metric(spec):
    metric = load_target(spec.target, spec.name)(**{p.name: p.default for p in spec.parameters})
    assert metric(still([0.5] * 4), ONE) == 0.5
