"""The frame table agrees with the metrics, which are computed from it by pandas."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from sslbench.errors import StoreError, UsageError
from sslbench.geometry import unit_vector
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families import detection, position
from sslbench.scene import Tracks
from sslbench.scoring.frame_table import (
    COLUMNS,
    error_curve,
    frame_table,
    worst_frames,
    write_table,
)

NOWHERE = [np.nan] * 3


def random_tracks(rng, frames, width):
    xyz = rng.uniform(0, 1, (frames, width, 3))
    xyz[rng.random((frames, width)) < 0.3] = np.nan
    return Tracks.of(np.arange(frames) / 10, xyz, "position", ids=rng.permutation(50)[:width])


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(3)
    shapes = zip([40, 1, 25, 60], [1, 2, 3, 2], [2, 2, 3, 0], strict=True)
    return {
        f"r{n}": (random_tracks(rng, frames, estimates), random_tracks(rng, frames, sources))
        for n, (frames, sources, estimates) in enumerate(shapes)
    }


@pytest.fixture(scope="module")
def table(pairs):
    return frame_table(pairs)


def one(estimate, truth, gate=math.inf, kind="position", **facts):
    times = np.arange(len(truth))
    pair = (Tracks.of(times, estimate, kind, **facts), Tracks.of(times, truth, kind))
    return frame_table({"only": pair}, gate)


def value(metric, pairs):
    return metric.value(metric.rows(Corpus.of(list(pairs.values()))))


def test_the_mean_error_equals_the_metric(table, pairs):
    assert_allclose(table["error"].mean(), value(position.error_mean(), pairs))


def test_the_coverage_equals_the_metric(table, pairs):
    events = table["event"].value_counts()
    share = 100 * events["hit"] / (events["hit"] + events["miss"])
    assert_allclose(share, value(detection.coverage(), pairs))


def test_the_false_alarms_equal_the_metric(table, pairs):
    frames = sum(len(truth.times) for _, truth in pairs.values())
    assert_allclose(
        (table["event"] == "false-alarm").sum() / frames, value(detection.false_alarms(), pairs)
    )


def test_the_recall_within_a_radius_equals_the_metric(table, pairs):
    sources = table[table["event"] != "false-alarm"]
    share = 100 * (sources["error"] < 0.3).mean()
    assert_allclose(share, value(position.accuracy("30cm"), pairs))
    assert 0 < share < 100


def test_every_source_and_every_estimate_has_one_row(table, pairs):
    for name, (estimate, truth) in pairs.items():
        rows = table[table["recording"] == name]
        assert rows["source"].notna().sum() == truth.active.sum()
        assert rows["estimate"].notna().sum() == estimate.active.sum()
        assert not rows.duplicated(["frame", "source", "estimate"]).any()


def test_ids_identify_the_places_in_the_tracks(table, pairs):
    for row in table.sample(60, random_state=0).itertuples():
        estimate, truth = pairs[row.recording]
        for tracks, identity, place in (
            (truth, row.source, (row.true_x, row.true_y, row.true_z)),
            (estimate, row.estimate, (row.estimate_x, row.estimate_y, row.estimate_z)),
        ):
            if identity is pd.NA:
                assert_allclose(place, np.nan)
            else:
                assert tracks.times[row.frame] == row.time_s
                found = tracks.xyz[row.frame, tracks.ids == identity]
                assert_allclose([place], found)


def test_rows_are_ordered_by_recording_and_frame(table):
    order = list(zip(table["recording"].cat.codes, table["frame"], strict=True))
    assert order == sorted(order)


def test_errors_are_distances_between_the_places(table):
    hits = table[table["event"] == "hit"]
    true = hits[["true_x", "true_y", "true_z"]].to_numpy()
    estimated = hits[["estimate_x", "estimate_y", "estimate_z"]].to_numpy()
    assert_allclose(hits["error"], np.linalg.norm(true - estimated, axis=1))
    assert table.loc[table["event"] != "hit", "error"].isna().all()


def test_errors_of_directions_are_degrees():
    table = one([[unit_vector(0.0)]], [[unit_vector(math.pi / 6)]], kind="direction")
    assert_allclose(table["error"], 30)


def test_a_pair_beyond_the_gate_is_a_miss_and_a_false_alarm():
    table = one([[[2, 0, 0]]], [[[0, 0, 0]]], gate=1.0)
    assert table["event"].tolist() == ["miss", "false-alarm"]
    assert one([[[1, 0, 0]]], [[[0, 0, 0]]], gate=1.0)["event"].tolist() == ["hit"]


def test_a_hit_with_another_estimate_than_the_last_is_a_switch():
    near, far = [0, 0, 0], [9, 9, 9]
    estimates = [[near, NOWHERE], [NOWHERE, NOWHERE], [NOWHERE, near], [far, near], [near, far]]
    hits = one(estimates, [[near]] * 5).query("event == 'hit'")
    assert hits["frame"].tolist() == [0, 2, 3, 4]
    assert hits["switched"].tolist() == [False, True, False, True]


def test_switches_are_not_counted_between_recordings():
    truth = Tracks.of([0], [[[0, 0, 0]]], "position")
    first = Tracks.of([0], [[[0, 0, 0], NOWHERE]], "position")
    second = Tracks.of([0], [[NOWHERE, [0, 0, 0]]], "position")
    table = frame_table({"a": (first, truth), "b": (second, truth)})
    assert table["switched"].tolist() == [False, False]


def test_columns_with_the_same_id_are_one_estimate():
    estimates = [[[0, 0, 0], NOWHERE, NOWHERE], [NOWHERE, [0, 0, 0], NOWHERE]]
    table = one(estimates, [[[0, 0, 0]]] * 2, ids=[9, 9, 4])
    assert table["estimate"].tolist() == [9, 9]
    assert not table["switched"].any()


@pytest.mark.parametrize(
    "pairs",
    [
        {},
        {"none": (Tracks.of([], np.zeros((0, 1, 3)), "position"),) * 2},
        {"inactive": (Tracks.of([0, 1], np.zeros((2, 0, 3)), "position"),) * 2},
        {"inactive": (Tracks.of([0, 1], [[NOWHERE]] * 2, "direction"),) * 2},
    ],
)
def test_without_events_the_table_is_empty(pairs, tmp_path):
    table = frame_table(pairs)
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == len(worst_frames(table)) == len(error_curve(table)[0]) == 0
    write_table(table, tmp_path / "t.csv")
    assert tuple(pd.read_csv(tmp_path / "t.csv").columns) == COLUMNS


def test_the_worst_frames_are_hits_with_the_largest_errors(table):
    worst = worst_frames(table, 5)
    assert_allclose(worst["error"], np.sort(table["error"].dropna())[::-1][:5])
    assert set(worst["event"]) == {"hit"}
    assert len(worst_frames(table, 10**6)) == (table["event"] == "hit").sum()


def test_the_error_curve_ends_at_the_coverage(table, pairs):
    errors, shares = error_curve(table)
    assert (np.diff(errors) >= 0).all()
    assert_allclose(100 * shares[-1], value(detection.coverage(), pairs))
    within = 100 * shares[np.searchsorted(errors, 0.3) - 1]
    assert_allclose(within, value(position.accuracy("30cm"), pairs))


def test_equal_errors_have_equal_shares():
    errors, shares = error_curve(one([[[1, 0, 0]], [[1, 0, 0]]], [[[0, 0, 0]]] * 2))
    assert (errors.tolist(), shares.tolist()) == ([1, 1], [1, 1])


def test_parquet_preserves_the_table(table, tmp_path):
    write_table(table, tmp_path / "t.parquet")
    assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), table)
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def test_csv_preserves_the_table(table, tmp_path):
    write_table(table, tmp_path / "t.csv")
    back = pd.read_csv(
        tmp_path / "t.csv",
        dtype={"recording": table["recording"].dtype, "source": "Int64", "estimate": "Int64"},
    )
    back["event"] = back["event"].astype(table["event"].dtype)
    assert_frame_equal(back, table)


def test_an_unknown_suffix_is_an_error(table, tmp_path):
    with pytest.raises(UsageError, match=r"'\.xlsx'.*\n.*\.parquet or \.csv"):
        write_table(table, tmp_path / "t.xlsx")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_path_that_cannot_be_written_is_reported(table, tmp_path, suffix):
    path = tmp_path / "missing" / f"t.{suffix}"
    with pytest.raises(StoreError, match=f"missing/t.{suffix}"):
        write_table(table, path)


def test_an_existing_folder_is_reported_and_no_partial_file_remains(table, tmp_path):
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(StoreError, match=r"t\.csv"):
        write_table(table, tmp_path / "t.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_a_missing_parquet_package_is_reported(table, tmp_path, monkeypatch):
    def absent(*args, **kwargs):
        raise ImportError("Unable to find a usable engine")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", absent)
    with pytest.raises(UsageError, match=r"sslbench\[parquet\]"):
        write_table(table, tmp_path / "t.parquet")
