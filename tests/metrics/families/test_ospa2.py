"""OSPA(2) holds against its definition, and is a metric of sets of tracks."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.ospa import ospa
from sslbench.metrics.families.ospa2 import SPECS, ospa_2
from sslbench.registry import load_target
from sslbench.scene import Tracks

CUTOFF = 1.2
NOWHERE = [np.nan] * 3
SEEDS = st.integers(0, 10**6)
SIZES = st.integers(0, 5)
ORDERS = st.integers(1, 2)


def random_tracks(rng, frames, most, kind="position"):
    """Return tracks that wander, each there in some frames or in none."""
    xyz = rng.normal(size=most * 3).reshape(1, most, 3) + rng.normal(size=(frames, most, 3)) / 2
    if kind == "direction":
        xyz /= np.linalg.norm(xyz, axis=-1, keepdims=True)
    active = rng.random((frames, most)) < rng.choice([0.0, 0.3, 0.9], size=most)
    return Tracks.of(np.arange(frames) / 10, xyz, kind, active)


def random_scene(seed, sources, answers, frames=12, kind="position"):
    rng = np.random.default_rng(seed)
    return random_tracks(rng, frames, answers, kind), random_tracks(rng, frames, sources, kind)


def changed(tracks, xyz=None, order=slice(None)):
    places = tracks.xyz if xyz is None else xyz
    return Tracks.of(tracks.times, places[:, order], tracks.kind, tracks.active[:, order])


def cut(tracks, frames):
    return Tracks.of(tracks.times[frames], tracks.xyz[frames], tracks.kind, tracks.active[frames])


def as_paths(tracks):
    """Return each track that is ever there as places by frame."""
    paths = [
        {t: tracks.xyz[t, k] for t in np.flatnonzero(tracks.active[:, k])}
        for k in range(tracks.xyz.shape[1])
    ]
    return [path for path in paths if path]


def apart(one, other):
    either = one.keys() | other.keys()
    steps = [
        min(CUTOFF, np.linalg.norm(one[t] - other[t])) if t in one and t in other else CUTOFF
        for t in either
    ]
    return sum(steps) / len(either)


def brute_force(answer, truth, p):
    few, many = sorted((as_paths(answer), as_paths(truth)), key=len)
    if not many:
        return 0.0
    least = min(
        sum(apart(f, g) ** p for f, g in zip(few, order, strict=True))
        for order in permutations(many, len(few))
    )
    return ((least + CUTOFF**p * (len(many) - len(few))) / len(many)) ** (1 / p)


COUNTS = [(0, 2), (1, 1), (2, 2), (2, 3), (3, 3), (4, 5), (5, 4)]


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("sources", "answers"), COUNTS)
def test_it_is_the_least_over_all_permutations_of_tracks(sources, answers, p):
    for seed in range(75):
        scene = random_scene(seed, sources, answers)
        assert ospa_2("1.2m", p)(*scene) == pytest.approx(brute_force(*scene, p), abs=1e-12)


@pytest.mark.parametrize("p", [1, 2])
def test_windows_are_weighed_by_their_frames(p):
    for seed in range(40):
        answer, truth = random_scene(seed, 3, 2, frames=12)
        parts = [slice(0, 5), slice(5, 10), slice(10, 12)]
        values = [brute_force(cut(answer, part), cut(truth, part), p) for part in parts]
        expected = np.average(values, weights=[5, 5, 2])
        assert ospa_2("1.2m", p, 0.5)(answer, truth) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("window", [0.0, 0.4])
def test_the_rows_of_a_corpus_are_those_of_its_recordings(p, window):
    scenes = [random_scene(seed, 2, 3, frames=5 + seed) for seed in range(20)]
    metric = ospa_2("1.2m", p, window)
    rows = np.concatenate([metric.components(*scene) for scene in scenes])
    np.testing.assert_allclose(metric.rows(Corpus.of(scenes)), rows, atol=1e-12)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize(("sources", "answers"), COUNTS)
def test_windows_of_one_frame_give_ospa(sources, answers, p):
    scene = random_scene(5, sources, answers, frames=60)
    frames = ospa_2("1.2m", p, 0.1).components(*scene)
    np.testing.assert_allclose(frames, ospa("1.2m", p).components(*scene), atol=1e-12)


def test_a_window_begins_where_it_should_whatever_the_rounding():
    times = (7.3 + np.arange(30) / 10).astype(np.float32).astype(float)
    truth = Tracks.of(times, np.zeros((30, 1, 3)), "position")
    answer = Tracks.of(times, np.ones((30, 1, 3)), "position", (np.arange(30) < 10)[:, None])
    rows = ospa_2("1m", window=1.0).components(answer, truth)[:, 0]
    np.testing.assert_allclose(rows, 1.0)
    late = Tracks.of(times, np.zeros((30, 1, 3)), "position", (np.arange(30) >= 10)[:, None])
    assert ospa_2("1m", window=1.0)(late, truth) == pytest.approx(1 / 3)


def still(*tracks):
    """Return tracks along the x-axis, each a list of places with None where it is not."""
    frames = len(tracks[0])
    xyz = [
        [NOWHERE if track[t] is None else [track[t], 0, 0] for track in tracks]
        for t in range(frames)
    ]
    return Tracks.of(np.arange(frames), xyz, "position")


NONE = still([None] * 4)
ONE = still([0.0] * 4)


@pytest.mark.parametrize(
    ("answer", "truth", "expected"),
    [
        (NONE, NONE, 0.0),
        (NONE, ONE, 2.0),
        (ONE, NONE, 2.0),
        (ONE, ONE, 0.0),
        (still([0.5] * 4), ONE, 0.5),
        # Heard for half the time: c for the other half.
        (still([0.0, 0.0, None, None]), ONE, 1.0),
        # Broken in two: one half is the answer, the other is invented.
        (still([0, 0, None, None], [None, None, 0, 0]), ONE, (1.0 + 2.0) / 2),
        # Two tracks that swap sources, 1 m apart, after three of four frames.
        (still([0, 0, 0, 1], [1, 1, 1, 0]), still([0.0] * 4, [1.0] * 4), 0.25),
        # Only frames in which one of the two is there count.
        (still([0.5, None, None, None]), still([0.0, None, None, None]), 0.5),
    ],
)
def test_a_recording_has_the_value_computed_by_hand(answer, truth, expected):
    assert ospa_2("2m")(answer, truth) == pytest.approx(expected)


def test_squares_have_the_value_computed_by_hand():
    broken = still([0, 0, None, None], [None, None, 0, 0])
    assert ospa_2("2m", 2)(broken, ONE) == pytest.approx(np.sqrt((1.0 + 4.0) / 2))


def test_for_squares_the_pairs_are_those_of_least_squares():
    # 0.949 + 0 is less than 0.5 + 0.5, but 0.949^2 + 0 is more than 0.5^2 + 0.5^2.
    truth = Tracks.of([0, 1], [[[0, 0, 0], [0.5, 0, 0]]] * 2, "position")
    answer = Tracks.of([0, 1], [[[0.5, 0, 0], [0.9, 0.3, 0]]] * 2, "position")
    assert ospa_2("2m", 1)(answer, truth) == pytest.approx(np.sqrt(0.9) / 2)
    assert ospa_2("2m", 2)(answer, truth) == pytest.approx(0.5)


def test_a_frame_has_what_it_adds_to_its_recording():
    answer, truth = still([0.5, 0, None, 0]), still([0.0] * 4)
    rows = ospa_2("2m").components(answer, truth)
    assert rows.tolist() == [[0.5, 1.0], [0.0, 1.0], [2.0, 1.0], [0.0, 1.0]]
    # The answer that no track needs is there in the first frame only, and costs half of c.
    spare = still([0.0] * 4, [9, None, None, None])
    assert ospa_2("2m").components(spare, truth)[:, 0].tolist() == [4.0, 0.0, 0.0, 0.0]


def test_one_frame_is_a_recording():
    assert ospa_2("2m", window=3.0)(still([0.5]), still([0.0])) == 0.5


@pytest.mark.parametrize("window", [0.0, 1.0])
def test_without_frames_the_value_is_undefined(window):
    nothing = Tracks.of([], np.zeros((0, 2, 3)), "position")
    assert np.isnan(ospa_2(window=window)(nothing, nothing))


def test_a_window_longer_than_the_recording_is_the_recording():
    scene = random_scene(1, 2, 2)
    assert ospa_2(window=100.0)(*scene) == ospa_2()(*scene)


@pytest.mark.parametrize(("kind", "text"), [("position", "1m"), ("direction", "30deg")])
def test_the_default_cutoff_is_that_of_the_kind(kind, text):
    scene = random_scene(4, 2, 2, kind=kind)
    assert ospa_2()(*scene) == ospa_2(text)(*scene)


@given(SEEDS, SIZES, SIZES, ORDERS)
def test_it_is_at_most_the_cutoff(seed, sources, answers, p):
    assert 0 <= ospa_2("1.2m", p)(*random_scene(seed, sources, answers)) <= CUTOFF + 1e-12


@given(SEEDS, SIZES, SIZES, ORDERS)
def test_answer_and_truth_may_change_places(seed, sources, answers, p):
    answer, truth = random_scene(seed, sources, answers)
    metric = ospa_2("1.2m", p)
    assert metric(answer, truth) == pytest.approx(metric(truth, answer))


@given(SEEDS, st.integers(1, 4), ORDERS)
def test_tracks_are_at_no_distance_from_themselves_alone(seed, size, p):
    answer, truth = random_scene(seed, size, size)
    assert ospa_2(p=p)(truth, truth) == 0
    assert (ospa_2(p=p)(answer, truth) > 0) == bool((answer.active | truth.active).any())


@given(SEEDS, st.tuples(SIZES, SIZES, SIZES), ORDERS)
def test_a_detour_is_never_shorter(seed, sizes, p):
    rng = np.random.default_rng(seed)
    one, two, three = (random_tracks(rng, 12, size) for size in sizes)
    metric = ospa_2("1.2m", p)
    assert metric(one, three) <= metric(one, two) + metric(two, three) + 1e-12


@given(SEEDS, SIZES, SIZES, ORDERS)
def test_the_order_of_tracks_changes_nothing(seed, sources, answers, p):
    answer, truth = random_scene(seed, sources, answers)
    rng = np.random.default_rng(seed)
    shuffled = changed(answer, order=rng.permutation(answers))
    mixed = changed(truth, order=rng.permutation(sources))
    assert ospa_2(p=p)(shuffled, mixed) == pytest.approx(ospa_2(p=p)(answer, truth))


@pytest.mark.parametrize("kind", ["position", "direction"])
@given(seed=SEEDS, p=ORDERS)
def test_turning_the_room_changes_nothing(kind, seed, p):
    scene = random_scene(seed, 2, 3, kind=kind)
    turn = Rotation.random(random_state=seed).as_matrix().T
    turned = [changed(tracks, tracks.xyz @ turn) for tracks in scene]
    assert ospa_2(p=p)(*turned) == pytest.approx(ospa_2(p=p)(*scene), abs=1e-9)


@given(SEEDS, ORDERS)
def test_a_room_of_twice_the_size_has_twice_the_value_at_twice_the_cutoff(seed, p):
    scene = random_scene(seed, 3, 2)
    doubled = [changed(tracks, tracks.xyz * 2) for tracks in scene]
    assert ospa_2("2.4m", p)(*doubled) == pytest.approx(2 * ospa_2("1.2m", p)(*scene))


@pytest.mark.parametrize("window", [0.0, 0.4])
@given(seed=SEEDS, p=ORDERS)
def test_reversed_time_changes_nothing(window, seed, p):
    scene = random_scene(seed, 3, 2, frames=12)
    back = [Tracks.of(t.times, t.xyz[::-1], t.kind, t.active[::-1]) for t in scene]
    assert ospa_2(p=p, window=window)(*back) == pytest.approx(ospa_2(p=p, window=window)(*scene))


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"cutoff": "1"}, "'1' is no distance"),
        ({"p": 3}, "p=3 is not allowed"),
        ({"window": -1.0}, "window=-1.0 is not allowed"),
        ({"window": float("nan")}, "window=nan is not allowed"),
    ],
)
def test_wrong_parameters_are_refused(params, said):
    with pytest.raises(ParameterError, match=said):
        ospa_2(**params)


def test_a_cutoff_in_degrees_refuses_positions():
    with pytest.raises(FormatError, match="a metric of directions was given positions"):
        ospa_2("30deg")(ONE, ONE)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_spec_leads_to_its_metric(spec):
    metric = load_target(spec.target, spec.name)(**{p.name: p.default for p in spec.parameters})
    assert metric(still([0.5] * 4), ONE) == 0.5
