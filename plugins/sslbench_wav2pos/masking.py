"""What the network is shown in training: masks and noise (Berg et al. 2024, section III)."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["draw_masks", "kept_counts", "noisy"]

ENOUGH = 5
"""Microphones with both audio and coordinates: fewer do not determine a position uniquely."""

NOISE_DB = (0.0, 30.0)
"""Range of the signal-to-noise ratio of the audio tokens in training.

The paper adds Gaussian noise and reconstructs audio without it. The level is not published; this
is the range of the reference code. It does not change the cached delays.
"""


def kept_counts(microphones: int) -> list[tuple[int, int]]:
    """Return how much audio and how many coordinates may be kept.

    Of 11 microphones the paper keeps 8 to 11 of each, at least 5 microphones in both sets, and
    never hides both of one microphone. For other numbers the share of 8 / 11 holds, rounded; five
    microphones or fewer are all kept.

    Args:
        microphones: how many there are.

    Returns:
        All pairs (audio, coordinates) that fulfil these conditions.

    >>> kept_counts(6)
    [(5, 6), (6, 5), (6, 6)]
    """
    fewest = round(8 / 11 * microphones)
    # Where nothing is hidden twice, audio + coordinates - microphones are in both sets.
    both = microphones + min(ENOUGH, microphones)
    counts = range(fewest, microphones + 1)
    return [(audio, known) for audio in counts for known in counts if audio + known >= both]


def draw_masks(batch: int, microphones: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw which audio and which coordinates are kept, for each example anew.

    Args:
        batch: number of examples.
        microphones: of each.
        rng: random generator on the CPU.

    Returns:
        Kept audio and kept coordinates, booleans of shape (batch, microphones).
    """
    counts = torch.tensor(kept_counts(microphones))
    audio, known = counts[torch.randint(len(counts), (batch,), generator=rng)].T
    # A microphone early in the order loses its audio, a late one its coordinates, none both.
    order = torch.rand(batch, microphones, generator=rng).argsort(dim=1).argsort(dim=1)
    return order >= microphones - audio[:, None], order < known[:, None]


def noisy(audio: Tensor, rng: torch.Generator, snr_db: tuple[float, float] = NOISE_DB) -> Tensor:
    """Return normalized audio, shape (batch, rows, samples), with Gaussian noise.

    Args:
        audio: of unit deviation.
        rng: on the CPU; noise is drawn on the device of the audio.
        snr_db: range of the signal-to-noise ratio, drawn for each row.
    """
    seed = int(torch.randint(2**62, (), generator=rng))
    own = torch.Generator(audio.device).manual_seed(seed)
    low, high = snr_db
    ratio = torch.rand(*audio.shape[:2], 1, generator=own, device=audio.device)
    level = 10 ** (-(low + (high - low) * ratio) / 20)
    noise = torch.randn(audio.shape, generator=own, device=audio.device)
    return audio + level * noise
