"""Sealer: turns the arrived rows of an axis's hour, and what was sealed of it before, into a new file.

The file is durable before one transaction takes exactly what was read out of the index and puts the file in. So each
sample is in the index once, whatever ends between any two steps; a file that no transaction named is swept up later.
Times and codes are those of now: what they move into another hour becomes rows again, to be sealed with that.
"""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import structlog
from sqlalchemy import Connection, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from services.sensors import tables
from services.sensors.store import channels, index
from services.sensors.store.archive_lock import take_archive_lock
from services.sensors.store.miniseed.archive import Archive, FileName, Step, no_step
from services.sensors.store.miniseed.codes import Codes, Coding, SensorUnknown
from services.sensors.store.piece import Piece
from services.sensors.store.sealing.due_hours import DueHour, DueHours
from services.sensors.store.sealing.hour_file import HourFile, divided, hour_file
from services.sensors.store.span import Span, SpanDamaged
from services.sensors.store.timing import Eras, Times, run_before, timed
from shared.observability.metrics import hours_sealed
from shared.runtime.clock import Clock
from shared.sql.database import Database, DatabaseBusy
from shared.values.timestamps import to_microseconds

HOURS_MAX = 20
SAMPLES_MAX = 16 * 2**20
_NAMES_MAX = 100
_SPANS_AT_ONCE = 200
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hour:
    """What there is of an hour, read in one transaction. `times`: new ones, by span."""

    organisation_id: str
    spans: list[Span]
    files: dict[int, str]
    generation: int
    times: dict[int, Times]


