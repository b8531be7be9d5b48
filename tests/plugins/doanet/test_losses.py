"""Losses of DOAnet: against the formulas on fixed examples, and against hard counts."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from sslbench.geometry import unit_vector
from sslbench.scene import Tracks
from sslbench_doanet.association import best_assignment, chord, least_cost
from sslbench_doanet.losses import adpit_loss, masked_mse_loss, mse_loss, pit_loss
from sslbench_doanet.targets import Truth, padded, slots
from sslbench_doanet.tracking_losses import (
    code_accuracy_loss,
    code_distance_loss,
    matches,
    mean_distance,
    soft_counts,
)

NAN = float("nan")


def tracks_of(azimuths):
    """Return tracks from azimuths in degrees, shape (times, tracks), NaN where inactive."""
    azimuths = np.radians(np.array(azimuths, dtype=float))
    xyz = unit_vector(azimuths, np.zeros_like(azimuths))
    return Tracks.of(np.arange(len(azimuths)) * 0.1, xyz, "direction")


def truth_of(azimuths, count=2):
    arrays = slots(tracks_of(azimuths), count)
    return Truth(*(torch.tensor(arrays[name])[None] for name in Truth._fields))


def directions_of(azimuths):
    """Return directions of outputs, shape (1, times, outputs, 3)."""
    return torch.tensor(tracks_of(azimuths).xyz, dtype=torch.float32)[None]


def random_truth(seed, batch=3, times=20, count=2):
    """Return sources that come and go, and directions of as many outputs."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(batch):
        azimuths = rng.uniform(-180, 180, (times, count))
        azimuths[rng.random((times, count)) < 0.4] = NAN
        parts.append(truth_of(azimuths, count))
    truth = Truth(*(torch.cat(each) for each in zip(*parts, strict=True)))
    vectors = torch.tensor(rng.standard_normal((batch, times, count, 3)), dtype=torch.float32)
    return truth, torch.nn.functional.normalize(vectors, dim=-1)


class TestSlots:
    def test_sources_fill_the_first_slots(self):
        truth = truth_of([[0, NAN], [0, 90], [NAN, 90]])
        assert truth.present[0].tolist() == [[True, False], [True, True], [True, False]]
        torch.testing.assert_close(
            truth.directions[0, 2, 0], torch.tensor([0.0, 1.0, 0.0]), atol=1e-6, rtol=0
        )

    def test_a_source_is_found_again_in_another_slot_and_after_a_gap(self):
        previous = truth_of([[0, 90], [NAN, 90], [NAN, NAN], [0, 90]]).previous[0]
        assert previous.tolist() == [[-1, -1], [1, -1], [-1, -1], [0, 2]]

    def test_empty_slots_are_padded(self):
        truth = truth_of([[0, NAN]])
        assert padded(truth, 10.0)[0, 0, 1].tolist() == [10, 10, 10]


class TestAssociation:
    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_the_assignment_is_that_of_scipy(self, count):
        truth, vectors = random_truth(0, count=count)
        costs = chord(vectors, truth.directions)
        found = best_assignment(costs, truth.present).bool()
        least = least_cost(costs, truth.present)
        for index in np.ndindex(*costs.shape[:2]):
            columns = np.flatnonzero(truth.present[index])
            rows, order = linear_sum_assignment(costs[index][:, columns])
            expected = np.zeros((count, count), bool)
            expected[rows, columns[order]] = True
            np.testing.assert_array_equal(found[index], expected)
            total = costs[index].numpy()[expected].sum()
            assert float(least[index]) == pytest.approx(total, abs=1e-5)

    def test_equal_directions_have_a_gradient(self):
        vectors = torch.tensor([[[1.0, 0, 0]]], requires_grad=True)
        chord(vectors, vectors.detach()).sum().backward()
        assert torch.isfinite(vectors.grad).all()


