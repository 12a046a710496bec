"""Chunks elsewhere and durable: same bits on every scheduler, after kill -9, and after losses."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
from simulation_models import double_well

from numerics.errors import ComputationError
from numerics.scheduling import ChunkStore, Cluster, Processes, Threads, even_ranges, run_chunks
from numerics.simulation import mean_exit_time
from numerics.simulation.exit import ExitChunk, chunks_of, exit_problem
from numerics.simulation.streams import stream_key

TESTS = Path(__file__).resolve().parents[1]
SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from simulation_models import double_well
from numerics.scheduling import ChunkStore, run_chunks
from numerics.simulation.exit import ExitChunk, exit_problem
from numerics.simulation.streams import stream_key
chunk = ExitChunk(exit_problem(double_well(), -1, exit_above=1), stream_key(5), 0.02)
items = [(500 * i, 500) for i in range(200)]
print("ready", flush=True)
run_chunks(chunk, items, store=ChunkStore({path!r}), progress=lambda n, _: print(n, flush=True))
"""


def square(x: int) -> int:
    return x * x


def job() -> ExitChunk:
    return ExitChunk(exit_problem(double_well(), -1, exit_above=1), stream_key(5), 0.05)


def test_results_come_in_the_order_of_the_items():
    assert run_chunks(square, [3, 1, 2], scheduler=Threads(3)) == [9, 1, 4]


def test_finished_chunks_are_not_computed_again(tmp_path):
    calls = []

    def counted(x: int) -> int:
        calls.append(x)
        return x

    counted.__qualname__ = "counted"
    store = ChunkStore(tmp_path / "chunks.sqlite")

    class Named:
        def __call__(self, x: int) -> int:
            return counted(x)

        def __repr__(self) -> str:
            return "Named()"

    seen = []
    run_chunks(Named(), [1, 2], store=store)
    results = run_chunks(
        Named(), [1, 2, 3], store=store, progress=lambda done, total: seen.append((done, total))
    )
    assert results == [1, 2, 3]
    assert calls == [1, 2, 3]
    assert seen == [(2, 3), (3, 3)]
    run_chunks(Named(), [1], store=store, code="another version")
    assert calls == [1, 2, 3, 1]


def test_a_store_changes_no_bit(tmp_path, seed):
    options = {"exit_above": 1, "paths": 2000, "seed": seed}
    plain = mean_exit_time(double_well(), -1, **options)
    store = ChunkStore(tmp_path / "chunks.sqlite")
    for _ in range(2):
        kept = mean_exit_time(double_well(), -1, store=store, **options)
        assert (kept.estimate, kept.standard_error) == (plain.estimate, plain.standard_error)


def test_damaged_and_foreign_files_are_refused_and_left_alone(tmp_path):
    path = tmp_path / "chunks.sqlite"
    store = ChunkStore(path)
    run_chunks(square, [2], store=store)
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE chunk SET result = '5'")
    with pytest.raises(ComputationError, match="a damaged chunk"):
        run_chunks(square, [2], store=ChunkStore(path))
    other = tmp_path / "notes.txt"
    other.write_text("not a database, but long enough to be read as one" * 30)
    before = other.read_bytes()
    with pytest.raises(ComputationError, match="can be read and written"):
        ChunkStore(other)
    assert other.read_bytes() == before
    newer = tmp_path / "newer.sqlite"
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version=99")
    before = newer.read_bytes()
    with pytest.raises(ComputationError, match="a file of version 99"):
        ChunkStore(newer)
    assert newer.read_bytes() == before
    assert sorted(tmp_path.glob("newer*")) == [newer]


def test_processes_give_the_same_bits():
    items = chunks_of(1000)
    assert run_chunks(job(), items, scheduler=Processes(2)) == run_chunks(job(), items)


def test_a_run_killed_at_any_moment_continues_with_the_same_bits(tmp_path):
    """kill -9 in mid-run: what was finished is kept, the rest is computed, the sum is the same."""
    path = tmp_path / "chunks.sqlite"
    script = SCRIPT.format(tests=str(TESTS), path=str(path))
    run = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert run.stdout is not None
    for line in run.stdout:
        if line.strip() == "7":
            break
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    chunk = ExitChunk(exit_problem(double_well(), -1, exit_above=1), stream_key(5), 0.02)
    items = [(500 * i, 500) for i in range(200)]
    reported = []
    continued = run_chunks(
        chunk, items, store=ChunkStore(path), progress=lambda n, _: reported.append(n)
    )
    assert 7 <= reported[0] < 200
    assert continued == run_chunks(chunk, items)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense"])
def test_a_scheduler_that_is_not_there_is_named(address):
    with pytest.raises(ComputationError, match="a Dask scheduler at"):
        run_chunks(square, [1], scheduler=Cluster(address, timeout=1.0))


@pytest.mark.parametrize("address", ["nonsense", "", "tcp://host", "gopher://host:70"])
def test_what_is_no_address_makes_no_client(address, monkeypatch):
    """A client that fails while it is made complains once more, with a traceback, when it goes."""
    import distributed

    monkeypatch.setattr(distributed, "Client", lambda *_, **__: pytest.fail("a client was made"))
    with pytest.raises(ComputationError, match="no address"):
        Cluster(address).client()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_cluster_that_loses_a_worker_gives_the_same_bits():
    """Three worker processes; one is killed as soon as the first chunks are done."""
    distributed = import_module("distributed")
    items = [(500 * i, 500) for i in range(60)]
    killed = []
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:

        def kill_one(done: int, total: int) -> None:
            if done == 5 and not killed:
                worker = next(iter(cluster.workers.values()))
                killed.append(worker.pid)
                os.kill(worker.pid, signal.SIGKILL)
                time.sleep(0.1)

        found = run_chunks(
            job(), items, scheduler=Cluster(cluster.scheduler_address), progress=kill_one
        )
    assert killed
    assert found == run_chunks(job(), items)


@pytest.mark.parametrize("total", [1, 3, 4, 17, 64, 65, 1000])
@pytest.mark.parametrize(("largest", "unit"), [(1, 1), (16, 1), (300, 1), (64, 16), (256, 256)])
def test_even_ranges_cover_and_are_even(total, largest, unit):
    """Every number once, in order; sizes within a unit; as many for each of four, or of two."""
    ranges = even_ranges(total, largest, unit=unit)
    assert [n for first, count in ranges for n in range(first, first + count)] == list(range(total))
    whole = [count for _, count in ranges[:-1]]
    assert all(count % unit == 0 and count <= largest for count in whole)
    sizes = [*whole, -(-ranges[-1][1] // unit) * unit]
    assert max(sizes) - min(sizes) <= unit
    assert len(ranges) in (1, 2, -(-total // unit)) or len(ranges) % 4 == 0


def test_even_ranges_share_the_work_of_two():
    """40,000 paths are eight chunks, four of them for each of two workers; a few are not cut."""
    ranges = even_ranges(40_000, 8192, smallest=256)
    assert len(ranges) == 8
    assert {count for _, count in ranges} == {5000}
    assert [count for _, count in even_ranges(1000, 8192, smallest=256)] == [500, 500]
    assert even_ranges(500, 8192, smallest=256) == [(0, 500)]
