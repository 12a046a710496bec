"""Run a job over chunks: here, in local processes, or on a Dask cluster; durable on request.

A job is a picklable callable from an item to a JSON value (numbers, strings, lists, dictionaries;
integers of any size). Results do not depend on the scheduler: they come back in the order of the
items. With a `ChunkStore` every finished chunk is committed to one SQLite file at once, under a
name made of the job and the item, so that a run killed at any moment is taken up where it stopped
and gives the same bits.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from numerics.errors import ComputationError

Job = Callable[[Any], Any]
Progress = Callable[[int, int], None]
"""Called with the number of finished chunks and of all chunks."""

FIRST_WORKER_SECONDS = 30
"""How long a scheduler without a worker is waited for."""

FORMAT = 1
"""Version of the file format; a file of another version is refused, never overwritten."""


class Scheduler(Protocol):
    """Computes a job on items; yields (position, result) in any order."""

    def results(self, job: Job, items: Sequence[Any]) -> Iterator[tuple[int, Any]]: ...


@dataclass(frozen=True)
class Threads:
    """Threads of this process: no start-up cost, for kernels that release the lock."""

    workers: int = 1

    def results(self, job: Job, items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Inline for one worker."""
        if self.workers == 1 or len(items) <= 1:
            for position, item in enumerate(items):
                yield position, job(item)
            return
        pool = ThreadPoolExecutor(self.workers)
        try:
            yield from _from_executor(pool, job, items)
        finally:
            # All is done here, or it was interrupted: what runs then is of no use to anybody.
            pool.shutdown(wait=False)


