"""Whether the database file is whole: a look through it that writes nothing, and ends in time."""

import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pysqlite3

# SQLite asks us whether to go on after about so many of its own instructions.
STEPS_BETWEEN_LOOKS = 100_000
FAULTS_NAMED = 5
# Of the file, of a page, of JSON or a text in a row.
SIGNS_OF_DAMAGE = ("not a database", "malformed", "Could not decode")


@dataclass(frozen=True)
class Look:
    """What was found wrong; `complete` is False where time ran out before the end of the file."""

    faults: tuple[str, ...]
    complete: bool = True


def look_through(database: Path, seconds: float) -> Look:
    """Check every page of the file; after a kill or a power cut also every index against its table."""
    check = "integrity_check" if left_behind(database) else "quick_check"
    deadline = time.monotonic() + seconds
    faults: list[str] = []
    connection = None
    try:
        # Read only: whatever is wrong stays as it is for whoever mends it.
        connection = pysqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_BETWEEN_LOOKS)
        for row in connection.execute(f"PRAGMA {check}({FAULTS_NAMED})"):
            faults += str(row[0]).splitlines()
    except pysqlite3.OperationalError as error:
        if "interrupted" in str(error):
            return Look(tuple(faults), complete=False)
        faults.append(str(error))
    except pysqlite3.DatabaseError as error:
        faults.append(str(error))
    except UnicodeDecodeError:  # SQLite quotes what it found, and the driver cannot read that
        faults.append("its table of tables is no text")
    finally:
        if connection is not None:
            connection.close()
    return Look(tuple(fault for fault in faults if fault != "ok"))


def tells_of_damage(error: pysqlite3.DatabaseError) -> bool:
    """Whether an error is the file's own, and not that it is busy, or the disk full: trying again does not help."""
    return any(sign in str(error) for sign in SIGNS_OF_DAMAGE)


def left_behind(database: Path) -> bool:
    """Whether a write-ahead log lies beside the file: it is in use, or whoever used it did not close it."""
    log = database.with_name(f"{database.name}-wal")
    return log.exists() and log.stat().st_size > 0
