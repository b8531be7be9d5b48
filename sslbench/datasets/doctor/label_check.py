"""Comparing the delays measured in the audio with those implied by the labels.

All recordings are judged together, with the labels as given and with each common mistake corrected.
Then each recording is compared with the others. The chance level is the share of the measured
delays that the labels of other recordings match.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sslbench.array_types import Floats, Integers
from sslbench.datasets.doctor.check_result import CheckResult
from sslbench.datasets.doctor.delays import (
    Observation,
    closure_share,
    count_matches,
    implied_delays,
    matching_share,
    tolerance,
)
from sslbench.datasets.doctor.label_errors import Hypothesis, all_hypotheses

__all__ = ["check_labels"]

CONSISTENT = 0.5
"""Share of matching delays that is always sufficient; correct labels give 0.8 in rooms with little
reverberation, wrong labels up to 0.4."""

ABOVE_CHANCE = 0.3
"""Share of matching delays above chance that is sufficient, too, for reverberant rooms."""

GAIN = 0.1
"""Minimum improvement of the share of matching delays by correcting a mistake."""

LEFT_OPEN = 0.5
"""Correcting a mistake must leave at most this fraction of the delays that the labels do not match,
or the labels must match at most this fraction of what the correction matches above chance."""

TIE = 0.02
"""Mistakes whose shares differ by less than this match equally well."""

FEW = 4
"""Minimum number of recordings for reporting that one differs from the others."""

SPREADS = 4.0
"""A recording differs if it is this many standard deviations (estimated by the median absolute
deviation) below the median."""

CLEAR = 0.5
"""Minimum share of consistent microphone triples in a recording with a clear direct sound."""

MIN_GROUPS = 5
"""Minimum number of different labels for a permutation test: there are 120 permutations."""

PERMUTATIONS = 999
"""Number of random permutations of the labels."""

SIGNIFICANCE = 0.01
"""Labels are not better than chance if a larger share of the permutations matches as well."""


def check_labels(observations: Mapping[str, Sequence[Observation]]) -> list[CheckResult]:
    """Compare labels with measured delays.

    Args:
        observations: measured delays and labels by the name of the recording.

    Returns:
        Results for recordings that differ from the others, and last the result for all.
    """
    usable = {
        name: [o for o in group if o.measurable.any()] for name, group in observations.items()
    }
    everything = [o for group in usable.values() for o in group]
    if not everything:
        return [
            CheckResult(
                "unchecked",
                "warning",
                "no delays between microphones could be measured, so the labels were not checked",
            )
        ]
    within = tolerance(everything)
    groups = {name: group for name, group in usable.items() if group}
    return [*_odd_recordings(groups, within), _judge(everything, within)]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _labels_share(observations: Sequence[Observation], within: float) -> float:
    return matching_share(observations, [implied_delays(o) for o in observations], within)


def _odd_recordings(
    groups: Mapping[str, Sequence[Observation]], within: float
) -> Iterator[CheckResult]:
    """Report recordings with a clear direct sound whose labels match less than those of others.

    The bound takes the spread over the recordings into account: where it is large, few recordings
    are reported.
    """
    shares = {name: _labels_share(group, within) for name, group in groups.items()}
    values = np.array(list(shares.values()))
    median = float(np.median(values))
    if len(values) < FEW or median < CONSISTENT:
        return
    spread = 1.4826 * float(np.median(np.abs(values - median)))
    bound = min(median / 2, median - SPREADS * spread)
    low = [n for n, s in shares.items() if s < bound and closure_share(groups[n], within) >= CLEAR]
    if low:
        listed = ", ".join(_percent(shares[name]) for name in low[:5])
        yield CheckResult(
            "odd-recording",
            "warning",
            f"in {len(low)} of {len(shares)} recordings, {listed} of the measured delays match the "
            f"labels, but {_percent(median)} in the median recording",
            hint="check the labels, channels and sample rate of these recordings",
        ).at(low)


@dataclass(frozen=True, eq=False)
class _Exchange:
    """How many measured delays match if labels are exchanged between observations.

    Args:
        matches: number of measured delays of all observations of a group that match the labels of
            another group, shape (groups, groups). A group consists of all observations whose
            labels imply the same delays, because exchanging these would change nothing.
        measured: number of measured delays.
    """

    matches: Integers
    measured: int

    @classmethod
    def of(cls, observations: Sequence[Observation], within: float) -> _Exchange:
        groups: dict[bytes, list[Observation]] = {}
        for observation in observations:
            key = np.round(implied_delays(observation) / within).astype(int).tobytes()
            groups.setdefault(key, []).append(observation)
        labels = [group[0].sources for group in groups.values()]
        matches = [
            [sum(_matches_of(o, sources, within) for o in group) for sources in labels]
            for group in groups.values()
        ]
        return cls(np.array(matches), sum(int(o.measurable.sum()) for o in observations))

    @property
    def chance(self) -> float | None:
        """Share of the delays that match labels of other groups; None if there is one group."""
        others = len(self.matches) - 1
        if not others:
            return None
        wrong = int(self.matches.sum() - np.trace(self.matches))
        return wrong / (others * self.measured)

    def p_value(self) -> float | None:
        """Return the share of permutations that match as well as the labels as given.

        Returns:
            The p-value of the labels; None if there are too few groups.
        """
        count = len(self.matches)
        if count < MIN_GROUPS:
            return None
        rng = np.random.default_rng(0)
        rows = np.arange(count)
        orders = [rows, *(rng.permutation(rows) for _ in range(PERMUTATIONS))]
        totals = np.array([self.matches[rows, order].sum() for order in orders])
        return float(np.mean(totals >= totals[0]))


def _matches_of(observation: Observation, sources: Floats, within: float) -> int:
    changed = replace(observation, sources=sources)
    return count_matches(changed, implied_delays(changed), within)


def _judge(observations: Sequence[Observation], within: float) -> CheckResult:
    given = _labels_share(observations, within)
    scored = [
        (matching_share(observations, mistake.implied, within), mistake)
        for mistake in all_hypotheses(observations, within)
    ]
    best = max(score for score, _ in scored)
    exchange = _Exchange.of(observations, within)
    chance = given if exchange.chance is None else exchange.chance
    enough = min(CONSISTENT, chance + ABOVE_CHANCE)
    clearly = 1 - best <= LEFT_OPEN * (1 - given) or given - chance <= LEFT_OPEN * (best - chance)
    if best >= max(enough, given + GAIN) and clearly:
        return _mistaken(given, best, [m for score, m in scored if score >= best - TIE])
    text = _summary(given, exchange.chance, len(observations))
    if given >= enough:
        return CheckResult("consistent", "ok", text)
    return _unexplained(text, exchange.p_value())


def _summary(given: float, chance: float | None, frames: int) -> str:
    level = "unknown, as there is only one label" if chance is None else _percent(chance)
    return (
        f"{_percent(given)} of the measured inter-microphone delays match the labels "
        f"(chance: {level}), measured in {frames} frame{'s' * (frames > 1)}"
    )


def _mistaken(given: float, best: float, equals: Sequence[Hypothesis]) -> CheckResult:
    first, others = equals[0], dict[str, str]()
    for mistake in equals:
        others.setdefault(mistake.code, mistake.message)
    also = "".join(f"; equally likely: {text}" for text in list(others.values())[1:])
    return CheckResult(
        first.code,
        "error",
        f"{first.message} ({_percent(best)} of the measured delays match the corrected labels, "
        f"{_percent(given)} the given labels){also}",
        hint=first.hint,
    )


def _unexplained(text: str, p_value: float | None) -> CheckResult:
    """Distinguish labels that are unrelated to the audio from labels hidden by reverberation."""
    if p_value is None:
        return CheckResult(
            "unexplained",
            "warning",
            f"{text}; correcting a common mistake does not help, and there are too few different "
            "labels to test whether this is more than chance",
            hint="check whether these are the right labels; the recordings may also be too noisy "
            "or reverberant",
        )
    if p_value > SIGNIFICANCE:
        return CheckResult(
            "unexplained",
            "error",
            f"{text}; this is not more than chance (p = {p_value:.2g})",
            hint="check whether these are the right labels; if they are, the recordings contain "
            "hardly any direct sound",
        )
    return CheckResult(
        "unexplained",
        "warning",
        f"{text}; correcting a common mistake does not help, but this is more than chance "
        f"(p = {p_value:.2g})",
        hint="check whether some labels are wrong; noise and reverberation may also hide the "
        "direct sound",
    )
