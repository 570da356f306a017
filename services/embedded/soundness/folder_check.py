"""Check of a data folder: its files whole, its logs unbroken and as others remember them, no database put back alone.

In this order: write-ahead logs, before anything opens a database and drops what lies behind the damage; each file by
SQLite itself; then what the rows say. What a later step reads, an earlier one has found sound.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing

from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from services.embedded.data_folder import DataFolder
from services.embedded.soundness.write_ahead_log import damage_of
from services.service_registry import SERVICES
from services.soundness import rows
from services.soundness.fault import Fault, Report
from shared.sql.database import Database

# A second or two of a start. What lies beyond is looked at in the background (whole_check.py).
ROWS_AT_START, BYTES_AT_START = 20_000, 256 * 1024 * 1024


def check(folder: DataFolder, *, whole: bool = True, elsewhere: rows.Elsewhere = rows.nowhere) -> Report:
    """What is wrong with the folder; nothing of it is changed. Not `whole`: as far as is quick.

    `elsewhere`: heads that were kept apart from the folder. Raises DataFolderUnusable or OSError.
    """
    known = [name for name in SERVICES if folder.has_database(name)]
    if faults := (*_missing(folder, known), *_damaged_ends(folder, known)):
        return Report(faults=faults)
    with ExitStack() as opened:
        databases = {name: opened.enter_context(closing(folder.database(name))) for name in known}
        if faults := tuple(fault for name in known if (fault := _unreadable(folder, databases[name], name, whole))):
            return Report(faults=faults)
        return _look_at_rows(folder, databases, whole, elsewhere)


def _missing(folder: DataFolder, known: list[str]) -> Iterator[Fault]:
    if known and "keys" not in known:
        what = f"it is missing in {folder.path}, beside the databases of {', '.join(known)}"
        yield Fault(service="keys", what=what, how=_way_on(folder, "keys"))


def _damaged_ends(folder: DataFolder, known: list[str]) -> Iterator[Fault]:
    if folder.is_held_by_another():
        return  # its files change at this moment
    for name in known:
        if (damage := damage_of(folder.file(name))) is not None:
            what = f"of its write-ahead log {damage}"
            yield Fault(service=name, what=what, how=_way_on(folder, name))


def _unreadable(folder: DataFolder, database: Database, name: str, whole: bool) -> Fault | None:
    is_small = whole or folder.file(name).stat().st_size <= BYTES_AT_START
    try:
        with database.reading(unlimited=True) as tx:
            told = tx.execute(text("PRAGMA quick_check(1)" if is_small else "SELECT 'ok'")).scalar_one()
    except DatabaseError as error:
        told = str(error.orig)
    except UnicodeDecodeError:
        told = "what it says is no text"  # SQLite names what is malformed, and that has bytes of anything
    if told == "ok":
        return None
    return Fault(service=name, what=f"it cannot be used: {' '.join(str(told).split())}", how=_way_on(folder, name))


def _look_at_rows(folder: DataFolder, databases: dict[str, Database], whole: bool, kept: rows.Elsewhere) -> Report:
    current = {name: database for name, database in databases.items() if rows.is_current(name, database)}
    left_out = frozenset(databases) - frozenset(current)
    audits = rows.audits(current, kept, rows_max=None if whole else ROWS_AT_START)
    of_logs = [
        Fault(
            service=name,
            what=f"row {finding.position} of its log: {finding.problem}",
            how=_way_on(folder, name),
            is_of_log=True,
        )
        for name, found in audits.items()
        for finding in found.findings
    ]
    others = [
        Fault(service=name, what=what, how=_way_on(folder, name))
        for name, what in (*rows.damaged_rows(current), *rows.ages(current, left_out), *rows.gone(current, left_out))
    ]
    return Report(faults=(*of_logs, *others), audits=audits, left_out=left_out)


def _way_on(folder: DataFolder, name: str) -> str:
    if name == "auth":
        return f"`grillo rebuild auth --data {folder.path}` makes it again from the log; or put a backup back."
    log = " --log sensors" if name == "sensors" else ""
    return (
        f"Put a backup of {folder.path} back, or go on with what is left: "
        f"`grillo restore accept{log} --data {folder.path} --reason …`."
    )
