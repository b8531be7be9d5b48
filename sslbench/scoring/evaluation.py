"""The one scoring path: predictions and ground truth become numbers under a protocol.

`sslbench run`, `score`, `leaderboard verify` and `leaderboard rescore` all call `evaluate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sslbench.array_types import Floats
from sslbench.errors import FormatError
from sslbench.metrics.corpus import Pair
from sslbench.registry import Registry
from sslbench.scene import Prediction, Tracks
from sslbench.scoring.ground_truth import GroundTruth, check_predictions
from sslbench.scoring.protocols import ConfiguredMetric, configure_metrics, primary_metric
from sslbench.scoring.scores import Score, Strata, score_run, score_strata
from sslbench.specs import DatasetSpec, ProtocolSpec

__all__ = ["SEED", "Evaluation", "Rules", "evaluate", "microphone_pairs", "rules", "source_pairs"]

SEED = 0
"""Seed of the resampling: one for all, so that methods are compared on the same resamples."""


@dataclass(frozen=True)
class Rules:
    """A protocol with its metrics, ready to use.

    Args:
        protocol: whose rules.
        metrics: those that can compare the kind of the data set.
        primary: label of the metric that ranks.
    """

    protocol: ProtocolSpec
    metrics: Sequence[ConfiguredMetric]
    primary: str


@dataclass(frozen=True)
class Evaluation:
    """The scores of a run.

    Args:
        primary: label of the metric that ranks.
        scores: one per metric.
        by_condition: scores of the primary metric by condition and bin.
    """

    primary: str
    scores: list[Score]
    by_condition: Strata

    @property
    def primary_score(self) -> Score:
        """The score of the metric that ranks."""
        return next(score for score in self.scores if score.name == self.primary)


def rules(registry: Registry, protocol: str, dataset: DatasetSpec) -> Rules:
    """Return the rules of an installed protocol for a data set.

    Raises:
        UsageError: if there is no such protocol, or it cannot compare the kind of the data set.
        BrokenPluginError: if a metric cannot be made.
    """
    spec = registry.find(ProtocolSpec, protocol).spec
    metrics = configure_metrics(registry, protocol, dataset.kind)
    return Rules(spec, metrics, primary_metric(spec, metrics, dataset))


def evaluate(
    applied: Rules, predictions: Mapping[str, Prediction], ground_truth: GroundTruth, where: str
) -> Evaluation:
    """Score predictions under the rules of a protocol.

    Args:
        applied: protocol and metrics.
        predictions: by recording id.
        ground_truth: of the same recordings.
        where: the predictions, for error messages.

    Raises:
        FormatError: if the predictions are not what was requested.
        BrokenPluginError: if a metric breaks its contract.
    """
    check_predictions(predictions, ground_truth, where)
    sources = source_pairs(predictions, ground_truth)
    microphones = microphone_pairs(predictions, ground_truth)
    protocol, ranking = applied.protocol, [m for m in applied.metrics if m.label == applied.primary]
    return Evaluation(
        applied.primary,
        score_run(list(sources.values()), microphones, applied.metrics, protocol, SEED),
        score_strata(sources, ground_truth.conditions, ranking, protocol, SEED),
    )


def source_pairs(
    predictions: Mapping[str, Prediction], ground_truth: GroundTruth
) -> dict[str, Pair]:
    """Return estimated and true sources of each recording, in the order of the data set."""
    return {
        name: (predictions[name].tracks, truth.tracks) for name, truth in ground_truth.truth.items()
    }


def microphone_pairs(
    predictions: Mapping[str, Prediction], ground_truth: GroundTruth
) -> list[Pair]:
    """Return estimated and true microphones of the recordings that have both, as tracks.

    Raises:
        FormatError: if there are not as many estimates as microphones.
    """
    found = []
    for name, truth in ground_truth.truth.items():
        estimated, true = predictions[name].microphones, truth.microphones
        if estimated is None or true is None:
            continue
        if estimated.shape != true.shape:
            raise FormatError(
                f"{len(estimated)} microphones are estimated, there are {len(true)}",
                where=name,
                expected="one estimate per channel, NaN where there is none",
            )
        found.append((_as_tracks(estimated), _as_tracks(true)))
    return found


def _as_tracks(microphones: Floats) -> Tracks:
    return Tracks.of([0.0], microphones[None], "position")
