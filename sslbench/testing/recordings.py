"""Generated recordings on which plugins are checked."""

from __future__ import annotations

import numpy as np

from sslbench.geometry import Box
from sslbench.scene import Kind, MicArray, Recording

__all__ = ["tiny_recording"]


def tiny_recording(kind: Kind, channels: int = 6, frames: int = 3) -> Recording:
    """Return half a second of noise from one source in a room of 4 m x 4 m x 4 m.

    The delays between microphones are whole numbers of samples.

    Args:
        kind: kind of estimate that is requested.
        channels: number of microphones. For positions they are spread over the room, for
            directions they lie within 10 cm.
        frames: number of times at which an estimate is requested.
    """
    rng = np.random.default_rng(0)
    spread = 2.0 if kind == "position" else 0.05
    mics = 2.0 + rng.uniform(-spread, spread, (channels, 3)) * [1, 1, 0.5]
    source = np.array([1.0, 1.5, 1.2])
    delays = np.round(np.linalg.norm(mics - source, axis=1) / 343 * 16000).astype(int)
    signal = rng.standard_normal(8000 + delays.max())
    audio = np.stack([signal[delays.max() - d :][:8000] for d in delays]).astype(np.float32)
    return Recording(
        id="tiny",
        audio=audio,
        sample_rate=16000,
        array=MicArray(mics),
        times=np.linspace(0.1, 0.4, frames),
        kind=kind,
        frame=0.128,
        region=Box((0, 0, 0), (4, 4, 4)) if kind == "position" else None,
    )
