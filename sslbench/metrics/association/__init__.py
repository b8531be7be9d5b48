"""Which estimate belongs to which source. Conventions in the literature differ in this step.

==================  =============================================================================
`framewise`         each frame on its own, with or without a gate (Adavanne 2021, Le Moing 2019)
`continuity`        pairs of the previous frame are kept while within a gate (Bernardin 2008)
`identity`          one estimate per source for the recording (Ristani 2016; Luiten 2021)
`permutation`       the best permutation of the estimates of an utterance (Feng 2025)
`voice_activity`    each frame on its own, by azimuth, with voice-active periods (Evers 2020)
==================  =============================================================================

Each function turns a `Corpus` into `Matches`, or into an object that contains them. Call it as
``corpus.cached(match, gate)``, so that metrics share the result.
"""

from sslbench.metrics.association.framewise import Matches, assign, match
from sslbench.metrics.association.identity import match_aligned, match_identity
from sslbench.metrics.association.permutation import match_permutation

__all__ = ["Matches", "assign", "match", "match_aligned", "match_identity", "match_permutation"]
