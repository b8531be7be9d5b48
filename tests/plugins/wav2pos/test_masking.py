"""What the network is shown in training."""

import pytest
import torch

from sslbench_wav2pos.masking import draw_masks, kept_counts, noisy


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("microphones", [4, 5, 6, 7, 11, 16, 22])
def test_no_microphone_loses_both_and_five_or_all_keep_both(microphones):
    audio, known = draw_masks(500, microphones, rng())
    assert (audio | known).all()
    assert int((audio & known).sum(dim=1).min()) >= min(5, microphones)


def test_of_eleven_microphones_eight_to_eleven_are_kept_as_in_the_paper():
    for kept in draw_masks(2000, 11, rng()):
        assert kept.sum(dim=1).unique().tolist() == [8, 9, 10, 11]


def test_other_numbers_of_microphones_keep_the_same_share():
    assert min(audio for audio, _ in kept_counts(22)) == 16
    assert kept_counts(4) == [(4, 4)]


def test_every_microphone_is_masked_equally_often():
    for kept in draw_masks(4000, 11, rng()):
        assert kept.float().mean(dim=0) == pytest.approx(
            [float(kept.float().mean())] * 11, abs=0.03
        )


def test_masks_and_noise_follow_from_the_generator():
    for draw in (lambda g: draw_masks(9, 11, g)[0], lambda g: noisy(torch.ones(2, 3, 50), g)):
        assert torch.equal(draw(rng(1)), draw(rng(1)))
        assert not torch.equal(draw(rng(1)), draw(rng(2)))


def test_noise_has_the_level_that_is_asked_for():
    added = noisy(torch.zeros(1, 4, 20000), rng(), (20.0, 20.0))
    assert added[0].std(dim=-1) == pytest.approx([0.1] * 4, rel=0.03)