class TestWithoutAssociation:
    def test_mse_learns_a_fixed_direction_where_there_is_no_source(self):
        truth = truth_of([[0, NAN]])
        right = torch.tensor([[[[1.0, 0, 0], [0, 0, 1]]]])
        assert float(mse_loss(right, truth)) == pytest.approx(0)
        other = torch.tensor([[[[1.0, 0, 0], [0, 0, -1]]]])
        assert float(mse_loss(other, truth)) == pytest.approx(4 / 6)

    def test_masked_mse_ignores_empty_slots(self):
        truth = truth_of([[0, NAN]])
        other = torch.tensor([[[[0.0, 1, 0], [0, 0, -1]]]])
        assert float(masked_mse_loss(other, truth)) == pytest.approx(2 / 3)

    def test_pit_does_not_care_about_the_order_of_outputs(self):
        truth = truth_of([[0, 90]])
        directions = directions_of([[80, 5]])
        swapped = directions.flip(2)
        for squared in (False, True):
            value = float(pit_loss(directions, truth, squared=squared))
            assert value == pytest.approx(float(pit_loss(swapped, truth, squared=squared)))
        chords = 2 * np.sin(np.radians([10, 5]) / 2)
        assert float(pit_loss(directions, truth, squared=False)) == pytest.approx(
            chords.mean(), rel=1e-4
        )
        assert float(pit_loss(directions, truth, squared=True)) == pytest.approx(
            (chords**2).mean(), rel=1e-4
        )

    def test_pit_with_chords_equals_an_exact_association(self):
        truth, vectors = random_truth(1)
        distances = chord(vectors, truth.directions)
        exact = mean_distance(distances, best_assignment(distances, truth.present).bool())
        torch.testing.assert_close(pit_loss(vectors, truth, squared=False), exact)


class TestAdpit:
    def test_all_outputs_may_learn_the_only_source(self):
        truth = truth_of([[0, NAN]])
        same = directions_of([[0, 0]])
        assert float(adpit_loss(same, truth)) == pytest.approx(0, abs=1e-6)
        assert float(adpit_loss(directions_of([[0, 180]]), truth)) > 0.5

    def test_without_a_source_vectors_are_to_be_zero(self):
        truth = truth_of([[NAN, NAN]])
        assert float(adpit_loss(torch.zeros(1, 1, 2, 3), truth)) == 0
        assert float(adpit_loss(directions_of([[0, 90]]), truth)) == pytest.approx(1 / 3)

    def test_every_source_needs_an_output(self):
        truth = truth_of([[0, 90]])
        assert float(adpit_loss(directions_of([[90, 0]]), truth)) == pytest.approx(0, abs=1e-6)
        assert float(adpit_loss(directions_of([[0, 0]]), truth)) == pytest.approx(1 / 3, rel=1e-5)

    def test_three_outputs_share_two_sources_as_is_best(self):
        truth = truth_of([[0, 90, NAN]], count=3)
        for order in ([0, 90, 90], [90, 0, 0], [0, 0, 90]):
            assert float(adpit_loss(directions_of([order]), truth)) == pytest.approx(0, abs=1e-6)

    def test_gradients_are_finite(self):
        truth, vectors = random_truth(2)
        vectors.requires_grad_(True)
        adpit_loss(vectors, truth).backward()
        assert torch.isfinite(vectors.grad).all()


class TestSoftCounts:
    @pytest.mark.parametrize("seed", range(5))
    def test_they_approach_the_hard_counts(self, seed):
        truth, vectors = random_truth(seed)
        exact = best_assignment(chord(vectors, truth.directions), truth.present)
        counts = soft_counts(exact.double(), truth, scale=200.0, threshold=0.5)
        false, misses, switches = hard_counts(truth, vectors)
        assert float(counts.false_positives) == pytest.approx(false, abs=1e-6)
        assert float(counts.misses) == pytest.approx(misses, abs=1e-6)
        assert float(counts.switches) == pytest.approx(switches, abs=1e-6)
        assert switches > 0

    def test_an_unmatched_source_is_missed(self):
        truth = truth_of([[0, 90]])
        weak = torch.tensor([[[[1.0, 0], [0, 0.2]]]], dtype=torch.float64)
        counts = soft_counts(weak, truth, scale=500.0, threshold=0.5)
        assert float(counts.misses) == pytest.approx(1, abs=1e-6)
        assert float(counts.false_positives) == pytest.approx(1, abs=1e-6)

    def test_at_scale_ten_a_right_association_counts_a_little(self):
        # Measured on the published code of DeepMOT: 0.0134 for two pairs.
        truth = truth_of([[0, 90]])
        identity = torch.eye(2).reshape(1, 1, 2, 2)
        counts = soft_counts(identity, truth, scale=10.0, threshold=0.5)
        assert float(counts.false_positives) == pytest.approx(0.0134, abs=1e-4)
        assert float(counts.misses) == pytest.approx(0.0134, abs=1e-4)

    def test_a_switch_is_found_after_a_gap_and_not_at_the_start_of_a_window(self):
        truth = truth_of([[0, NAN], [NAN, NAN], [0, NAN]])
        output = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
        output[0, 0, 0, 0] = output[0, 2, 1, 0] = 1
        counts = soft_counts(output, truth, scale=500.0, threshold=0.5)
        assert float(counts.switches) == pytest.approx(1, abs=1e-6)
        # The same two times in two windows are no switch.
        apart = Truth(*(each.transpose(0, 1)[[0, 2]] for each in truth))
        apart = apart._replace(previous=torch.full_like(apart.previous, -1))
        counts = soft_counts(output.transpose(0, 1)[[0, 2]], apart, scale=500.0, threshold=0.5)
        assert float(counts.switches) == pytest.approx(0, abs=1e-6)

    def test_a_source_whose_slot_changes_does_not_switch(self):
        truth = truth_of([[0, 90], [NAN, 90]])
        output = torch.zeros(1, 2, 2, 2, dtype=torch.float64)
        output[0, 0] = torch.eye(2)
        output[0, 1, 1, 0] = 1  # the second output goes on with the second source
        counts = soft_counts(output, truth, scale=500.0, threshold=0.5)
        assert float(counts.switches) == pytest.approx(0, abs=1e-6)

    def test_the_loss_is_errors_per_source(self):
        truth = truth_of([[0, 90]])
        counts = soft_counts(torch.zeros(1, 1, 2, 2), truth, scale=500.0, threshold=0.5)
        assert float(counts.loss(1.0)) == pytest.approx(2.0)