@dataclass(frozen=True)
class Processes:
    """Fresh local processes: isolation, at the cost of starting an interpreter each."""

    workers: int = 2

    def results(self, job: Job, items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Raises ComputationError if a process dies."""
        from concurrent.futures.process import BrokenProcessPool

        try:
            with ProcessPoolExecutor(self.workers, mp_context=get_context("spawn")) as pool:
                yield from _from_executor(pool, job, items)
        except BrokenProcessPool as error:
            raise ComputationError(
                "worker processes that live until their chunks are done",
                "a process that died",
                "start again (finished chunks are kept if a store was given); check the memory",
            ) from error


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster by the address of its scheduler; chunks of lost workers are run again."""

    address: str
    timeout: float = 4.0
    """Seconds in which the scheduler has to answer."""

    def client(self) -> Any:
        """A connection to the scheduler, to be closed by the caller; it may be without workers.

        Raises
        ------
        ComputationError : without the extra, or without a scheduler at the address
        """
        try:
            from distributed import Client
        except ImportError as error:
            raise ComputationError(
                "Dask, for --scheduler", "no package distributed", "install 'exitlaw[cluster]'"
            ) from error
        self._refuse_no_address()
        made: list[Any] = []
        trouble: list[Exception] = []

        def connect() -> None:
            try:
                made.append(Client(self.address, timeout=self.timeout, set_as_default=False))
            except Exception as error:
                trouble.append(error)

        # Something else that listens at the address may never answer: no waiting beyond the time.
        attempt = Thread(target=connect, daemon=True)
        attempt.start()
        attempt.join(self.timeout + 1.0)
        if made:
            return made[0]
        cause = trouble[0] if trouble else None
        raise ComputationError(
            f"a Dask scheduler at {self.address}",
            f"{type(cause).__name__}: {cause}" if cause else f"no answer in {self.timeout:.0f} s",
            "start one (dask scheduler) or correct the address",
        ) from cause

    def _refuse_no_address(self) -> None:
        """A client that is half made of a text that is no address would complain when it goes."""
        from distributed.comm.addressing import parse_address, parse_host_port
        from distributed.comm.registry import get_backend

        try:
            kind, place = parse_address(self.address)
            get_backend(kind)
            if kind in ("tcp", "tls", "ucx", "ws", "wss"):
                parse_host_port(place.partition("/")[0])
        except ValueError as error:
            raise ComputationError(
                f"a Dask scheduler at {self.address}",
                f"no address: {error}",
                "give one as tcp://127.0.0.1:8786",
            ) from error

    def results(self, job: Job, items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Raises ComputationError if the cluster is not there, has no worker, or goes away."""
        with self.connected() as client:
            from distributed import as_completed as finished

            futures = client.map(job, items, pure=False, retries=3)
            positions = {future.key: i for i, future in enumerate(futures)}
            for future in finished(futures, loop=client.loop):
                yield positions[future.key], self._result_of(future)

    @contextmanager
    def connected(self) -> Iterator[Any]:
        """A connection to the scheduler and at least one worker.

        Raises
        ------
        ComputationError : as for `client`, or without a worker
        """
        with self.client() as client:
            try:
                client.wait_for_workers(1, timeout=FIRST_WORKER_SECONDS)
            except TimeoutError as error:
                raise ComputationError(
                    f"a worker of the Dask scheduler at {self.address}",
                    f"none within {FIRST_WORKER_SECONDS} s",
                    f"start one (dask worker {self.address})",
                ) from error
            yield client

    def _result_of(self, future: Any) -> Any:
        try:
            return future.result()
        except ComputationError:
            raise
        except Exception as error:
            raise ComputationError(
                f"chunks that the workers of the cluster at {self.address} compute",
                f"{type(error).__name__}: {error}",
                "check that scheduler and workers are alive and have the same version of Exitlaw",
            ) from error


def _from_executor(pool: Executor, job: Job, items: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    positions = {pool.submit(job, item): i for i, item in enumerate(items)}
    try:
        for future in as_completed(positions):
            yield positions[future], future.result()
    finally:
        for future in positions:
            future.cancel()


@dataclass
class ChunkStore:
    """Finished chunks in one SQLite file; each is one transaction.

    Raises
    ------
    ComputationError : a file that is not of this format, a damaged chunk, or a full disk
    """

    path: Path
    _connection: sqlite3.Connection = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            self._connection = sqlite3.connect(self.path, timeout=60.0)
            found = self._connection.execute("PRAGMA user_version").fetchone()[0]
            tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if found != FORMAT and (found or tables):
                self.close()
                self._refuse(f"a file of version {found}")
            # Only now: it is written into the file.
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            with self._connection:
                self._connection.execute(
                    "CREATE TABLE IF NOT EXISTS chunk"
                    " (name TEXT PRIMARY KEY, result TEXT NOT NULL, digest TEXT NOT NULL)"
                )
                self._connection.execute(f"PRAGMA user_version={FORMAT}")
        except sqlite3.DatabaseError as error:
            raise self._trouble(error) from error

    def get(self, name: str) -> Any | None:
        """The result of a chunk, or None.

        Raises
        ------
        ComputationError : the stored result is damaged
        """
        try:
            row = self._connection.execute(
                "SELECT result, digest FROM chunk WHERE name = ?", (name,)
            ).fetchone()
        except sqlite3.DatabaseError as error:
            raise self._trouble(error) from error
        if row is None:
            return None
        if _digest(name, row[0]) != row[1]:
            self._refuse(f"a damaged chunk {name[:12]}…")
        return json.loads(row[0])

    def put(self, name: str, result: Any) -> None:
        """Commit the result of a chunk."""
        text = json.dumps(result)
        try:
            with self._connection:
                self._connection.execute(
                    "INSERT OR REPLACE INTO chunk VALUES (?, ?, ?)",
                    (name, text, _digest(name, text)),
                )
        except sqlite3.DatabaseError as error:
            raise self._trouble(error) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _refuse(self, received: str) -> None:
        raise ComputationError(
            f"finished chunks of this program in {self.path}",
            received,
            "move the file away, or give another one; it has not been changed",
        )

    def _trouble(self, error: sqlite3.DatabaseError) -> ComputationError:
        return ComputationError(
            f"a file of finished chunks that can be read and written at {self.path}",
            str(error),
            "free disk space, or give another file; the chunks finished so far are kept",
        )


def _digest(name: str, text: str) -> str:
    return hashlib.sha256(f"{name}\n{text}".encode()).hexdigest()


def even_ranges(
    total: int, largest: int, *, smallest: int = 1, unit: int = 1
) -> list[tuple[int, int]]:
    """Consecutive ranges (first, count) of at most `largest`, for workers that end together.

    Sizes are multiples of `unit` (the last range may be shorter) and differ by a unit at most. The
    number of ranges is a multiple of four, so that two or four workers have as many each; two or
    one where four would be smaller than `smallest`.
    """
    units = -(-total // unit)
    enough = -(-units // (largest // unit))
    most = min(units, max(1, total // smallest))
    even = (count for count in (4 * -(-enough // 4), 2, 1) if enough <= count <= most)
    count = next(even, enough)
    ends = [min(total, unit * (units * n // count)) for n in range(count + 1)]
    return [(first, end - first) for first, end in pairwise(ends)]


def run_chunks(
    job: Job,
    items: Sequence[Any],
    *,
    scheduler: Scheduler | None = None,
    store: ChunkStore | None = None,
    progress: Progress | None = None,
    code: str = "",
) -> list[Any]:
    """`[job(item) for item in items]`, elsewhere, durably and with progress.

    Parameters
    ----------
    job : picklable; its `repr` must name everything its results depend on
    items : picklable, with a faithful `repr`
    scheduler : where to run; default: here
    store : where finished chunks are kept and looked for
    progress : called as chunks finish
    code : a digest of the code behind the job; other code does not find the chunks

    Returns
    -------
    the results, in the order of the items
    """
    what = f"{code}\n{job!r}"  # once: it may be long
    names = [hashlib.sha256(f"{what}\n{item!r}".encode()).hexdigest() for item in items]
    results: dict[int, Any] = {}
    if store is not None:
        for position, name in enumerate(names):
            known = store.get(name)
            if known is not None:
                results[position] = known
    missing = [i for i in range(len(items)) if i not in results]
    if progress is not None:
        progress(len(results), len(items))
    chosen = scheduler or Threads()
    for local, result in chosen.results(job, [items[i] for i in missing]):
        position = missing[local]
        results[position] = result
        if store is not None:
            store.put(names[position], result)
        if progress is not None:
            progress(len(results), len(items))
    return [results[i] for i in range(len(items))]
