"""Store of exports in SQL: asked for, listed, and claimed by who makes them.

A claim is a lease: who stops renewing it has ended, and another begins the file anew.
"""

import json
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from services.sensors.exports.export import KEPT, Export, ExportFormat, ExportRequest, ExportStatus, Fault
from services.sensors.exports.tables import export
from shared.runtime.clock import Clock
from shared.sql.advisory_lock import take_advisory_lock
from shared.sql.clocks.due import is_due
from shared.sql.database import Database
from shared.sql.keyset import By, read_page
from shared.values.timestamps import from_microseconds, to_microseconds

AT_ONCE_MAX = 2
UNFINISHED_MAX = 20
"""Of an organisation."""
ATTEMPTS_MAX = 3
CLAIMED_FOR = timedelta(seconds=30)
UNTOLD_FOR = timedelta(days=3)
_LOCK = 7_203_011
_NEWEST_FIRST = (By(export.c.created_us, descending=True), By(export.c.id, descending=True))


class TooManyExports(Exception):
    """The organisation has UNFINISHED_MAX exports that are not finished yet."""


class ExportStore:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def ask(self, export_id: str, request: ExportRequest, check: Callable[[Connection, str], None]) -> None:
        """`check` is called last in the transaction, with the id. Raises TooManyExports."""
        is_open = export.c.status.in_((ExportStatus.WAITING, ExportStatus.MAKING))
        its = export.c.organisation_id == request.organisation_id
        with self._database.transaction() as tx:
            take_advisory_lock(tx, _LOCK)
            unfinished = tx.execute(select(func.count()).select_from(export).where(its, is_open)).scalar_one()
            if unfinished >= UNFINISHED_MAX:
                raise TooManyExports
            tx.execute(insert(export).values(id=export_id, **_row(request), created_us=self._now_us()))
            check(tx, export_id)

    def get(self, export_id: str, organisation_id: str, key_id: str | None) -> Export | None:
        """`key_id`: who asked for it; None: any key of the organisation."""
        query = _visible(organisation_id, key_id).where(export.c.id == export_id)
        with self._database.reading(once=True) as tx:
            row = tx.execute(query).one_or_none()
        return None if row is None else _export(row)

    def page(
        self,
        organisation_id: str,
        key_id: str | None,
        limit: int,
        after: tuple[int, str] | None,
        offset: int,
    ) -> tuple[list[Export], tuple[int, str] | None, int]:
        """Newest first: the page, where it ended if more follow, and how many there are in all."""
        query = _visible(organisation_id, key_id)
        with self._database.reading() as tx:
            total = tx.execute(select(func.count()).select_from(query.subquery())).scalar_one()
            rows, last = read_page(tx, query.offset(offset), _NEWEST_FIRST, after, limit)
        return [_export(row) for row in rows], None if last is None else (last.created_us, last.id), total

    def claim(self, claim: str) -> Export | None:
        """The oldest that may be made now: two at once, one an organisation. What has failed thrice fails for good."""
        is_open = export.c.status.in_((ExportStatus.MAKING, ExportStatus.WAITING))
        with self._database.reading(once=True) as tx:
            if tx.execute(select(export.c.id).where(is_open).limit(1)).first() is None:
                return None  # as each second, mostly
        now = self._clock.now()
        is_over = is_due(export.c.claimed_until_us, now, CLAIMED_FOR)
        with self._database.transaction() as tx:
            take_advisory_lock(tx, _LOCK)
            is_made = (export.c.status == ExportStatus.MAKING) & ~is_over
            busy = tx.execute(select(export.c.organisation_id).where(is_made)).scalars().all()
            if len(busy) >= AT_ONCE_MAX:
                return None
            crashed = (export.c.status == ExportStatus.MAKING) & is_over & (export.c.attempts >= ATTEMPTS_MAX)
            tx.execute(update(export).where(crashed).values(**_ended(Fault.CRASHED, to_microseconds(now))))
            query = select(export).where(is_open, is_over, export.c.organisation_id.not_in(busy))
            row = tx.execute(query.order_by(export.c.created_us, export.c.id).limit(1)).one_or_none()
            if row is None:
                return None
            claimed = {"status": ExportStatus.MAKING, "claim": claim, "percent": 0, "attempts": row.attempts + 1}
            until_us = to_microseconds(now + CLAIMED_FOR)
            tx.execute(update(export).where(export.c.id == row.id).values(**claimed, claimed_until_us=until_us))
        return _export(row)

    def renew(self, claims: Collection[str]) -> None:
        until_us = to_microseconds(self._clock.now() + CLAIMED_FOR)
        with self._database.transaction(durable=False) as tx:
            tx.execute(update(export).where(export.c.claim.in_(claims)).values(claimed_until_us=until_us))

    def note_percent(self, claim: str, percent: int) -> None:
        with self._database.transaction(durable=False) as tx:
            tx.execute(update(export).where(export.c.claim == claim).values(percent=percent))

    def finish(self, claim: str, size: int, sha256: str) -> bool:
        """False: the claim is lost, and the file is another's to make."""
        now = self._clock.now()
        # By a clock that was set back it would be over as soon as that is right.
        expires_at = max(now, self._clock.trusted_now()) + KEPT
        values: dict[str, Any] = {
            "status": ExportStatus.READY,
            "percent": 100,
            "finished_us": to_microseconds(now),
            "expires_us": to_microseconds(expires_at),
            "bytes": size,
            "sha256": sha256,
            "claim": None,
            "untold_us": to_microseconds(now),
        }
        return self._end(claim, values)

    def fail(self, claim: str, fault: str) -> bool:
        return self._end(claim, _ended(fault, self._now_us()))

    def give_back(self, claim: str, wait: timedelta, *, is_attempt: bool) -> bool:
        """It is made later. Not `is_attempt`: nothing is wrong with it."""
        with self._database.transaction() as tx:
            row = tx.execute(select(export.c.attempts).where(export.c.claim == claim)).one_or_none()
            if row is None:
                return False
            if is_attempt and row.attempts >= ATTEMPTS_MAX:
                values = _ended(Fault.CRASHED, self._now_us())
            else:
                attempts = row.attempts if is_attempt else row.attempts - 1
                until_us = to_microseconds(self._clock.now() + wait)
                values = {
                    "status": ExportStatus.WAITING,
                    "percent": 0,
                    "claim": None,
                    "attempts": attempts,
                    "claimed_until_us": until_us,
                }
            tx.execute(update(export).where(export.c.claim == claim).values(**values))
        return True

    def expire(self) -> None:
        """Those whose time is over, beyond doubt. Their files go with the next sweep."""
        now_us = to_microseconds(self._clock.trusted_now())
        is_over = (export.c.status == ExportStatus.READY) & (export.c.expires_us <= now_us)
        with self._database.transaction() as tx:
            tx.execute(update(export).where(is_over).values(status=ExportStatus.EXPIRED))

    def untold(self, most: int) -> list[Export]:
        """Those that ended and were not told of yet, oldest first. What ended UNTOLD_FOR ago is news to nobody."""
        since_us = to_microseconds(self._clock.now() - UNTOLD_FOR)
        query = select(export).where(export.c.untold_us >= since_us).order_by(export.c.untold_us).limit(most)
        with self._database.reading(once=True) as tx:
            return [_export(row) for row in tx.execute(query)]

    def note_told(self, export_id: str) -> None:
        with self._database.transaction(durable=False) as tx:
            tx.execute(update(export).where(export.c.id == export_id).values(untold_us=None))

    def files_in_use(self) -> set[str]:
        """Ids of exports whose files are there, or are being made."""
        is_used = export.c.status.in_((ExportStatus.READY, ExportStatus.MAKING))
        with self._database.reading(once=True) as tx:
            return set(tx.execute(select(export.c.id).where(is_used)).scalars())

    def _end(self, claim: str, values: dict[str, Any]) -> bool:
        with self._database.transaction() as tx:
            return bool(tx.execute(update(export).where(export.c.claim == claim).values(**values)).rowcount)

    def _now_us(self) -> int:
        return to_microseconds(self._clock.now())


