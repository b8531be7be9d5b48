"""The identity switches of CLEAR MOT as a list: when, which source, from and to which estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sslbench.metrics.association.history import last_before
from sslbench.metrics.corpus import Corpus, Pair
from sslbench.metrics.families.clear_mot import Matching
from sslbench.scene import Tracks  # noqa: F401  # the example uses it
from sslbench.scoring.frame_table import identities_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["switch_table"]


def switch_table(pairs: Mapping[str, Pair], gate: str = "", rule: str = "keep") -> pd.DataFrame:
    """Return the switches that the metric `id-switches` counts, by recording and time.

    The columns are `recording`, `time_s`, `source`, the estimate `before` and the one `after` the
    switch, and `last_s`, the time at which the source had the former one for the last time.

    Args:
        pairs: estimate and ground truth by name of the recording.
        gate: largest distance of a pair; by default 20deg for directions, 0.5m for positions.
        rule: `keep` (motmetrics) or `jointly` (TrackEval).

    Raises:
        ParameterError: if the gate is not a distance or the rule is unknown.
        FormatError: if an estimate cannot be compared with its ground truth, or kinds differ.

    >>> truth = Tracks.of([0, 1, 2], [[[0, 0, 0]]] * 3, "position")
    >>> xyz = [[[0, 0, 0], [2, 0, 0]], [[2, 0, 0], [3, 0, 0]], [[2, 0, 0], [0, 0, 0]]]
    >>> switch_table({"walk": (Tracks.of([0, 1, 2], xyz, "position"), truth)}).values.tolist()
    [['walk', 2.0, 0, 0, 1, 0.0]]
    """
    import pandas as pd

    corpus = Corpus.of(list(pairs.values()))
    found = Matching.parse(gate, rule)(corpus)
    partner = found.matches.partner
    frame, source = np.nonzero(found.switched)
    last = last_before(corpus, found.matches.matched)[frame, source]
    recording = corpus.recording[frame]
    estimates = [estimate for estimate, _ in pairs.values()]
    return pd.DataFrame(
        {
            "recording": np.array(list(pairs), dtype=object)[recording],
            "time_s": corpus.truth.times[frame],
            "source": identities_of([truth for _, truth in pairs.values()], recording, source),
            "before": identities_of(estimates, recording, partner[last, source]),
            "after": identities_of(estimates, recording, partner[frame, source]),
            "last_s": corpus.truth.times[last],
        }
    )
