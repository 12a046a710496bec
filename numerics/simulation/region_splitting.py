"""Rare entries of a region in d dimensions: adaptive splitting on an exact flux identity.

Let A = {ξ <= α} be the core of a well and {ξ > β}, β > α, its surroundings, for an importance ξ. An
*excursion* begins where a path that comes from A first has ξ > β, and ends in A or in the exit
region B. Paths that are quasi-stationary in the well (that have forgotten the start, and have not
left) begin excursions at a rate J, at points of a law ν, and leave at the rate 1/τ. Every exit ends
exactly one excursion, so that (Hill's relation; Hill 1989, Cérou, Guyader, Lelièvre and Pommier
2011)

    τ + s = 1 / (J p),    p = P_ν(an excursion ends in B),

s the mean length of the excursions that do. The process here is the discrete chain of a scheme,
whose exits are those of `numerics.simulation.region_exit`: nothing is left out between its steps.

A *replica* follows walkers from the start for a time T, then counts excursions over windows
[T, 2T] and [2T, 4T], and runs adaptive multilevel splitting from their first points (Bréhier,
Gazeau, Goudenège, Lelièvre and Rousset 2016): again and again a quarter of the paths, those whose
largest ξ is the lowest, are replaced by copies of others, branched off where these first exceed it.
The product of the shares that survived, times that of the paths that arrived, is an unbiased
estimate of the probability for any ξ and any number of paths. Replicas are independent, which gives
the standard error. With the share S of walkers that are still inside at 2T, the mean over those
that are not included exactly,

    τ(start) = E[min(T_B, 2T)] + S τ.

Beside the bias of the step, one is left: the second window may not have forgotten the start. As
for stationary laws, where what matters falls by e^−1.5 over T it is at most a sixth of the
difference of the two windows. Another metastable state that no walker reaches shows in no
difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from numerics.errors import ComputationError
from numerics.scheduling import even_ranges, run_chunks
from numerics.simulation.excursions import Excursions, importance_at
from numerics.simulation.exit import LevelResult, Workplace
from numerics.simulation.importance import Importance, committor_table
from numerics.simulation.schemes import code_digest
from numerics.simulation.streams import stream_key
from numerics.simulation.vector_ergodic import VectorRun

if TYPE_CHECKING:
    from numerics.simulation.region_exit import RegionExit

EXCURSIONS = 128
"""Excursions that a replica is to have: results scatter more with fewer."""

LEAST_REPLICAS = 32
REPLICAS_PER_CHUNK = 16
PILOT_WALKERS = 512
PILOT_SAMPLES = 32
MAX_DOUBLINGS = 12
CORE_SHARE, FAR_SHARE = 0.5, 0.9
"""Shares of the well's states with ξ below α and β."""


@dataclass(frozen=True)
class ReplicaChunk:
    """The job of a chunk: replicas first … first+count−1."""

    excursions: Excursions
    keys: tuple[int, int]
    """seed and index of the level"""
    h: float

    def __call__(self, item: tuple[int, int]) -> list[list[float]]:
        """What `RegionSplitting.run` adds up of each replica.

        Walkers that left within 2T and their time, time in the two windows, excursions of each
        that enter the region (times their probability), time to it of the later ones, steps.

        Raises
        ------
        ComputationError : a path exploded, met no meaning of C, region or importance, or got stuck
        """
        first, count = item
        made, h = self.excursions, self.h
        burn, walkers = made.burn(h), made.walkers
        walks = made.walk(stream_key(*self.keys, 10), first * walkers, count * walkers, h)
        offsets = np.searchsorted(walks.owner, walkers * np.arange(count + 1))
        split = made.split(stream_key(*self.keys, 11), first, offsets, walks, h)
        early, late, waited, steps = split.T
        ends = walks.ends.reshape(count, walkers)
        left = walks.entered.reshape(count, walkers) & (ends <= 2 * burn)
        excursions = np.diff(offsets)
        columns = (
            left.sum(axis=1),
            (ends * left).sum(axis=1) * h,
            np.clip(ends - burn, 0, burn).sum(axis=1) * h,
            np.maximum(ends - 2 * burn, 0).sum(axis=1) * h,
            early * excursions,
            late * excursions,
            waited * excursions * h,
            ends.sum(axis=1) + steps,
        )
        return np.array(columns, dtype=float).T.tolist()


