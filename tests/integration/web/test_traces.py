"""The caller's own trace: with each change in the log, with what channels are told of it, and with log lines."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from services.keys import tables as keys_tables
from services.keys.views.queries import KeyView
from services.usage.notifications import tables as usage_tables
from shared.observability import logs
from tests.integration.web.management import Management
from tests.integration.web.test_alerts_api import channel

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
BODY = {"name": "key", "permissions": ["sensors:read"]}


def metadata(api: Management) -> Any:
    """Of the last change in the log."""
    newest = select(keys_tables.log.c.metadata).order_by(keys_tables.log.c.position.desc()).limit(1)
    with api.keys.database.reading() as tx:
        return json.loads(tx.execute(newest).scalar_one())


def traces_of_deliveries(api: Management) -> list[str | None]:
    with api.usage.database.reading() as tx:
        return list(tx.execute(select(usage_tables.delivery.c.traceparent)).scalars())


def test_a_change_is_in_its_caller_s_trace_and_so_is_what_channels_are_told(api: Management) -> None:
    api.usage.subscription.pull()
    channel(api, events=["KeyCreated"])
    assert api.ask("POST", "/v1/keys", json=BODY, headers={"traceparent": TRACEPARENT}).status_code == 201
    assert metadata(api)["traceparent"] == TRACEPARENT
    api.usage.subscription.pull()
    assert traces_of_deliveries(api) == [TRACEPARENT]
    # Neither what is sent is of another's trace, nor what the same thread answers next.
    assert api.ask("POST", "/v1/keys", json=BODY).status_code == 201
    assert "traceparent" not in metadata(api)
    api.usage.subscription.pull()
    assert traces_of_deliveries(api) == [TRACEPARENT, None]


@pytest.mark.parametrize("given", ["", "00-0-0-00", f"ff-{TRACE}-00f067aa0ba902b7-01", "grl_" + "x" * 49])
def test_what_is_no_trace_is_kept_nowhere(api: Management, given: str) -> None:
    assert api.ask("POST", "/v1/keys", json=BODY, headers={"traceparent": given}).status_code == 201
    assert "traceparent" not in metadata(api)


def test_a_log_line_says_in_which_trace(api: Management, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}
    get_key = api.keys.queries.get_key

    def look(organisation_id: str, key_id: str) -> KeyView:
        """As the handler calls it while a request is answered."""
        told.update(logs._add_request(None, "info", {}))
        return get_key(organisation_id, key_id)

    monkeypatch.setattr(api.keys.queries, "get_key", look)
    api.ask("GET", "/v1/keys/self", headers={"traceparent": TRACEPARENT})
    assert told["trace_id"] == TRACE
