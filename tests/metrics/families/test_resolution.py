"""Sources found within a radius: matched one to one, or counted as the paper words it."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import specs_of
from sslbench.metrics.families import resolution, resolution_literal
from sslbench.registry import load_target
from sslbench.scene import Tracks

NAMES = ("precision", "recall", "f1", "rmse")


def one_to_one(within="1m"):
    return [getattr(resolution, name)(within) for name in NAMES]


def literal(within="1m"):
    return [getattr(resolution_literal, name)(within) for name in NAMES]


def values(metrics, corpus):
    return [metric.value(metric.rows(corpus)) for metric in metrics]


def tracks(xyz, active=None, kind="position"):
    return Tracks.of(np.arange(len(xyz)), xyz, kind, active)


def at(*places):
    """Return one frame of sources or estimates on the x axis."""
    return tracks([[[x, 0.0, 0.0] for x in places]] if places else np.zeros((1, 0, 3)))


def pair(rng, sources, estimates, frames=5, room=3.0):
    truth = tracks(rng.uniform(0, room, (frames, sources, 3)), rng.random((frames, sources)) < 0.8)
    places = rng.uniform(0, room, (frames, estimates, 3))
    return tracks(places, rng.random((frames, estimates)) < 0.8), truth


def distances(prediction, truth):
    """Yield the matrix of distances between active sources and estimates of each frame."""
    for frame in range(len(truth.times)):
        true = truth.xyz[frame][truth.active[frame]]
        estimated = prediction.xyz[frame][prediction.active[frame]]
        yield np.array([[np.linalg.norm(a - b) for b in estimated] for a in true]).reshape(
            len(true), len(estimated)
        )


def found_one_to_one(matrix, radius):
    """Return the distances of the most pairs within a radius, by exhaustive search."""
    sources, estimates = matrix.shape
    best = []
    for chosen in permutations([*range(estimates), *[None] * sources], sources):
        kept = [matrix[s, a] for s, a in enumerate(chosen) if a is not None]
        kept = [d for d in kept if d < radius]
        if (-len(kept), sum(kept)) < (-len(best), sum(best)):
            best = kept
    return best


def found_literal(matrix, radius):
    nearest = [min((d for d in row if d < radius), default=None) for row in matrix]
    return [d for d in nearest if d is not None]


def reference(pairs, radius, found):
    """Return precision, recall, F1 and RMSE by plain loops."""
    hits, estimates, sources = [], 0, 0
    for prediction, truth in pairs:
        for matrix in distances(prediction, truth):
            hits += found(matrix, radius)
            sources, estimates = sources + matrix.shape[0], estimates + matrix.shape[1]
    tp, fp, fn = len(hits), estimates - len(hits), sources - len(hits)
    return [
        100 * tp / (tp + fp) if estimates else np.nan,
        100 * tp / (tp + fn) if sources else np.nan,
        100 * tp / (tp + (fp + fn) / 2) if estimates + sources else np.nan,
        np.sqrt(sum(d * d for d in hits) / tp) if tp else np.nan,
    ]


@pytest.mark.parametrize("seed", range(8))
def test_one_to_one_equals_an_exhaustive_search(seed):
    rng = np.random.default_rng(seed)
    for _ in range(50):
        pairs = [pair(rng, *rng.integers(0, 4, 2)) for _ in range(rng.integers(1, 3))]
        expected = reference(pairs, 1.0, found_one_to_one)
        found = values(one_to_one(), Corpus.of(pairs))
        assert found == pytest.approx(expected, nan_ok=True)


def test_one_to_one_of_four_sources_equals_an_exhaustive_search():
    rng = np.random.default_rng(0)
    for _ in range(20):
        pairs = [pair(rng, 4, 3, frames=2, room=2.0)]
        expected = reference(pairs, 1.0, found_one_to_one)
        assert values(one_to_one(), Corpus.of(pairs)) == pytest.approx(expected, nan_ok=True)


def test_the_literal_count_equals_plain_loops_or_is_an_error():
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        pairs = [pair(rng, *rng.integers(0, 5, 2), room=1.5)]
        negative = any(
            len(found_literal(matrix, 1.0)) > matrix.shape[1] for matrix in distances(*pairs[0])
        )
        refused += negative
        if negative:
            with pytest.raises(FormatError, match="false positives"):
                values(literal(), Corpus.of(pairs))
        else:
            expected = reference(pairs, 1.0, found_literal)
            assert values(literal(), Corpus.of(pairs)) == pytest.approx(expected, nan_ok=True)
    assert 20 < refused < 380


def spread(rng, sources):
    """Return places at least 2 m apart in a room of 6 x 6 m, as in the paper."""
    while True:
        xyz = np.append(rng.uniform(0, 6, (sources, 2)), np.ones((sources, 1)), axis=1)
        apart = np.linalg.norm(xyz[:, None] - xyz[None], axis=-1) + 9 * np.eye(sources)
        if apart.min(initial=9) >= 2:
            return xyz


@given(st.integers(0, 10**6), st.integers(0, 3), st.integers(0, 5))
def test_both_counts_agree_where_sources_are_two_radii_apart(seed, sources, estimates):
    rng = np.random.default_rng(seed)
    truth = tracks(np.array([spread(rng, sources) for _ in range(10)]))
    places = np.append(rng.uniform(0, 6, (10, estimates, 2)), np.ones((10, estimates, 1)), axis=2)
    corpus = Corpus.of([(tracks(places), truth)])
    for within in ("1m", "30cm"):
        found = [metric.rows(corpus) for metric in (*one_to_one(within), *literal(within))]
        for rows in found[1:]:
            np.testing.assert_allclose(rows, found[0], atol=1e-12)
            np.testing.assert_array_equal(rows[:, :3], found[0][:, :3])


def test_one_estimate_near_two_sources_finds_one_of_them():
    corpus = Corpus.of([(at(0.5), at(0.1, 1.0))])
    assert values(one_to_one(), corpus) == pytest.approx([100, 50, 100 * 2 / 3, 0.4])


def test_a_negative_literal_count_is_an_error_with_explanation():
    fine = (at(0.0), at(0.0))
    with pytest.raises(FormatError) as raised:
        literal()[2].rows(Corpus.of([fine, (at(0.5), at(0.1, 1.0))]))
    message = str(raised.value)
    assert "-1 false positives within 1 m" in message
    assert "recording 2 of 2, at 0 s" in message
    assert "sources at least 2 m apart" in message
    assert "resolution-precision" in message


def test_two_estimates_near_one_source_are_one_hit_and_one_false_positive():
    corpus = Corpus.of([(at(0.8, -0.2), at(0.0))])
    expected = pytest.approx([50, 100, 100 * 2 / 3, 0.2])
    assert values(one_to_one(), corpus) == expected
    assert values(literal(), corpus) == expected


def test_finding_more_sources_has_priority_over_smaller_distances():
    corpus = Corpus.of([(at(0.9, -0.8), at(0.0, 1.0))])
    assert values(one_to_one(), corpus) == pytest.approx(
        [100, 100, 100, np.sqrt((0.64 + 0.01) / 2)]
    )


@pytest.mark.parametrize("metrics", [one_to_one, literal])
@pytest.mark.parametrize(("within", "found"), [("1m", 0.0), ("1.0001m", 100.0)])
def test_a_distance_of_exactly_the_radius_is_not_within_it(metrics, within, found):
    corpus = Corpus.of([(at(1.0), at(0.0))])
    assert values(metrics(within), corpus)[:3] == [found] * 3


@pytest.mark.parametrize("metrics", [one_to_one, literal])
@pytest.mark.parametrize(
    ("estimates", "sources", "expected"),
    [
        ([], [], [np.nan] * 4),
        ([1.0], [], [0, np.nan, 0, np.nan]),
        ([], [1.0], [np.nan, 0, 0, np.nan]),
        ([3.0], [1.0], [0, 0, 0, np.nan]),
    ],
    ids=["neither", "no source", "no estimate", "too far"],
)
def test_undefined_values_are_nan_without_warning(metrics, estimates, sources, expected):
    corpus = Corpus.of([(at(*estimates), at(*sources))])
    assert values(metrics(), corpus) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("metrics", [one_to_one, literal])
def test_an_empty_corpus_has_undefined_values(metrics):
    assert np.isnan(values(metrics(), Corpus.of([]))).all()


def test_counts_are_pooled_before_they_are_divided():
    pairs = [(at(0.0), at(0.0)), (at(9.0, 8.0, 7.0), at(0.0))]
    assert values(one_to_one(), Corpus.of(pairs))[:3] == pytest.approx([25, 50, 100 / 3])


def test_a_radius_in_degrees_compares_directions():
    azimuths = np.radians([[10.0], [40.0]])
    vectors = np.stack([np.cos(azimuths), np.sin(azimuths), 0 * azimuths], axis=-1)
    truth = tracks(np.tile([1.0, 0, 0], (2, 1, 1)), kind="direction")
    corpus = Corpus.of([(tracks(vectors, kind="direction"), truth)])
    assert values(one_to_one("20deg"), corpus) == pytest.approx([50, 50, 50, 10])


def test_a_radius_in_metres_does_not_apply_to_directions():
    north = tracks([[[1.0, 0, 0]]], kind="direction")
    with pytest.raises(FormatError, match="a metric of positions was applied to directions"):
        resolution.f1("1m")(north, north)


@pytest.mark.parametrize("metrics", [one_to_one, literal])
def test_a_radius_without_unit_is_an_error(metrics):
    with pytest.raises(ParameterError, match="'1' is not a distance"):
        metrics("1")


@pytest.mark.parametrize("sizes", [(2, 2), (3, 1), (1, 3), (3, 3), (5, 4), (0, 2)])
def test_the_curve_equals_the_metric_at_each_radius(sizes):
    rng = np.random.default_rng(1)
    corpus = Corpus.of([pair(rng, *sizes, frames=40), pair(rng, *sizes, frames=1)])
    exact = corpus.distance[corpus.both_active][:3].tolist()
    radii = [0.1, 0.3, 1.0, *exact, 2.5, 9.0]
    found = resolution.f1_curve(corpus, radii)
    expected = [values([resolution.f1(f"{r:.20f}m")], corpus)[0] for r in radii]
    assert found.tolist() == expected


def test_the_curve_of_an_empty_corpus_is_undefined():
    nothing = Corpus.of([(at(), at())])
    assert np.isnan(resolution.f1_curve(nothing, [0.3, 1])).all()


@given(st.integers(0, 10**6))
def test_the_curve_rises_with_the_radius(seed):
    corpus = Corpus.of([pair(np.random.default_rng(seed), 3, 3)])
    curve = resolution.f1_curve(corpus, np.linspace(0.1, 5, 30))
    assert (np.diff(np.nan_to_num(curve)) >= 0).all()


@given(st.integers(0, 10**6), st.permutations(range(3)), st.permutations(range(3)))
def test_column_order_orientation_and_time_reversal_change_nothing(seed, first, second):
    rng = np.random.default_rng(seed)
    estimate, truth = pair(rng, 3, 3)
    turn = Rotation.random(random_state=seed).as_matrix().T
    moved = [
        tracks(part.xyz[::-1, order] @ turn + 7, part.active[::-1, order])
        for part, order in ((estimate, first), (truth, second))
    ]
    expected = values(one_to_one(), Corpus.of([(estimate, truth)]))
    assert values(one_to_one(), Corpus.of([tuple(moved)])) == pytest.approx(expected, nan_ok=True)


@given(st.integers(0, 10**6), st.sampled_from([0.5, 2.0, 10.0]))
def test_scaling_room_and_radius_scales_only_the_rmse(seed, factor):
    estimate, truth = pair(np.random.default_rng(seed), 3, 3)
    grown = Corpus.of([tuple(tracks(factor * t.xyz, t.active) for t in (estimate, truth))])
    *shares, rmse = values(one_to_one(), Corpus.of([(estimate, truth)]))
    expected = pytest.approx([*shares, factor * rmse], nan_ok=True)
    assert values(one_to_one(f"{factor}m"), grown) == expected


def test_exchanging_estimate_and_truth_exchanges_precision_and_recall():
    estimate, truth = pair(np.random.default_rng(3), 3, 2, frames=30)
    precision, recall, *rest = values(one_to_one(), Corpus.of([(estimate, truth)]))
    assert values(one_to_one(), Corpus.of([(truth, estimate)])) == [recall, precision, *rest]


@pytest.mark.parametrize(
    "spec", [*specs_of(resolution), *specs_of(resolution_literal)], ids=lambda spec: spec.name
)
def test_the_target_of_a_spec_is_its_metric(spec):
    corpus = Corpus.of([(at(0.5), at(0.0)), (at(5.0), at(0.0, 3.0))])
    metric = load_target(spec.target, spec.name)()
    shown = dict(zip(NAMES, [50, 100 / 3, 40, 0.5], strict=True))[spec.name.rpartition("-")[2]]
    assert metric.value(metric.rows(corpus)) == pytest.approx(shown)
    assert spec.higher_is_better == (spec.unit == "%")
