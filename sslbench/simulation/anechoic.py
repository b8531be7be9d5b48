"""Rendering without reverberation: one delay and one gain a microphone, many clips at once.

What comes out is what ``pyroomacoustics.ShoeBox(max_order=0).simulate`` gives with its high-pass
on impulse responses off, less the delay of its filters: the gain is 1/distance, without 4 pi.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sslbench.geometry import SPEED_OF_SOUND
from sslbench.simulation.filters import LENGTH, convolve, delay_filters

__all__ = ["anechoic_rirs", "render_anechoic"]

BATCH = 32
"""Clips a batch; more do not fit into the processor's cache and are slower."""


def render_anechoic(
    signals: NDArray[np.float32],
    sources: ArrayLike,
    microphones: ArrayLike,
    sample_rate: int,
    lead: int = 0,
    speed_of_sound: float = SPEED_OF_SOUND,
) -> NDArray[np.float32]:
    """Render one source a clip in free field.

    Args:
        signals: what each source plays, shape (clips, lead + samples).
        sources: positions in metres, shape (clips, 3).
        microphones: positions in metres, shape (channels, 3), or (clips, channels, 3).
        sample_rate: in Hz.
        lead: samples at the start that are not given out, so that the sound has arrived
            everywhere when the clip begins.
        speed_of_sound: in m/s.

    Returns:
        Shape (clips, channels, samples); sample n was played at n / sample_rate - delay.
    """
    xyz = np.asarray(sources, dtype=float)
    mics = np.broadcast_to(
        np.asarray(microphones, dtype=float), (len(xyz), *np.shape(microphones)[-2:])
    )
    samples = signals.shape[1] - lead
    out = np.empty((len(signals), mics.shape[1], samples), dtype=np.float32)
    for start in range(0, len(signals), BATCH):
        part = slice(start, start + BATCH)
        distance = np.linalg.norm(xyz[part, None] - mics[part], axis=-1)
        rirs = anechoic_rirs(distance, sample_rate, speed_of_sound)
        out[part] = convolve(signals[part], rirs, lead, samples)
    return out


def anechoic_rirs(
    distance: NDArray[np.float64], sample_rate: int, speed_of_sound: float = SPEED_OF_SOUND
) -> NDArray[np.float32]:
    """Return the impulse responses of direct paths.

    Args:
        distance: in metres, shape (...).
        sample_rate: in Hz.
        speed_of_sound: in m/s.

    Returns:
        Shape (..., taps), `filters.DELAY` samples late, as pyroomacoustics has them.
    """
    delay = distance * (sample_rate / speed_of_sound)
    whole = np.floor(delay).astype(np.intp)
    taps = delay_filters(delay - whole) / distance[..., None].astype(np.float32)
    rirs = np.zeros((*distance.shape, int(whole.max(initial=0)) + LENGTH), dtype=np.float32)
    np.put_along_axis(rirs, whole[..., None] + np.arange(LENGTH), taps, axis=-1)
    return rirs