class Sealer:
    """`step` is called after each step, with its name."""

    def __init__(
        self,
        database: Database,
        archive: Archive,
        coding: Coding,
        eras: Eras,
        clock: Clock,
        step: Step = no_step,
    ) -> None:
        self._database, self._archive, self._coding, self._eras = database, archive, coding, eras
        self._clock, self._step, self._due = clock, step, DueHours(database, clock)

    def run(self, *, hours_max: int = HOURS_MAX, settled: bool = True) -> int:
        """Seals hours that are over and have settled, the longest due first; how many. Not `settled`: any hour.

        One that cannot be sealed is said in the log and tried again later; it holds up no other.
        """
        sealed = 0
        for due in self._due.first(hours_max, settled):
            sealed += self._try(due)
            time.sleep(0)  # embedded, all services share this thread
        return sealed

    def _try(self, due: DueHour) -> bool:
        try:
            if not self._due.claim(due):
                return False
            try:
                is_sealed = self._seal(due)
            finally:
                self._due.release(due)
        except Exception as error:  # also one that nobody foresaw: it would stop all hours behind this one
            known = isinstance(error, OSError | SpanDamaged | SQLAlchemyError | DatabaseBusy)
            fault = None if known else error
            where = {"sensor_id": due.sensor_id, "axis": due.axis, "hour": due.hour}
            _log.error("hour_not_sealed", **where, detail=str(error), exc_info=fault)
            hours_sealed.labels("failed").inc()
            self._due.put_off(due)
            return False
        hours_sealed.labels("sealed" if is_sealed else "changed").inc()
        return is_sealed

    def _seal(self, due: DueHour) -> bool:
        try:
            self._settle(due)
            with self._database.reading() as tx:
                hour = self._read(tx, due)
        except SensorUnknown:
            hour = None
        if hour is not None and sum(span.count for span in hour.spans) > SAMPLES_MAX:
            raise OSError(f"more than {SAMPLES_MAX:,} samples in an hour stay in the database")
        inside: list[Piece] = []
        outside: list[Piece] = []
        for number, span in enumerate([] if hour is None else hour.spans):
            for piece in self._timed(span, hour.times.get(span.id) if hour else None):
                its_inside, its_outside = divided(piece, due.hour)
                inside += its_inside
                outside += its_outside
            if number % _SPANS_AT_ONCE == 0:
                time.sleep(0)  # embedded, all services share this thread
        self._step("read")
        written: list[tuple[str, HourFile]] = []
        if hour is not None:
            for codes, its_pieces in self._by_codes(due, inside):
                content = hour_file(codes, its_pieces)
                written.append((self._write(due, codes, hour, content.content), content))
        # Where this fails, nobody knows whether it was committed: the files stay, and the sweep looks at the index.
        is_swapped = self._swap(due, hour, written, outside)
        self._step("swapped")
        return is_swapped

    def _settle(self, due: DueHour) -> None:
        table = tables.span
        ends = func.min(table.c.device_ns), func.max(table.c.device_end_ns)
        of_eras = select(table.c.era, *ends).where(due.of(table)).group_by(table.c.era)
        with self._database.transaction(durable=False) as tx:  # where it is lost, it is done again
            index.lock_sensors(tx, [due.sensor_id])
            for era, first_ns, last_ns in tx.execute(of_eras).all():
                self._eras.settle(tx, due.sensor_id, due.axis, era, first_ns, last_ns)

    def _read(self, tx: Connection, due: DueHour) -> _Hour:
        table = tables.sensor
        organisation_id = tx.execute(
            select(table.c.organisation_id).where(table.c.id == due.sensor_id)
        ).scalar_one_or_none()
        if organisation_id is None:
            raise SensorUnknown(due.sensor_id)
        spans = index.of_hour(tx, due.sensor_id, due.axis, due.hour)
        files = tx.execute(select(tables.sealed_file).where(due.of(tables.sealed_file))).all()
        names = [FileName.parse(row.path) for row in files]
        return _Hour(
            organisation_id=organisation_id,
            spans=spans,
            files={row.id: row.path for row in files if row.superseded_us is None},
            generation=max((name.generation for name in names if name is not None), default=0) + 1,
            times=self._times(tx, due, spans),
        )

    def _times(self, tx: Connection, due: DueHour, spans: list[Span]) -> dict[int, Times]:
        found: dict[int, Times] = {}
        for era in {span.era for span in spans}:
            timing = self._eras.timing(tx, due.sensor_id, era)
            if timing is not None:
                its = [span for span in spans if span.era == era]
                times = timed(timing, its, run_before(tx, its, timing.device_interval_ns))
                found |= zip((span.id for span in its), times, strict=True)
        return found

    def _timed(self, span: Span, times: Times | None) -> list[Piece]:
        pieces = span.pieces(self._archive)
        if times is None:
            return pieces
        found = zip(pieces, times.device_ns.tolist(), times.start_ns.tolist(), strict=True)
        return [
            part
            for piece, device_ns, start_ns in found
            for part in times.rates.divided(
                replace(
                    piece,
                    device_ns=device_ns,
                    start_ns=start_ns,
                    samples=piece.samples.astype(np.float64) if times.are_floats else piece.samples,
                )
            )
        ]

    def _by_codes(self, due: DueHour, pieces: Iterable[Piece]) -> Iterable[tuple[Codes, list[Piece]]]:
        found: defaultdict[Codes, list[Piece]] = defaultdict(list)
        with self._database.reading() as tx:
            codes = self._coding.of(tx, due.sensor_id)
        for whole in pieces:
            for piece in whole.cut(codes.edges(due.axis, whole.start_ns, whole.end_ns + 1)):
                found[codes.at(due.axis, piece.start_ns, piece.rate_hz)].append(piece)
        return sorted(found.items(), key=lambda one: one[0])

    def _write(self, due: DueHour, codes: Codes, hour: _Hour, content: bytes) -> str:
        for generation in range(hour.generation, hour.generation + _NAMES_MAX):
            name = FileName(
                organisation_id=hour.organisation_id, codes=codes, hour=due.hour, generation=generation
            ).relative
            try:
                self._archive.write(name, content, self._step)
            except FileExistsError:  # of a sealer that ended before its transaction
                continue
            return name
        raise FileExistsError(f"{name} and {_NAMES_MAX - 1} generations before it are there already")

    def _swap(
        self, due: DueHour, hour: _Hour | None, written: list[tuple[str, HourFile]], outside: list[Piece]
    ) -> bool:
        """False: what was read has changed meanwhile, so nothing is."""
        with self._database.transaction() as tx:
            take_archive_lock(tx)
            if hour is not None:
                try:
                    index.lock_sensors(tx, [due.sensor_id])
                except SensorUnknown:
                    return False
                if not self._is_unchanged(tx, due, hour) or not all(self._archive.has(path) for path, _ in written):
                    return False
                index.delete_spans(tx, [span.id for span in hour.spans])
                files = tables.sealed_file
                tx.execute(update(files).where(files.c.id.in_(list(hour.files))).values(superseded_us=self._now_us()))
                for path, content in written:
                    size = len(content.content)
                    where = due.sensor_id, due.axis, due.hour, path
                    index.insert_file(tx, *where, size, content.spans, content.record_bytes)
                index.insert_pieces(tx, due.sensor_id, outside, self._now_us())
                channels.find_last_sample(tx, due.sensor_id, due.axis)
            self._due.done(tx, due)
            self._step("swapping")
        return True

    def _is_unchanged(self, tx: Connection, due: DueHour, hour: _Hour) -> bool:
        table = tables.span
        query = select(table.c.id, table.c.start_ns, table.c.rate_hz).where(due.of(table))
        now = {row.id: (row.start_ns, row.rate_hz) for row in tx.execute(query)}
        return all(now.get(span.id) == (span.start_ns, span.rate_hz) for span in hour.spans)

    def _now_us(self) -> int:
        return to_microseconds(self._clock.trusted_now())
