"""Messages about exports: to the organisation's channels that take them, once each, however often sensors tells."""

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import insert

from services.usage import tables
from services.usage.notifications.channel import Channel, Kind
from services.usage.notifications.channels.channel_store import ChannelStore
from services.usage.notifications.deliveries.delivery_views import DeliveryViews
from services.usage.notifications.export_notices import ExportNotices
from shared.contracts.sensors import ExportEnded
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON

ENDED = ExportEnded(
    export_id="exp_1",
    organisation_id="org_1",
    key_id="key_1",
    format="csv",
    finished_at=NOON,
    expires_at=NOON + timedelta(days=1),
    bytes=7,
    sha256="5f" * 32,
)


@pytest.fixture
def notices(usage_database: Database, clock: ManualClock) -> ExportNotices:
    with usage_database.transaction() as tx:
        for key_id, organisation_id in (("key_1", "org_1"), ("key_2", "org_2")):
            known = {"key_id": key_id, "organisation_id": organisation_id, "hint": f"hint of {key_id}"}
            tx.execute(insert(tables.known_key).values(**known))
    return ExportNotices(usage_database, clock)


def channel(database: Database, channel_id: str, *events: str, organisation_id: str = "org_1", days: int = -1) -> None:
    """`days`: from NOON, when it was made."""
    made = Channel(
        id=channel_id,
        organisation_id=organisation_id,
        kind=Kind.EMAIL,
        target="ops@example.org",
        events=events,
        created_at=NOON + timedelta(days=days),
    )
    ChannelStore(database).add(made)


def told(database: Database, organisation_id: str = "org_1") -> list[tuple[str, str]]:
    return sorted((one.channel_id, one.type) for one in DeliveryViews(database).page(organisation_id, 100)[0])


def test_each_channel_that_takes_them_is_told_once(usage_database: Database, notices: ExportNotices) -> None:
    channel(usage_database, "chn_ready", "ExportReady")
    channel(usage_database, "chn_failed", "ExportFailed")
    channel(usage_database, "chn_alerts", "AlertRaised")
    channel(usage_database, "chn_later", "ExportReady", days=1)
    channel(usage_database, "chn_other", "ExportReady", "ExportFailed", organisation_id="org_2")
    for _ in range(2):
        notices.take(ENDED)
    assert told(usage_database) == [("chn_ready", "ExportReady")]
    assert told(usage_database, "org_2") == []


def test_a_ready_one_says_where_the_file_is_and_a_failed_one_why(
    usage_database: Database, notices: ExportNotices
) -> None:
    channel(usage_database, "chn_1", "ExportReady", "ExportFailed")
    notices.take(ENDED)
    failed = ExportEnded(
        export_id="exp_2",
        organisation_id="org_1",
        key_id="key_2",
        format="sds",
        finished_at=NOON,
        fault="key-revoked",
    )
    notices.take(failed)
    sent = {one.type: one.payload for one in DeliveryViews(usage_database).page("org_1", 100)[0]}
    assert sent["ExportReady"]["data"] == {
        "export_id": "exp_1",
        "organisation_id": "org_1",
        "key_id": "key_1",
        "hint": "hint of key_1",
        "format": "csv",
        "file": "/v1/exports/exp_1/file",
        "bytes": 7,
        "sha256": "5f" * 32,
        "expires_at": "2026-11-24T12:00:00.000000Z",
    }
    assert sent["ExportFailed"]["data"] == {
        "export_id": "exp_2",
        "organisation_id": "org_1",
        "key_id": "key_2",
        "hint": None,  # another organisation's key: nothing of it is told
        "format": "sds",
        "fault": "key-revoked",
    }


@pytest.mark.parametrize("size", [-1, 2**63])
def test_a_size_that_no_export_has_is_not_believed(size: int) -> None:
    told = msgspec.to_builtins(ENDED) | {"bytes": size}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, type=ExportEnded)
