"""Which answer belongs to which source: the step in which the conventions of the field differ.

==================  =============================================================================
`framewise`         each frame on its own, with or without a gate (Adavanne 2021, Le Moing 2019)
`continuity`        a pair of the frame before is kept while it is near (Bernardin 2008)
`identity`          one answer a source for the whole recording (Ristani 2016; Luiten 2021)
`permutation`       the best order of the answers of an utterance (Feng 2025)
==================  =============================================================================

Each turns a `Corpus` into `Matches`. Call them by ``corpus.once(match, gate)``, so that metrics
share what they have in common.
"""

from sslbench.metrics.association.framewise import Matches, assign, match
from sslbench.metrics.association.identity import match_aligned, match_identity
from sslbench.metrics.association.permutation import permute

__all__ = ["Matches", "assign", "match", "match_aligned", "match_identity", "permute"]
