"""Verification: compares files with the index, record by record, and names each place where they differ."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

from sqlalchemy import select

from services.sensors import tables
from services.sensors.store import index
from services.sensors.store.miniseed.archive import Archive, FileName
from services.sensors.store.miniseed.codec import Header, RecordDamaged, decode, headers
from services.sensors.store.span import Records, Span, SpanDamaged
from shared.sql.database import Database

_PAGE_FILES = 100
_PAGE_ROWS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`place`: a file's path in the folder, or a row of the index."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """`unnamed`: files that the index does not name, which the sweep deletes; superseded ones are not counted."""

    files: int
    rows: int
    samples: int
    faults: tuple[Fault, ...]
    unnamed: tuple[str, ...]


class Verification:
    def __init__(self, database: Database, archive: Archive) -> None:
        self._database, self._archive = database, archive

    def run(self) -> Verified:
        """Reads all that is stored. What a sealer replaces meanwhile is no fault."""
        faults: list[Fault] = []
        files = rows = samples = 0
        for file_id, path, spans in self._files():
            files += 1
            samples += sum(span.count for span in spans)
            found = list(self._of_file(path, spans))
            faults += found if found and self._is_current(file_id) else []
        for span in self._rows():
            rows += 1
            samples += span.count
            faults += self._of_row(span)
        return Verified(files=files, rows=rows, samples=samples, faults=tuple(faults), unnamed=self._unnamed())

    def _files(self) -> Iterator[tuple[int, str, list[Span]]]:
        table, after = tables.sealed_file, 0
        current = select(table.c.id, table.c.path).where(table.c.superseded_us.is_(None)).order_by(table.c.id)
        while True:
            with self._database.reading() as tx:
                page = tx.execute(current.where(table.c.id > after).limit(_PAGE_FILES)).all()
                named = index.spans().where(tables.span.c.file_id.in_([row.id for row in page]))
                spans: defaultdict[int, list[Span]] = defaultdict(list)
                for span in index.fetched(tx, named):
                    spans[span.file_id or 0].append(span)
            if not page:
                return
            after = page[-1].id
            yield from ((row.id, row.path, spans[row.id]) for row in page)

    def _rows(self) -> Iterator[Span]:
        """Rows with samples, and those whose file the index does not know."""
        table, after = tables.span, 0
        without_file = index.spans().where(tables.sealed_file.c.id.is_(None)).order_by(table.c.id).limit(_PAGE_ROWS)
        while True:
            with self._database.reading(once=True) as tx:
                page = index.fetched(tx, without_file.where(table.c.id > after))
            if not page:
                return
            after = page[-1].id
            yield from page

    def _of_row(self, span: Span) -> Iterator[Fault]:
        place = f"row {span.id}"
        if span.samples is None:
            yield Fault(place=place, reason="its file is not in the index")
            return
        try:
            (piece,) = span.pieces(self._archive)
        except SpanDamaged as error:
            yield Fault(place=place, reason=error.reason)
            return
        if (piece.count, piece.end_ns) != (span.count, span.end_ns):
            yield Fault(place=place, reason="it holds other samples than the index says")

    def _of_file(self, path: str, spans: list[Span]) -> Iterator[Fault]:
        try:
            content = self._archive.content(path)
        except OSError as error:
            yield Fault(place=path, reason=f"the file cannot be read: {error.strerror}")
            return
        size = spans[0].record_bytes or 0 if spans else 0
        places = sorted(int(record["place"]) for span in spans for record in span.table)
        if places != list(range(len(places))) or len(content) != len(places) * size:
            yield Fault(place=path, reason="it holds other records than the index says")
            return
        name = FileName.parse(path)
        for span in spans:
            if crc32(span.records or b"") != span.crc:
                yield Fault(place=path, reason="its records in the index are not what was written")
                continue
            for record in span.table:
                place = int(record["place"])
                reason = _contradiction(content[place * size : (place + 1) * size], span, record, name)
                if reason is not None:
                    yield Fault(place=path, reason=f"record {place} {reason}")

    def _is_current(self, file_id: int) -> bool:
        table = tables.sealed_file
        query = select(table.c.id).where(table.c.id == file_id, table.c.superseded_us.is_(None))
        with self._database.reading(once=True) as tx:
            return tx.execute(query).first() is not None

    def _unnamed(self) -> tuple[str, ...]:
        """Those that a sealer is about to name, too."""
        found = [name for name, _ in self._archive.names()]
        with self._database.reading(once=True) as tx:
            known = set(tx.execute(select(tables.sealed_file.c.path)).scalars())
        return tuple(name for name in found if name not in known)


def _contradiction(content: bytes, span: Span, record: Records, name: FileName | None) -> str | None:
    """How a record's bytes differ from what the index says of it; None: they do not."""
    if crc32(content) != record["crc"]:
        return "is not what was written"
    try:
        (header,) = headers(content)
        count = decode(content).size
    except (RecordDamaged, ValueError) as error:
        return f"cannot be read: {error}"
    if name is None or header.codes != name.codes:
        return f"is of {header.codes}, another channel than the file's name says"
    stated = Header(
        codes=header.codes,
        start_ns=int(record["start_ns"]),
        rate_hz=span.rate_hz,
        count=int(record["count"]),
        record_bytes=span.record_bytes or 0,
    )
    if stated != header or count != header.count:
        return "has another time, rate or number of samples than the index says"
    return None
