"""Recordings older than their organisation keeps them go, rows and files alike; others stay."""

from services.sensors.store.sealing.retention import Retention
from shared.runtime.clock import ManualClock
from tests.examples import ORGANISATION_ID
from tests.integration.sensors.store.stored_samples import StoredSamples, counting

_DAY = 24 * 112_500  # samples


def test_whole_hours_go_when_they_are_older_than_said(stored: StoredSamples, clock: ManualClock) -> None:
    retention = Retention(stored.database, clock)
    stored.add(counting(0, 100), counting(_DAY, 100), counting(2 * _DAY, 100))
    clock.advance(2 * 86_400 + 3600)
    stored.sealer().run()
    stored.add(counting(1000, 100), counting(2 * _DAY + 1000, 100))
    retention.keep("org_another", 1)
    assert (retention.run(), len(stored.samples(end_ns=2**62))) == (0, 500)
    retention.keep(ORGANISATION_ID, 2)
    assert retention.kept_days(ORGANISATION_ID) == 2
    assert retention.run() == 2
    kept = [*range(_DAY, _DAY + 100), *range(2 * _DAY, 2 * _DAY + 100), *range(2 * _DAY + 1000, 2 * _DAY + 1100)]
    assert stored.samples(end_ns=2**62) == kept
    stored.sweep.run()
    verified = stored.verification.run()
    assert (verified.files, verified.faults, verified.unnamed) == (2, (), ())
    retention.keep(ORGANISATION_ID, None)
    clock.advance(10**9)
    assert retention.run() == 0
