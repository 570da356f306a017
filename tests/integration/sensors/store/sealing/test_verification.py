"""Verification names every place where a file, a row and the index differ, and nothing else."""

import pytest
from sqlalchemy import func, select, update

from services.sensors import tables
from shared.runtime.clock import ManualClock
from tests.integration.sensors.store.stored_samples import StoredSamples, records


@pytest.fixture
def sealed(stored: StoredSamples, clock: ManualClock) -> StoredSamples:
    stored.add(*records(range(300)))
    clock.advance(300)
    stored.sealer().run()
    stored.add(*records(range(300, 310)))
    return stored


def reasons(stored: StoredSamples) -> list[str]:
    return [fault.reason for fault in stored.verification.run().faults]


def test_what_is_whole_has_no_faults_and_is_counted(sealed: StoredSamples) -> None:
    verified = sealed.verification.run()
    assert (verified.files, verified.rows, verified.samples) == (1, 10, 9920)
    assert (verified.faults, verified.unnamed) == ((), ())


@pytest.mark.parametrize("at", [8, 24, 33, 64, 200, 4095, 5000])
def test_any_changed_byte_of_a_file_is_named(sealed: StoredSamples, at: int) -> None:
    (name, _), *_ = sealed.archive.names()
    path = sealed.archive.folder / name
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    (fault,) = sealed.verification.run().faults
    assert (fault.place, fault.reason) == (name, f"record {at // 4096} is not what was written")


def test_a_missing_or_shortened_file_is_named(sealed: StoredSamples) -> None:
    (name, _), *_ = sealed.archive.names()
    path = sealed.archive.folder / name
    path.write_bytes(path.read_bytes()[:-4096])
    assert reasons(sealed) == ["it holds other records than the index says"]
    path.unlink()
    assert reasons(sealed) == ["the file cannot be read: No such file or directory"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"rate_hz": 31.0}, "another time, rate or number"),
        ({"crc": 1}, "not what was written"),
        ({"file_id": 77}, "not in the index"),
    ],
)
def test_a_changed_index_is_named(sealed: StoredSamples, changed: dict[str, float], reason: str) -> None:
    with sealed.database.transaction() as tx:
        tx.execute(update(tables.span).where(tables.span.c.samples.is_(None)).values(changed))
    assert any(reason in said for said in reasons(sealed))


def test_a_changed_row_is_named(sealed: StoredSamples) -> None:
    with sealed.database.transaction() as tx:
        last = select(func.max(tables.span.c.start_ns)).scalar_subquery()
        tx.execute(update(tables.span).where(tables.span.c.start_ns == last).values(samples=b"\0" * 128))
    assert reasons(sealed) == ["its samples are not what was written"]
