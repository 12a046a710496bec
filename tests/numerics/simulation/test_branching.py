"""Splitting's bookkeeping, on walks whose chance to arrive is known exactly.

A walk on 0, 1, …, 12 steps up or down with equal chances; from 1 it arrives at 12 before 0 with
probability 1/12 (the gambler's ruin), and ξ is where it stands.
"""

import math

import numpy as np
import pytest

from numerics.simulation.branching import KILLED_SHARE, branch
from numerics.simulation.estimate import normal_quantile
from numerics.simulation.streams import stream_key

TOP = 12
Z_LIMIT = normal_quantile(1 - 1e-9 / 2)


class Splitting:
    """Excursions of one replica, run one after another."""

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self.rng = rng
        self.best = np.empty(count)
        self.top = np.full(count, -1)
        self.origin = np.arange(count)
        self.arrival = np.zeros(count, np.int64)
        self.stream = np.zeros(count, np.int64)
        self.height: list[float] = []
        self.before: list[int] = []

    def run(self, n: int) -> None:
        """From the first point, or from the record at which a branch begins."""
        record = int(self.top[n])
        place = 1 if record < 0 else int(self.height[record])
        if record < 0:
            record = self.keep(place, -1)
        highest = place
        while 0 < place < TOP:
            place += 1 if self.rng.random() < 0.5 else -1
            if highest < place < TOP:
                highest, record = place, self.keep(place, record)
        self.best[n] = math.inf if place == TOP else highest
        self.top[n] = record

    def keep(self, place: int, before: int) -> int:
        self.height.append(float(place))
        self.before.append(before)
        return len(self.height) - 1

    def estimate(self, key: np.ndarray) -> float:
        count = len(self.best)
        share, serial, queue = 1.0, 0, np.empty(count, np.int64)
        todo = list(range(count))
        while todo:
            for n in todo:
                self.run(n)
            survived, serial, more = branch(
                key, 0, count, serial, self.best, self.top, self.origin, self.arrival, self.stream,
                np.array(self.height), np.array(self.before), queue,
            )  # fmt: skip
            share *= survived
            todo = queue[:more].tolist()
        return share * np.count_nonzero(self.best == math.inf) / count


@pytest.mark.parametrize("count", [3, 40])
def test_the_estimate_is_unbiased(seed, count):
    """Ties at every level, and none survives at times: the mean over replicas is 1/12.

    False-alarm rate 1e-9. Standard errors are 2.0 % and 1.3 %: biases of 25 % and 16 % are missed
    with probability 1e-9.
    """
    rng = np.random.default_rng(seed)
    found = []
    for replica in range(4000 if count == 3 else 600):
        key = np.array(stream_key(seed, 1, count, replica), dtype=np.uint64)
        found.append(Splitting(rng, count).estimate(key))
    error = np.std(found, ddof=1) / math.sqrt(len(found))
    assert abs(np.mean(found) - 1 / TOP) < Z_LIMIT * error
    assert error < 0.03 / TOP


def test_the_lowest_are_branched_off_above_what_they_reached(seed):
    """Those that reached least take a place above it, and leave the others as they are."""
    count = 40
    made = Splitting(np.random.default_rng(seed), count)
    for n in range(count):
        made.run(n)
    best, top = made.best.copy(), made.top.copy()
    key = np.array(stream_key(seed, 2), dtype=np.uint64)
    queue = np.empty(count, np.int64)
    survived, serial, more = branch(
        key, 0, count, 0, made.best, made.top, made.origin, made.arrival, made.stream,
        np.array(made.height), np.array(made.before), queue,
    )  # fmt: skip
    level = np.sort(best)[count // KILLED_SHARE - 1]
    fallen = np.flatnonzero(best <= level)
    # All forty reach the same with probability 1e-12.
    assert 0 < fallen.size < count
    assert survived == pytest.approx(1 - fallen.size / count, rel=1e-12)
    assert serial == fallen.size
    assert set(queue[:more]) <= set(fallen)
    starts = np.array(made.height)[made.top[queue[:more]]]
    assert np.all(starts == level + 1)
    kept = best > level
    np.testing.assert_array_equal(made.best[kept], best[kept])
    np.testing.assert_array_equal(made.top[kept], top[kept])


def test_a_replica_without_excursions_is_complete():
    empty, whole = np.empty(0), np.empty(0, np.int64)
    key = np.array(stream_key(0, 3), dtype=np.uint64)
    found = branch(key, 0, 0, 5, empty, whole, whole, whole, whole, empty, whole, whole)
    assert found == (1.0, 5, 0)
