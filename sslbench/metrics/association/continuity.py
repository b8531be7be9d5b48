"""Match estimates to sources such that pairs of the previous frame are kept.

An estimate that follows one source should not be assigned to another source that comes near for a
moment. Two rules are in use, and they give different numbers:

===========  ======================================================================================
`keep`       a source keeps its last estimate, however long ago, while the two are within the gate
             (earlier columns first). The rest: most pairs, then the least summed distance.
             Bernardin and Stiefelhagen 2008, section 2.1.3, as implemented in motmetrics
`jointly`    as many pairs of the previous frame as possible are kept. The rest: the largest summed
             similarity, which is 1 - d / (2 gate). As in CLEAR of TrackEval. The previous frame is
             the last one with both sources and estimates
===========  ======================================================================================

Pairs of the previous frame never compete, so `jointly` too keeps all that are within the gate. The
rules differ in what they remember and in how they match the rest. With 3 sources, the summed
similarity may prefer 2 near pairs to 3 far ones.

Up to 3 sources and estimates, a frame is a step of a finite automaton whose state is the last
estimate of each source. The transitions from every state are computed for many frames at once, so
that Python only has to look up one number after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from sslbench.array_types import Booleans, Floats, Integers
from sslbench.errors import ParameterError
from sslbench.metrics.association.framewise import ENUMERATED, Matches
from sslbench.metrics.association.history import identity_switches, last_before
from sslbench.metrics.corpus import Corpus
from sslbench.parameters import Parameter
from sslbench.scene import Tracks  # noqa: F401  # the example uses it

__all__ = ["RULE", "ContinuityMatches", "match_continuous"]


RULE = Parameter(
    "rule",
    "keep",
    "how pairs are kept: as in motmetrics (keep) or TrackEval (jointly)",
    choices=("keep", "jointly"),
)

CHUNK = 1 << 14
"""Frames whose transitions are computed at a time, which takes a few megabytes."""


@dataclass(frozen=True, eq=False)
class ContinuityMatches:
    """The pairs of a corpus under a rule of continuity, and where continuity breaks.

    Args:
        matches: the pairs.
        switched: whether a source has another estimate than when it was last matched in this
            recording, however long ago, shape (frames, sources).
        resumed: whether a source is matched again after it was not, same shape. Under `keep` it
            must have been active in between, as in motmetrics; under `jointly` any frame with
            sources and estimates in between counts, as in TrackEval.
    """

    matches: Matches
    switched: Booleans
    resumed: Booleans


def match_continuous(corpus: Corpus, gate: float, rule: str = "keep") -> ContinuityMatches:
    """Match estimates and sources such that pairs of the previous frame are kept.

    Args:
        corpus: estimates and ground truth.
        gate: metres or degrees; sources and estimates farther apart are not matched.
        rule: `keep` or `jointly`, as described in this module.

    Raises:
        ParameterError: if the rule is unknown, or `jointly` is used without a finite gate.

    >>> truth = Tracks.of([0, 1], [[[0, 0, 0]]] * 2, "position")
    >>> xyz = [[[0.1, 0, 0], [0.3, 0, 0]], [[0.3, 0, 0], [0.1, 0, 0]]]
    >>> corpus = Corpus.of([(Tracks.of([0, 1], xyz, "position"), truth)])
    >>> match_continuous(corpus, 0.5).matches.partner.T
    array([[0, 0]])
    >>> match_continuous(corpus, 0.2).switched.T
    array([[False,  True]])
    """
    RULE.check(rule)
    if rule == "jointly" and not np.isfinite(gate):
        raise ParameterError(f"rule={rule} needs a gate", expected="a finite distance")
    near = corpus.both_active & (corpus.distance <= gate)
    # Frames in which nothing is near do not change the memory of `keep`, but clear `jointly`'s.
    comparable = _any(corpus.active_sources) & _any(corpus.active_estimates)
    frames = np.flatnonzero(_any(near) if rule == "keep" else comparable)
    problem = _Problem(corpus, near, _pair_bonus(corpus, near, gate, rule), frames, rule)
    partner = np.full(corpus.active_sources.shape, -1)
    if len(frames):
        few = max(near.shape[1:]) <= ENUMERATED
        partner[frames] = _by_automaton(problem) if few else _one_by_one(problem)
    interruptible = corpus.active_sources if rule == "keep" else comparable[:, None]
    return _with_breaks(Matches(corpus, partner), interruptible)


def _with_breaks(matches: Matches, interruptible: Booleans) -> ContinuityMatches:
    corpus = matches.corpus
    last = last_before(corpus, matches.matched)
    again = matches.matched & (last >= 0)
    return ContinuityMatches(
        matches,
        switched=identity_switches(matches),
        resumed=again & (last_before(corpus, interruptible) > last),
    )


def _any(flags: Booleans) -> Booleans:
    """Return whether any flag of each frame is set, (frames, ...) to (frames,)."""
    # Along long rows, which is many times faster than along short ones.
    rows = np.ascontiguousarray(flags.reshape(len(flags), prod(flags.shape[1:])).T)
    return np.asarray(rows.any(axis=0))


def _pair_bonus(corpus: Corpus, near: Booleans, gate: float, rule: str) -> float:
    """Return by how much a pair lowers the cost, whatever its distance."""
    if rule == "jointly":
        return 2 * gate
    most: int = max(near.shape[1:])
    farthest = float(np.where(near, corpus.distance, 0.0).max(initial=0.0))
    return 1 + most * farthest


@dataclass(frozen=True, eq=False)
class _Problem:
    """An assignment problem with memory.

    Args:
        corpus: estimates and ground truth.
        near: whether source and estimate may be a pair, shape (frames, sources, estimates).
        bonus: the cost of a pair is its distance minus this; the least summed cost is best.
        frames: indices of the frames that are matched, shape (matched,).
        rule: `keep` or `jointly`.
    """

    corpus: Corpus
    near: Booleans
    bonus: float
    frames: Integers
    rule: str

    @cached_property
    def first(self) -> Booleans:
        """Whether a matched frame is the first of its recording, shape (matched,)."""
        return np.diff(self.corpus.recording[self.frames], prepend=-1) > 0

    def cost(self, frames: Integers) -> Floats:
        """Return the cost of pairs, infinite if not allowed, (frames, sources, estimates)."""
        cost = self.corpus.distance[frames] - self.bonus
        return np.where(self.near[frames], cost, np.inf)


@dataclass(frozen=True)
class _Automaton:
    """All matchings of a few sources and estimates, and the transitions between states.

    A matching is one way to pair them; matching 0 has no pair. A state is the last estimate of each
    source; in state 0 no source has one. A pattern has one bit for each pair, set if it is near.
    """

    sources: int
    estimates: int
    rule: str

    @cached_property
    def lasts(self) -> Integers:
        """Last estimate of each source by state, -1 for none, shape (states, sources)."""
        return np.array(list(product(range(-1, self.estimates), repeat=self.sources)))

    @cached_property
    def matchings(self) -> Integers:
        """Estimate of each source, -1 for none, shape (matchings, sources)."""
        used = [[k for k in row if k >= 0] for row in self.lasts.tolist()]
        return self.lasts[[len(set(row)) == len(row) for row in used]]

    def state(self, lasts: Integers) -> Integers:
        """Return the index of the state with these last estimates, (..., sources) to (...)."""
        return (lasts + 1) @ (self.estimates + 1) ** np.arange(self.sources)[::-1]

    @cached_property
    def parents(self) -> list[tuple[int, int, int]]:
        """Each matching but the first, as an earlier matching and a pair.

        The pair is a source and its estimate: (matching, source, estimate).
        """
        found = []
        rows = self.matchings.tolist()
        for row in rows[1:]:
            source = max(index for index, estimate in enumerate(row) if estimate >= 0)
            found.append((rows.index([*row[:source], *[-1] * (len(row) - source)]), source))
        return [(*one, row[one[1]]) for one, row in zip(found, rows[1:], strict=True)]

    @cached_property
    def completions(self) -> list[Integers]:
        """For each matching, those that contain all its pairs, ascending."""
        same = self.matchings[:, None] == self.matchings
        contains = (same | (self.matchings[:, None] < 0)).all(axis=-1)
        return [np.flatnonzero(row) for row in contains]

    def patterns(self, near: Booleans) -> Integers:
        """Return the pattern of each frame, (frames, sources, estimates) to (frames,)."""
        return near.reshape(len(near), -1) @ (1 << np.arange(self.sources * self.estimates))

    @cached_property
    def kept(self) -> Integers:
        """The matching that a state keeps under a pattern, shape (states, patterns)."""
        bits = np.arange(1 << self.sources * self.estimates)
        kept = np.full((len(self.lasts), len(bits), self.sources), -1)
        for source in range(self.sources):
            last = self.lasts[:, source, None]
            near = bits >> (source * self.estimates + np.maximum(last, 0)) & 1 > 0
            taken = (kept[..., :source] == last[..., None]).any(axis=-1)
            kept[..., source] = np.where((last >= 0) & near & ~taken, last, -1)
        index = np.zeros(len(self.lasts), dtype=np.int64)
        index[self.state(self.matchings)] = np.arange(len(self.matchings))
        return index[self.state(kept)]

    @cached_property
    def after(self) -> Integers:
        """The state after a state and a matching, shape (states, matchings)."""
        new = np.broadcast_to(self.matchings, (len(self.lasts), *self.matchings.shape))
        if self.rule == "keep":
            new = np.where(new >= 0, new, self.lasts[:, None])
        return self.state(new)

    def best(self, cost: Floats) -> NDArray[np.uint8]:
        """Return the cheapest completion of each matching, (frames, matchings).

        Args:
            cost: of each pair, shape (frames, sources, estimates).
        """
        total = np.zeros((len(self.matchings), len(cost)))
        for matching, (parent, source, estimate) in enumerate(self.parents, start=1):
            np.add(total[parent], cost[:, source, estimate], out=total[matching])
        best = np.empty((len(cost), len(self.matchings)), dtype=np.uint8)
        for matching, (first, *others) in enumerate(self.completions):
            cheapest, lowest = np.full(len(cost), first, dtype=np.uint8), total[first].copy()
            for other in others:
                np.copyto(cheapest, other, where=total[other] < lowest, casting="unsafe")
                np.minimum(lowest, total[other], out=lowest)
            best[:, matching] = cheapest
        return best


def _by_automaton(problem: _Problem) -> Integers:
    _, sources, estimates = problem.near.shape
    automaton = _Automaton(sources, estimates, problem.rule)
    matchings, patterns = len(automaton.matchings), automaton.kept.shape[1]
    kept = automaton.kept.astype(np.uint8).tobytes()
    after = automaton.after.astype(np.uint8).tobytes()
    chosen = bytearray()
    state = 0
    for frames, first in _chunks(problem):
        best = automaton.best(problem.cost(frames)).tobytes()
        rows = range(0, len(best), matchings)
        near = automaton.patterns(problem.near[frames]).tolist()
        for row, pattern, new in zip(rows, near, first.tolist(), strict=True):
            if new:
                state = 0
            matching = best[row + kept[state * patterns + pattern]]
            state = after[state * matchings + matching]
            chosen.append(matching)
    return automaton.matchings[np.frombuffer(chosen, dtype=np.uint8)]


def _one_by_one(problem: _Problem) -> Integers:
    partner = np.empty((len(problem.frames), problem.near.shape[1]), dtype=np.int64)
    last = np.full(problem.near.shape[1], -1)
    row = 0
    for frames, first in _chunks(problem):
        for cost, new in zip(problem.cost(frames), first, strict=True):
            found = _match_frame(cost, np.full_like(last, -1) if new else last)
            forgets = new or problem.rule == "jointly"
            last = found if forgets else np.where(found >= 0, found, last)
            partner[row] = found
            row += 1
    return partner


def _match_frame(cost: Floats, last: Integers) -> Integers:
    """Keep the last estimates that are near, and match the rest.

    Args:
        cost: of each pair of one frame, infinite if not allowed, shape (sources, estimates).
        last: last estimate of each source, -1 for none, shape (sources,).
    """
    from scipy.optimize import linear_sum_assignment

    partner = np.full_like(last, -1)
    free = np.isfinite(cost)
    for source in np.flatnonzero(last >= 0):
        if free[source, last[source]]:
            partner[source] = last[source]
            free[source], free[:, last[source]] = False, False
    if free.any():
        # A forbidden pair costs 0, the same as no pair; all allowed pairs cost less than 0.
        first, second = linear_sum_assignment(np.where(free, cost, 0.0))
        pairs = free[first, second]
        partner[first[pairs]] = second[pairs]
    return partner


def _chunks(problem: _Problem) -> Iterator[tuple[Integers, Booleans]]:
    for begin in range(0, len(problem.frames), CHUNK):
        chunk = slice(begin, begin + CHUNK)
        yield problem.frames[chunk], problem.first[chunk]
