"""Recordings are split into few bins with fixed edges."""

import numpy as np
import pytest

from sslbench.scoring.strata import EDGES, stratify


def numbered(name, values):
    return {str(index): {name: value} for index, value in enumerate(values)}


def test_a_few_different_numbers_have_one_bin_each():
    assert stratify(numbered("snr_db", [20, 5, 20])) == {"snr_db": {"5": ["1"], "20": ["0", "2"]}}


def test_known_conditions_have_fixed_edges():
    bins = stratify(numbered("t60_s", np.linspace(0.1, 1.0, 10)))["t60_s"]
    assert list(bins) == ["below 0.2", "0.2 to 0.4", "0.4 to 0.8", "from 0.8"]
    assert bins["below 0.2"] == ["0"]


def test_other_numbers_are_split_into_thirds():
    bins = stratify(numbered("volume", range(9)))["volume"]
    assert [len(names) for names in bins.values()] == [3, 3, 3]


def test_texts_and_booleans_have_one_bin_per_value():
    conditions = {"a": {"room": "x", "moving": True}, "b": {"room": "y", "moving": False}}
    found = stratify(conditions)
    assert found["room"] == {"x": ["a"], "y": ["b"]}
    assert found["moving"] == {"false": ["b"], "true": ["a"]}


def test_conditions_with_one_bin_or_too_many_texts_are_left_out():
    assert stratify(numbered("snr_db", [5, 5])) == {}
    assert stratify(numbered("speaker", [f"s{index}" for index in range(13)])) == {}


def test_a_recording_without_the_condition_is_in_no_bin():
    conditions = {"a": {"snr_db": 1}, "b": {"snr_db": 2}, "c": {}, "d": {"snr_db": float("nan")}}
    assert stratify(conditions) == {"snr_db": {"1": ["a"], "2": ["b"]}}


@pytest.mark.parametrize("name", sorted(EDGES))
def test_the_fixed_edges_ascend(name):
    assert (np.diff(EDGES[name]) > 0).all()


def test_azimuths_are_split_into_sides():
    bins = stratify(numbered("azimuth_deg", range(-180, 180, 10)))["azimuth_deg"]
    assert list(bins) == ["below -135", "-135 to -45", "-45 to 45", "45 to 135", "from 135"]
    assert bins["-45 to 45"] == [str(index) for index in range(14, 23)]
