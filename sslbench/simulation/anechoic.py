"""Free-field rendering: one delay and one gain per microphone, for many clips at once.

The result equals that of ``pyroomacoustics.ShoeBox(max_order=0).simulate`` with the high-pass
filter for impulse responses switched off, minus the delay of its fractional-delay filters. The gain
is 1/distance, without the factor 1 / (4 pi).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sslbench.geometry import SPEED_OF_SOUND
from sslbench.simulation.filters import LENGTH, delay_filters, mix

__all__ = ["anechoic_rirs", "render_anechoic"]

BATCH = 32
"""Sources per batch; larger batches do not fit into the processor cache and are slower."""


def render_anechoic(
    signals: NDArray[np.float32],
    sources: ArrayLike,
    microphones: ArrayLike,
    sample_rate: int,
    lead: int = 0,
    speed_of_sound: float = SPEED_OF_SOUND,
) -> NDArray[np.float32]:
    """Render clips of one or several sources in free field.

    Args:
        signals: source signals, shape (clips, lead + samples) or (clips, sources,
            lead + samples); finite everywhere.
        sources: positions in metres, shape (clips, 3) or (clips, sources, 3); NaN for a source
            that is absent, whose signal is ignored.
        microphones: positions in metres, shape (channels, 3) or (clips, channels, 3).
        sample_rate: in Hz.
        lead: number of signal samples before the clip, so that the sound of each source has
            reached all microphones when the clip begins.
        speed_of_sound: in m/s.

    Returns:
        The sum over all sources, shape (clips, channels, samples). Sample n contains what each
        source emitted at n / sample_rate - delay.
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
        distance: path lengths in metres, shape (...); NaN for an absent path.
        sample_rate: in Hz.
        speed_of_sound: in m/s.

    Returns:
        Shape (..., taps), delayed by `filters.DELAY` samples as in pyroomacoustics.
    """
    absent = np.isnan(distance)
    delay = np.where(absent, 0.0, distance) * (sample_rate / speed_of_sound)
    whole = np.floor(delay).astype(np.intp)
    falloff = np.where(absent, np.inf, distance)[..., None].astype(np.float32)
    taps = delay_filters(delay - whole) / falloff
    rirs = np.zeros((*distance.shape, int(whole.max(initial=0)) + LENGTH), dtype=np.float32)
    np.put_along_axis(rirs, whole[..., None] + np.arange(LENGTH), taps, axis=-1)
    return rirs
