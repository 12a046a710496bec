"""The ledger: results by fingerprint in one SQLite file, one transaction per result.

Write-ahead logging makes it safe under kill -9 and under several processes. A file that is damaged,
newer than this program, or no ledger at all is refused and left as it is.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from theory.errors import InputError

APPLICATION = 0x45584C57
"""SQLite application id ("EXLW"): tells a ledger from other databases."""

FORMAT = 1
"""Version of the tables; a file with a larger one was written by a newer Exitlaw."""

HEADER = b"SQLite format 3\0"

BUSY_SECONDS = 60.0
"""How long to wait for another process's transaction."""

_SCHEMA = """
CREATE TABLE results (
    fingerprint TEXT PRIMARY KEY,
    claim TEXT NOT NULL,
    record TEXT NOT NULL,
    checksum TEXT NOT NULL,
    written TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) STRICT
"""


class LedgerError(InputError):
    """The file cannot serve as a ledger."""


def _checksum(fingerprint: str, record: str) -> str:
    return hashlib.sha256(f"{fingerprint}\n{record}".encode()).hexdigest()


class Ledger:
    """Results that outlive a run. Use as a context manager."""

    def __init__(self, path: Path | str) -> None:
        """Open the ledger at `path`, made if there is no file.

        Raises
        ------
        LedgerError : the file is damaged, newer, no ledger, or cannot be written.
        """
        self.path = Path(path)
        self._require_sqlite()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self.path, timeout=BUSY_SECONDS, isolation_level=None
            )
        except (OSError, sqlite3.Error) as error:
            raise self._refused(f"{error}", "choose another path with --ledger FILE") from error
        try:
            self._prepare()
        except LedgerError:
            self._connection.close()
            raise
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise self._refused(
                f"{error}", "check its permissions, or choose another with --ledger FILE"
            ) from error
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise self._damaged(str(error)) from error

    def _require_sqlite(self) -> None:
        """SQLite itself would take a file of a few foreign bytes for an empty database."""
        try:
            with self.path.open("rb") as file:
                start = file.read(len(HEADER))
        except OSError:
            return  # absent, or reported by SQLite
        if start and start != HEADER:
            raise self._damaged("no SQLite file")

    def _refused(self, received: str, advice: str) -> LedgerError:
        return LedgerError(f"a ledger of results at {self.path}", received, advice)

    def _damaged(self, detail: str) -> LedgerError:
        return self._refused(
            f"a damaged or foreign file ({detail})",
            "it was left as it is; move it away, or choose another with --ledger FILE",
        )

    def _prepare(self) -> None:
        run = self._connection.execute
        # Nothing is written before the file is known to be a ledger or empty.
        application = run("PRAGMA application_id").fetchone()[0]
        tables = run("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != APPLICATION and (tables or application):
            raise self._damaged("another program's database")
        if application == APPLICATION:
            found = run("PRAGMA user_version").fetchone()[0]
            if found > FORMAT:
                raise self._refused(
                    f"format {found}, written by a newer Exitlaw (this one knows {FORMAT})",
                    "update Exitlaw, or choose another file with --ledger FILE",
                )
            check = run("PRAGMA quick_check(1)").fetchone()[0]
            if check != "ok":
                raise self._damaged(check)
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        if application != APPLICATION:
            self._create()

    def _create(self) -> None:
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            # Another process may have made it since we looked.
            if run("PRAGMA application_id").fetchone()[0] != APPLICATION:
                run(_SCHEMA)
                run(f"PRAGMA user_version = {FORMAT}")
                run(f"PRAGMA application_id = {APPLICATION}")
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise

    def get(self, fingerprint: str) -> dict[str, Any] | None:
        """The record stored under a fingerprint, or None.

        Raises
        ------
        LedgerError : the row does not match its checksum.
        """
        try:
            row = self._connection.execute(
                "SELECT record, checksum FROM results WHERE fingerprint = ?", (fingerprint,)
            ).fetchone()
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error
        if row is None:
            return None
        record, checksum = row
        if _checksum(fingerprint, record) != checksum:
            raise self._damaged("a row does not match its checksum")
        return json.loads(record)

    def put(self, fingerprint: str, claim: str, record: Mapping[str, Any]) -> None:
        """Store a record in one transaction; an earlier one under the same key is replaced."""
        text = json.dumps(record, sort_keys=True)
        try:
            self._connection.execute(
                "INSERT OR REPLACE INTO results (fingerprint, claim, record, checksum) "
                "VALUES (?, ?, ?, ?)",
                (fingerprint, claim, text, _checksum(fingerprint, text)),
            )
        except sqlite3.DatabaseError as error:
            raise self._refused(
                f"{error} while writing", "check the disk, or run with --no-cache"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