class RegionSplitting:
    """Levels of the mean entry time by splitting; made once, its core is that of the first step."""

    suffix = "+splitting"

    def __init__(self, problem: RegionExit, seed: int, workplace: Workplace, h: float) -> None:
        self.problem = problem
        self.seed = seed
        self.workplace = workplace
        self.steps = 0
        relaxation, states = self._relaxed(h)
        importance, xi = self._importance(states)
        low, high = (float(v) for v in np.quantile(xi, [CORE_SHARE, FAR_SHARE]))
        if not low < high:
            raise ComputationError(
                "an importance that tells the states of the start's well apart",
                f"{low:.6g} for {CORE_SHARE:.0%} of them, {high:.6g} for {FAR_SHARE:.0%}",
                "give another (region, or a function)",
            )
        made = Excursions(problem, importance, low, high, relaxation, LEAST_REPLICAS)
        self.excursions = replace(made, walkers=self._walkers(made, h))

    def _relaxed(self, h: float) -> tuple[float, np.ndarray]:
        """A time by which walkers seem to have forgotten the start, and their states (n, d)."""
        run = VectorRun(self.problem.kernel, self.problem.start)
        rate, _ = run.rates()
        relaxation = min(4.0 / rate if rate > 0.0 else math.inf, 400.0 * h)
        for doubling in range(MAX_DOUBLINGS):
            stride = max(1, math.ceil(relaxation / (PILOT_SAMPLES * 2.0 * h)))
            key = stream_key(self.seed, -2000, doubling)
            burn = PILOT_SAMPLES * stride
            states = run.states(key, 0, PILOT_WALKERS, h, burn, stride, 3 * PILOT_SAMPLES)
            self.steps += PILOT_WALKERS * 8 * burn
            _, _, level = self.problem.kernel.coefficients(states.reshape(-1, states.shape[-1]).T)
            inside = np.logical_and.accumulate(level.reshape(states.shape[:2]) > 0.0, axis=1)
            kept = states[inside[:, -1]]
            if len(kept) < PILOT_WALKERS // 2:
                raise ComputationError(
                    "a start whose well most walkers stay in",
                    f"{PILOT_WALKERS - len(kept)} of {PILOT_WALKERS} that left within "
                    f"{4 * relaxation:.3g}",
                    "simulate this exit with plain paths: it is no rare event",
                )
            if _settled(kept):
                return 2.0 * h * burn, kept[:, PILOT_SAMPLES:].reshape(-1, states.shape[-1])
            relaxation *= 2.0
        raise ComputationError(
            "a start in a well that paths forget before they leave it",
            f"averages that still drift after a time {relaxation:.3g}",
            "start from the metastable state nearest to the exit region",
        )

    def _importance(self, states: np.ndarray) -> tuple[Importance, np.ndarray]:
        """The function to go by, and its values at states of the well."""
        problem = self.problem
        chosen = problem.importance
        if chosen is not None and chosen.kind == "committor" and problem.kernel.dimension != 2:
            raise ComputationError(
                "two dimensions, for a committor on a grid",
                f"{problem.kernel.dimension}",
                "give another importance (region, or a function)",
            )
        asked = chosen is not None
        if chosen is None:
            chosen = Importance("committor" if problem.kernel.dimension == 2 else "region")
        if chosen.kind == "committor":
            try:
                chosen = committor_table(
                    problem.kernel, problem.box(), states.mean(axis=0), np.cov(states.T)
                )
            except ComputationError:
                if asked:
                    raise
                chosen = Importance("region")
        values = importance_at(problem, chosen, states)
        if not np.isfinite(values).all():
            raise ComputationError(
                "an importance that has a value wherever paths come",
                f"none at {int((~np.isfinite(values)).sum())} of {values.size} states",
                "give another (region, or a function)",
            )
        return chosen, values

    def _walkers(self, made: Excursions, h: float) -> int:
        """How many give the excursions that a replica is to have."""
        walks = made.walk(stream_key(self.seed, -3000, 10), 0, made.walkers, h)
        self.steps += int(walks.ends.sum())
        return max(4, math.ceil(EXCURSIONS * made.walkers / max(1, len(walks.when))))

    def run(self, index: int, h: float, paths: int) -> LevelResult:
        """Mean entry time over independent replicas; `paths` are excursions."""
        replicas = max(LEAST_REPLICAS, math.ceil(paths / EXCURSIONS))
        parts = run_chunks(
            ReplicaChunk(self.excursions, (self.seed, index), h),
            even_ranges(replicas, REPLICAS_PER_CHUNK),
            scheduler=self.workplace.scheduler,
            store=self.workplace.store,
            progress=self.workplace.progress,
            code=code_digest(),
        )
        rows = np.array([row for part in parts for row in part]).T
        steps, self.steps = int(rows[7].sum()) + self.steps, 0
        left, left_time, early_time, late_time, early, late, waited, _ = rows
        if not late.any():
            raise ComputationError(
                "a domain that paths leave",
                f"no excursion into the exit region out of {replicas} replicas",
                "move the exit region closer, give more paths, or another importance",
            )
        rate, error = _ratio(late, late_time)
        first_rate, _ = _ratio(early, early_time)
        # Replicas share walkers between their windows: the difference has a spread of its own.
        gaps = (early - first_rate * early_time) / early_time.mean()
        gaps = gaps - (late - rate * late_time) / late_time.mean()
        spread = float(gaps.std(ddof=1)) / math.sqrt(replicas)
        walkers = self.excursions.walkers
        inside = 1.0 - left / walkers
        burn = 2.0 * h * self.excursions.burn(h)
        settled = 1.0 / rate - float(waited.sum() / late.sum())
        direct = left_time / walkers + inside * burn + inside * settled
        scatter = float(direct.std(ddof=1)) / math.sqrt(replicas)
        share = float(inside.mean())
        return LevelResult(
            float(direct.mean()),
            math.hypot(share * error / rate**2, scatter),
            replicas * EXCURSIONS,
            steps,
            share * (abs(first_rate - rate) + 2.0 * spread) / (6.0 * rate**2),
        )


def _settled(states: np.ndarray) -> bool:
    """Whether means of coordinates, of their squares and products with the first do not drift.

    States (walkers, samples, d); each at three standard errors of the windows' difference.
    """
    centred = states - states.mean(axis=(0, 1))
    values = np.concatenate([centred, centred**2, centred * centred[:, :, :1]], axis=2)
    gaps = values[:, :PILOT_SAMPLES].mean(axis=1) - values[:, PILOT_SAMPLES:].mean(axis=1)
    errors = gaps.std(axis=0, ddof=1) / math.sqrt(len(gaps))
    return bool(np.all(np.abs(gaps.mean(axis=0)) <= 3.0 * errors))


def _ratio(weights: np.ndarray, times: np.ndarray) -> tuple[float, float]:
    """Σ weights / Σ times over independent replicas, and its standard error."""
    found = float(weights.sum() / times.sum())
    residuals = weights - found * times
    size = len(weights)
    return found, float(math.sqrt(size / (size - 1) * (residuals @ residuals)) / times.sum())
