"""The list of switches is what the metric counts, with times and identities."""

import numpy as np
import pytest

from helpers.identity_scenes import scenes
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.clear_mot import id_switches
from sslbench.scene import Tracks
from sslbench.scoring.identity_switches import switch_table


@pytest.mark.parametrize("rule", ["keep", "jointly"])
@pytest.mark.parametrize(("kind", "gate"), [("position", "0.5m"), ("direction", "20deg")])
def test_there_are_as_many_rows_as_the_metric_counts(kind, gate, rule):
    pairs = {str(number): pair for number, pair in enumerate(scenes(kind, count=100, many=10))}
    metric = id_switches(gate, rule)
    expected = metric.value(metric.rows(Corpus.of(list(pairs.values()))))
    assert expected > 20
    assert len(switch_table(pairs, gate, rule)) == expected


def test_a_row_has_the_time_and_both_estimates_by_their_identity():
    place, other = [0.0, 0, 0], [5.0, 0, 0]
    truth = Tracks.of([0.0, 0.1, 0.2, 0.3], [[place]] * 4, "position", ids=[7])
    nothing = [np.nan] * 3
    xyz = [[place, other], [nothing, other], [other, place], [other, place]]
    estimate = Tracks.of(truth.times, xyz, "position", ids=[3, 8])
    (row,) = switch_table({"walk": (estimate, truth)}).to_dict("records")
    assert row == {
        "recording": "walk",
        "time_s": 0.2,
        "source": 7,
        "before": 3,
        "after": 8,
        "last_s": 0.0,
    }


def test_without_switches_there_are_no_rows():
    truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    assert switch_table({"walk": (truth, truth)}).empty