def _visible(organisation_id: str, key_id: str | None) -> Select[Any]:
    query = select(export).where(export.c.organisation_id == organisation_id)
    return query if key_id is None else query.where(export.c.key_id == key_id)


def _ended(fault: str, now_us: int) -> dict[str, Any]:
    return {"status": ExportStatus.FAILED, "fault": fault, "finished_us": now_us, "claim": None, "untold_us": now_us}


def _row(request: ExportRequest) -> dict[str, Any]:
    return {
        "organisation_id": request.organisation_id,
        "key_id": request.key_id,
        "format": request.format,
        "sensor_ids": json.dumps(request.sensor_ids),
        "channel": request.channel,
        "start_ns": request.start_ns,
        "end_ns": request.end_ns,
        "status": ExportStatus.WAITING,
        "percent": 0,
        "claimed_until_us": 0,
        "attempts": 0,
    }


def _export(row: Row[Any]) -> Export:
    request = ExportRequest(
        organisation_id=row.organisation_id,
        key_id=row.key_id,
        format=ExportFormat(row.format),
        sensor_ids=tuple(json.loads(row.sensor_ids)),
        channel=row.channel,
        start_ns=row.start_ns,
        end_ns=row.end_ns,
    )
    return Export(
        id=row.id,
        request=request,
        status=ExportStatus(row.status),
        percent=row.percent,
        created_at=from_microseconds(row.created_us),
        finished_at=None if row.finished_us is None else from_microseconds(row.finished_us),
        expires_at=None if row.expires_us is None else from_microseconds(row.expires_us),
        fault=row.fault,
        bytes=row.bytes,
        sha256=row.sha256,
    )
