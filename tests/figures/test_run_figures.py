"""Figures of runs look as they did when somebody looked at them, and show the right numbers.

The images in `expected` were looked at. A figure may differ from its image by a root mean square of
12 of 255 levels: fonts and line widths change between versions of matplotlib. To renew the images,
delete them, run the tests twice, and look at them.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.records import record_data
from sslbench.cell import Cell, Choice
from sslbench.errors import UsageError
from sslbench.figures.run_figures import FIGURES, FigureOptions, draw
from sslbench.figures.style import save
from sslbench.geometry import unit_vector
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.resolution import f1
from sslbench.results.record import MetricEntry, RunRecord
from sslbench.running.scoring import OpenRun
from sslbench.scene import MicArray, Prediction, Tracks
from sslbench.scoring.ground_truth import GroundTruth

EXPECTED = Path(__file__).parent / "expected"
TOLERANCE = 12

CORNERS = np.array([[x, y, 1.5] for x in (0.1, 5.9) for y in (0.1, 4.9)])
TIMES = np.arange(60) / 10


def walk(kind):
    """Return two sources, the second of which pauses."""
    angle = np.linspace(0, 3, len(TIMES))
    if kind == "direction":
        xyz = np.stack([unit_vector(angle + turn, 0.3 * np.sin(angle)) for turn in (0, 2.5)], 1)
    else:
        circle = np.stack([3 + 2 * np.cos(angle), 2.5 + 1.5 * np.sin(angle), 1 + 0 * angle], -1)
        xyz = np.stack([circle, circle * [1, 0.5, 1]], 1)
    xyz[20:30, 1] = np.nan
    return Tracks.of(TIMES, xyz, kind)


def entry(value, name="position-error-capped"):
    return MetricEntry(
        name=name,
        version=1,
        value=value,
        unit="m",
        ci95=(0.8 * value, 1.3 * value),
        n=60,
        n_eff=40.0,
        higher_is_better=False,
    )


def make_run(name, spread, kind="position", microphones=None):
    rng = np.random.default_rng(1)
    truth = walk(kind)
    xyz = truth.xyz + spread * rng.standard_t(2, size=truth.xyz.shape)
    if kind == "direction":
        xyz /= np.linalg.norm(xyz, axis=-1, keepdims=True)
    estimated = None if microphones is None else microphones + 0.2
    prediction = Prediction(Tracks.of(TIMES, xyz, kind), estimated)
    data = record_data(name)
    curve = [{"epoch": float(n), "loss": 3 / n, "validation": 1 / n + spread} for n in range(1, 9)]
    data["method"] |= {"curve": curve}
    data["dataset"] |= {"kind": kind, "primary_metric": "position-error-capped"}
    record = RunRecord.model_validate(data)
    bins = {"0 to 10": [entry(spread)], "10 to 20": [entry(spread / 2)], "from 20": [entry(0.03)]}
    record = record.model_copy(
        update={"metrics": [entry(spread)], "by_condition": {"snr_db": bins}}
    )
    known = GroundTruth({"walk": Prediction(truth, microphones)}, {}, {}, {}, "")
    cell = Cell(Choice(name), Choice("square"), "test", "smoke")
    return OpenRun(record, cell, {"walk": prediction}, known, Path("predictions.npz"))


def runs(kind="position", microphones=None):
    return [
        make_run("near", 0.05, kind, microphones),
        make_run("far[angle=10]", 0.3, kind, microphones),
    ]


def array_of(name):
    assert name == "walk"
    return MicArray(CORNERS)


CASES = {
    "learning-curves": (runs(), FigureOptions()),
    "error-distribution": (runs(), FigureOptions()),
    "resolution": (runs(), FigureOptions()),
    "conditions": (runs(), FigureOptions(condition="snr_db")),
    "trajectory": (runs("direction"), FigureOptions()),
    "room": (runs("position", CORNERS[:1]), FigureOptions(median=5, array=array_of)),
}


def test_every_figure_is_tested():
    assert set(CASES) == set(FIGURES)


@pytest.mark.parametrize("name", CASES)
def test_a_figure_looks_as_expected(name, tmp_path):
    compare = pytest.importorskip("matplotlib.testing.compare")
    drawn, expected = tmp_path / f"{name}.png", EXPECTED / f"{name}.png"
    save(draw(name, *CASES[name]), drawn)
    if not expected.exists():
        expected.write_bytes(drawn.read_bytes())
        pytest.fail(f"{expected} was written: look at it")
    assert compare.compare_images(str(expected), str(drawn), tol=TOLERANCE) is None


@pytest.mark.parametrize("name", CASES)
def test_the_same_figure_gives_the_same_svg(name, tmp_path):
    paths = [tmp_path / "first.svg", tmp_path / "second.svg"]
    for path in paths:
        save(draw(name, *CASES[name]), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].read_text().startswith("<?xml")


def lines(figure, axes=0):
    return {line.get_label(): line for line in figure.axes[axes].lines}


def test_the_error_distribution_ends_with_the_coverage_and_misses_exceed_every_error():
    (run,) = runs()[:1]
    tracks = run.predictions["walk"].tracks
    half = np.where(np.arange(len(TIMES))[:, None, None] < 30, tracks.xyz, np.nan)
    run = replace(run, predictions={"walk": Prediction(Tracks.of(TIMES, half, "position"))})
    _, shares = lines(draw("error-distribution", [run], FigureOptions()))["near"].get_data()
    sources = 2 * len(TIMES) - 10
    assert shares[-1] == pytest.approx(100 * 50 / sources)


def test_the_resolution_curve_has_the_values_of_the_metric():
    run = runs()[1]
    radii, scores = lines(draw("resolution", [run], FigureOptions()))["far[angle=10]"].get_data()
    metric = f1("0.5m")
    corpus = Corpus.of(list(run.pairs.values()))
    at = int(np.abs(radii - 0.5).argmin())
    assert scores[at] == pytest.approx(metric.value(metric.rows(corpus)), abs=1e-9)


def test_the_axis_of_an_error_begins_at_zero():
    axes = draw("conditions", *CASES["conditions"]).axes[0]
    assert axes.get_ylim()[0] == 0


def test_the_ground_truth_of_an_angle_is_not_joined_where_it_wraps():
    figure = draw("trajectory", runs("direction"), FigureOptions())
    azimuth = lines(figure)["ground truth"].get_ydata()
    assert np.nanmax(np.abs(np.diff(azimuth))) < 180


def test_each_source_has_a_line_of_its_own_in_the_room():
    axes = draw("room", *CASES["room"]).axes[0]
    truth = [line for line in axes.lines if line.get_color() == "black"]
    assert [len(line.get_xdata()) for line in truth] == [len(TIMES)] * 2


def test_a_moving_median_removes_outliers():
    plain, smooth = (
        lines(draw("room", runs()[1:], FigureOptions(median=frames)))["far[angle=10]"].get_data()
        for frames in (1, 9)
    )
    assert np.nanmax(np.abs(np.diff(smooth[0]))) < 0.5 * np.nanmax(np.abs(np.diff(plain[0])))


@pytest.mark.parametrize(
    ("name", "options", "kind", "message"),
    [
        ("conditions", FigureOptions(condition="t60"), "position", "not split by 't60'"),
        ("conditions", FigureOptions(), "position", "--by with one of snr_db"),
        ("trajectory", FigureOptions(recording="run"), "position", "no recording 'run' in common"),
        ("room", FigureOptions(), "direction", "draw `trajectory` instead"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(name, options, kind, message):
    with pytest.raises(UsageError, match=message):
        draw(name, runs(kind), options)


def test_runs_of_positions_and_directions_are_not_mixed():
    with pytest.raises(UsageError, match="some runs are of positions"):
        draw("error-distribution", [*runs(), *runs("direction")], FigureOptions())


def test_learning_curves_need_a_method_that_learns():
    run = runs()[0]
    method = run.record.method.model_copy(update={"curve": []})
    run = replace(run, record=run.record.model_copy(update={"method": method}))
    with pytest.raises(UsageError, match="none of these runs has a learning curve"):
        draw("learning-curves", [run], FigureOptions())


def test_a_file_that_matplotlib_cannot_write_is_an_error(tmp_path):
    with pytest.raises(UsageError, match=r"\.png, \.svg or \.pdf"):
        save(draw("resolution", runs(), FigureOptions()), tmp_path / "figure.txt")
