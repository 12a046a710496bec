"""The ledger: durable, shared, and never overwriting what it cannot read."""

import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from ornstein_uhlenbeck import body, registered

from exitlaw.ledger import APPLICATION, FORMAT, Ledger, LedgerError
from exitlaw.results import ClaimResult

RECORD = {"verdict": "proved", "numbers": [1, 2.5], "text": "Δ"}


def test_record_comes_back_as_it_was(tmp_path):
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert ledger.get("key") is None
        ledger.put("key", "a/b", RECORD)
        assert ledger.get("key") == RECORD
    with Ledger(tmp_path / "l.sqlite") as ledger:
        assert ledger.get("key") == RECORD
        assert ledger.get("other") is None


def test_claim_result_survives_the_round_trip(tmp_path, registry):
    from exitlaw.judge import judge

    result = judge(registered(body))
    with Ledger(tmp_path / "l.sqlite") as ledger:
        ledger.put("key", result.id, result.to_record())
        assert ClaimResult.from_record(ledger.get("key") or {}) == result


@pytest.mark.parametrize(
    "content",
    [b"not a database, but long enough to have a header\n" * 10, b"x"],
    ids=["text", "one byte"],
)
def test_foreign_file_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "l.sqlite"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="left as it is"):
        Ledger(path)
    assert path.read_bytes() == content


def test_other_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE precious (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="left as it is"):
        Ledger(path)
    assert path.read_bytes() == before


def test_newer_format_is_refused_with_advice(tmp_path):
    path = tmp_path / "l.sqlite"
    Ledger(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    with pytest.raises(LedgerError, match="update Exitlaw"):
        Ledger(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (FORMAT + 1,)
    connection.close()


def damaged(path):
    """A ledger with a page overwritten in its middle."""
    with Ledger(path) as ledger:
        for k in range(200):
            ledger.put(f"key {k}", "a/b", RECORD)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    return bytes(data)


def test_damaged_file_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "l.sqlite"
    content = damaged(path)
    with pytest.raises(LedgerError, match="damaged"):
        Ledger(path)
    assert path.read_bytes() == content


def test_row_that_was_changed_is_noticed(tmp_path):
    path = tmp_path / "l.sqlite"
    with Ledger(path) as ledger:
        ledger.put("key", "a/b", RECORD)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE results SET record = replace(record, 'proved', 'agrees')")
    connection.commit()
    connection.close()
    with Ledger(path) as ledger, pytest.raises(LedgerError, match="checksum"):
        ledger.get("key")


def test_folder_in_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(LedgerError, match="--ledger"):
        Ledger(tmp_path)


def test_file_says_what_it_is(tmp_path):
    Ledger(tmp_path / "l.sqlite").close()
    connection = sqlite3.connect(tmp_path / "l.sqlite")
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


WRITER = """
import sys
from exitlaw.ledger import Ledger
name, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with Ledger(path) as ledger:
    for k in range(count):
        ledger.put(f"{name} {k}", "a/b", {"k": k})
        print(k, flush=True)
"""


def writer(name: str, path, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, name, str(path), str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_write_at_once(tmp_path):
    path = tmp_path / "l.sqlite"
    running = [writer(name, path, 60) for name in ("first", "second")]
    for process in running:
        process.communicate(timeout=120)
        assert process.returncode == 0
    with Ledger(path) as ledger:
        for name in ("first", "second"):
            assert all(ledger.get(f"{name} {k}") == {"k": k} for k in range(60))


def test_what_was_stored_survives_kill_9(tmp_path):
    path = tmp_path / "l.sqlite"
    process = writer("only", path, 1_000_000)
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(25)]
    time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with Ledger(path) as ledger:
        assert all(ledger.get(f"only {int(k)}") == {"k": int(k)} for k in told)
        ledger.put("after", "a/b", RECORD)
        assert ledger.get("after") == RECORD
