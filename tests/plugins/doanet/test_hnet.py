"""Hnet: the matrices it learns from, its size, and the associations it finds."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.toy_learner import context
from sslbench.contracts import DatasetRequest
from sslbench.datasets.windows import NoScenes
from sslbench.errors import CellError, FormatError
from sslbench_doanet import hnet as hnet_module
from sslbench_doanet.distance_matrices import RESOLUTIONS, generate
from sslbench_doanet.hnet import Hnet, HnetNetwork, f1_score


@pytest.fixture(scope="module")
def matrices():
    return generate(np.random.default_rng(0), 2, share=0.01)


@pytest.fixture(scope="module")
def briefly_trained(tmp_path_factory):
    """Return a network after one epoch over a tenth of the matrices."""
    folder = tmp_path_factory.mktemp("hnet")
    nothing = NoScenes(DatasetRequest("train", "smoke", {}, None, folder))
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(hnet_module.EPOCHS, "smoke", 1)
        patched.setattr(hnet_module, "VALIDATED", 0.005)
        part = Hnet(n_max=2)
        part.fit(nothing, nothing, replace(context(folder / "work"), scale="smoke"))
    return part


class TestMatrices:
    def test_there_are_as_many_as_published(self):
        assert len(generate(np.random.default_rng(0), 2)) == 405_000

    def test_as_many_have_one_association_as_none_or_two(self, matrices):
        counts = np.bincount(matrices.associations.sum(axis=(1, 2)).astype(int))
        np.testing.assert_allclose(counts / len(matrices), 1 / 3, atol=0.01)
        assert set(matrices.resolutions) == set(RESOLUTIONS)

    @pytest.mark.parametrize("n_max", [2, 3])
    def test_associations_have_the_least_sum(self, n_max):
        found = generate(np.random.default_rng(1), n_max, share=0.001)
        full = found.associations.sum(axis=(1, 2)) == n_max
        orders = list(permutations(range(n_max)))
        for distances, wanted in zip(found.distances[full], found.associations[full], strict=True):
            sums = [distances[range(n_max), order].sum() for order in orders]
            assert (distances * wanted).sum() == pytest.approx(min(sums), rel=1e-5)

    def test_distances_of_pairs_are_those_of_directions(self, matrices):
        paired = matrices.distances[matrices.associations > 0]
        assert paired.min() >= 0
        assert paired.max() <= 2

    def test_what_is_missing_is_far_away(self, matrices):
        none = matrices.associations.sum(axis=(1, 2)) == 0
        far = matrices.distances[none]
        # Two missing points may be at the same place, which is no association.
        assert np.all((far > 2) | (far == 0) | (far < 1e-5))

    def test_rows_and_columns_are_shuffled(self, matrices):
        one = matrices.associations.sum(axis=(1, 2)) == 1
        places = matrices.associations[one].mean(axis=0)
        assert places[0, 1] > 0.05
        assert places[1, 0] > 0.05

    def test_equal_seeds_give_equal_matrices(self, matrices):
        again = generate(np.random.default_rng(0), 2, share=0.01)
        np.testing.assert_array_equal(matrices.distances, again.distances)


class TestNetwork:
    def test_it_has_the_published_number_of_parameters(self):
        assert sum(each.numel() for each in HnetNetwork(2).parameters()) == 100_098

    def test_rows_and_columns_have_the_logit_of_their_best_pair(self):
        torch.manual_seed(0)
        found = HnetNetwork(3)(torch.rand(4, 3, 3))
        torch.testing.assert_close(found.rows, found.pairs.max(dim=2).values)
        torch.testing.assert_close(found.columns, found.pairs.max(dim=1).values)

    def test_larger_distances_mean_the_same(self):
        torch.manual_seed(0)
        network = HnetNetwork(2)
        near, far = torch.tensor([[[0.1, 5.0], [9.0, 6.0]]]), torch.tensor([[[0.1, 300.0]] * 2])
        far[0, 1, 0] = 20
        torch.testing.assert_close(network(near).pairs, network(far).pairs)


class TestPart:
    def test_it_learns_associations(self, briefly_trained):
        report = briefly_trained.report
        assert 0.6 < report["f1"] <= 1  # finding all pairs of all matrices would have 0.5
        assert {f"f1_{resolution}deg" for resolution in RESOLUTIONS} < set(report)

    def test_associations_can_be_differentiated(self, briefly_trained):
        briefly_trained.freeze(torch.device("cpu"))
        distances = torch.tensor([[[0.1, 1.0], [1.1, 0.3]]], requires_grad=True)
        briefly_trained.associations(distances).sum().backward()
        assert distances.grad.abs().sum() > 0
        assert not any(each.requires_grad for each in briefly_trained.network.parameters())

    def test_it_is_the_same_after_saving_and_loading(self, briefly_trained, tmp_path):
        briefly_trained.save(tmp_path)
        again = Hnet(n_max=2)
        again.load(tmp_path)
        distances = torch.rand(5, 7, 2, 2)
        torch.testing.assert_close(
            again.associations(distances), briefly_trained.associations(distances)
        )

    def test_a_network_for_another_number_is_refused(self, briefly_trained, tmp_path):
        briefly_trained.save(tmp_path)
        with pytest.raises(FormatError, match="n_max"):
            Hnet(n_max=3).load(tmp_path)

    def test_matrices_of_another_size_are_refused(self, briefly_trained):
        with pytest.raises(FormatError, match="2 rows and columns"):
            briefly_trained.associations(torch.rand(1, 3, 3))

    def test_it_is_no_use_before_training(self):
        with pytest.raises(CellError, match="before it was trained"):
            Hnet().associations(torch.rand(1, 2, 2))


def test_f1_counts_pairs():
    found = np.array([True, True, False, False])
    wanted = np.array([True, False, True, False])
    assert f1_score(found, wanted) == pytest.approx(0.5)
    assert f1_score(np.zeros(3, bool), np.zeros(3, bool)) == 0


@pytest.fixture(scope="module")
def shipped():
    part = Hnet(n_max=2)
    part.load(Path(hnet_module.__file__).parent / "weights" / "hnet" / "checkpoint")
    return part


class TestShippedWeights:
    def test_the_f_score_is_above_99_percent_at_every_resolution(self, shipped):
        fresh = generate(np.random.default_rng(77), 2, 0.2)
        with torch.no_grad():
            found = shipped.associations(torch.from_numpy(fresh.distances)).numpy() > 0.5
        for resolution in RESOLUTIONS:
            rows = fresh.resolutions == resolution
            assert f1_score(found[rows], fresh.associations[rows] > 0) > 0.99, resolution

    def test_its_report_has_the_f_score_of_every_resolution(self, shipped):
        assert {f"f1_{each}deg" for each in RESOLUTIONS} < set(shipped.report)