def hard_counts(truth, vectors):
    """Return false positives, misses and switches without a gate, from scipy alone."""
    false = misses = switches = 0
    for window in range(len(vectors)):
        last = {}
        identity = {}
        for time in range(vectors.shape[1]):
            columns = np.flatnonzero(truth.present[window, time])
            costs = chord(vectors[window, time], truth.directions[window, time])[:, columns]
            rows, order = linear_sum_assignment(costs.numpy())
            false += vectors.shape[2] - len(rows)
            misses += len(columns) - len(rows)
            for row, column in zip(rows, columns[order], strict=True):
                place = time * vectors.shape[2] + column
                before = int(truth.previous[window, time, column])
                who = identity.get(before, place)
                identity[place] = who
                switches += last.get(who, row) != row
                last[who] = row
    return false, misses, switches


class TestPublishedCode:
    ASSOCIATIONS = torch.tensor([[[[0.9, 0.0], [0.0, 0.8]], [[0.0, 0.0], [0.7, 0.0]]]])
    DISTANCES = torch.tensor([[[[0.2, 1.0], [1.5, 0.4]], [[1.1, 9.0], [0.3, 9.0]]]])

    def test_the_distance_is_weighted_by_the_number_of_sources(self):
        first = (0.9 * 0.2 + 0.8 * 0.4) * 1.7
        second = 0.7 * 0.3 * 0.7
        expected = 50 * (first + second) / (1.7 + 0.7)
        value = code_distance_loss(self.DISTANCES, self.ASSOCIATIONS)
        assert float(value) == pytest.approx(expected, rel=1e-5)

    def test_the_accuracy_counts_matched_outputs_only(self):
        present = torch.tensor([[[True, True], [True, False]]])
        found = [1.7, 0.7]
        switches = 0.7 * (1 - 0.0)  # (1, 0) of the second time; it was 0 before
        expected = ((2 - 1.7) + (1 - 0.7) + 2.0 * switches) / sum(found)
        value = code_accuracy_loss(self.ASSOCIATIONS, present, 2.0)
        assert float(value) == pytest.approx(expected, rel=1e-5)

    def test_windows_follow_one_another(self):
        present = torch.ones(2, 1, 2, dtype=torch.bool)
        associations = torch.stack([torch.eye(2)[None], torch.eye(2).flip(0)[None]])
        assert float(code_accuracy_loss(associations, present, 1.0)) == pytest.approx(2 / 4)


class TestMatches:
    def test_each_source_has_at_most_one_output(self):
        present = torch.tensor([[[True, True]]])
        found = matches(torch.tensor([[[[0.9, 0.4], [0.8, 0.3]]]]), present, 0.5)
        assert found.tolist() == [[[[True, False], [False, False]]]]

    def test_the_mean_distance_is_that_of_the_hard_association(self):
        truth, vectors = random_truth(3)
        distances = chord(vectors, truth.directions)
        exact = best_assignment(distances, truth.present).bool()
        total = []
        for index in np.ndindex(*distances.shape[:2]):
            costs = distances[index][:, truth.present[index]].numpy()
            total += costs[linear_sum_assignment(costs)].tolist()
        assert float(mean_distance(distances, exact)) == pytest.approx(np.mean(total), rel=1e-5)
