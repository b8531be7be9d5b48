"""Rendering without reverberation: one delay and one gain a microphone, many clips at once.

What comes out is what ``pyroomacoustics.ShoeBox(max_order=0).simulate`` gives with its high-pass
on impulse responses off, less the delay of its filters: the gain is 1/distance, without 4 pi.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sslbench.geometry import SPEED_OF_SOUND
from sslbench.simulation.filters import LENGTH, delay_filters, mix

__all__ = ["anechoic_rirs", "render_anechoic"]

BATCH = 32
"""Sources a batch; more do not fit into the processor's cache and are slower."""


def render_anechoic(
    signals: NDArray[np.float32],
    sources: ArrayLike,
    microphones: ArrayLike,
    sample_rate: int,
    lead: int = 0,
    speed_of_sound: float = SPEED_OF_SOUND,
) -> NDArray[np.float32]:
    """Render one or several sources a clip in free field.

    Args:
        signals: what each source plays, shape (clips, lead + samples), or (clips, sources,
            lead + samples).
        sources: positions in metres, shape (clips, 3), or (clips, sources, 3); where one is NaN
            there is no source, and what it would play (finite all the same) is not heard.
        microphones: positions in metres, shape (channels, 3), or (clips, channels, 3).
        sample_rate: in Hz.
        lead: samples at the start that are not given out, so that the sound has arrived
            everywhere when the clip begins.
        speed_of_sound: in m/s.

    Returns:
        Shape (clips, channels, samples), all sources together; sample n of each was played at
        n / sample_rate - delay.
    """
    xyz = np.asarray(sources, dtype=float)
    if xyz.ndim == 2:
        xyz, signals = xyz[:, None], signals[:, None]
    mics = np.broadcast_to(
        np.asarray(microphones, dtype=float), (len(xyz), *np.shape(microphones)[-2:])
    )
    samples = signals.shape[2] - lead
    out = np.empty((len(signals), mics.shape[1], samples), dtype=np.float32)
    clips = max(1, BATCH // xyz.shape[1])
    for start in range(0, len(signals), clips):
        part = slice(start, start + clips)
        distance = np.linalg.norm(xyz[part, :, None] - mics[part, None], axis=-1)
        rirs = anechoic_rirs(distance, sample_rate, speed_of_sound)
        out[part] = mix(signals[part], rirs, lead, samples)
    return out


def anechoic_rirs(
    distance: NDArray[np.float64], sample_rate: int, speed_of_sound: float = SPEED_OF_SOUND
) -> NDArray[np.float32]:
    """Return the impulse responses of direct paths.

    Args:
        distance: in metres, shape (...); NaN for a path that is not there.
        sample_rate: in Hz.
        speed_of_sound: in m/s.

    Returns:
        Shape (..., taps), `filters.DELAY` samples late, as pyroomacoustics has them.
    """
    absent = np.isnan(distance)
    delay = np.where(absent, 0.0, distance) * (sample_rate / speed_of_sound)
    whole = np.floor(delay).astype(np.intp)
    falloff = np.where(absent, np.inf, distance)[..., None].astype(np.float32)
    taps = delay_filters(delay - whole) / falloff
    rirs = np.zeros((*distance.shape, int(whole.max(initial=0)) + LENGTH), dtype=np.float32)
    np.put_along_axis(rirs, whole[..., None] + np.arange(LENGTH), taps, axis=-1)
    return rirs
