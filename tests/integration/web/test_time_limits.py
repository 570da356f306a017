"""A command that waits too long for the log is answered 503, and nothing of it is done."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from services.keys import tables
from shared.eventsourcing.audit import audit
from shared.sql.database import Database
from shared.sql.time_limits import TimeLimits
from tests.integration.web.asking import problem
from tests.integration.web.management import Management, management
from tests.servers import Postgres

pytestmark = pytest.mark.xdist_group("distributed")
BODY = {"name": "key", "permissions": ["sensors:read"]}


@pytest.fixture
def api(postgres: Postgres, tmp_path: Path) -> Iterator[Management]:
    database = Database(postgres.new_database(), TimeLimits(lock_seconds=0.1))
    api = management(tmp_path, keys_database=database)
    yield api
    api.close()


def test_a_log_that_stays_locked_costs_the_request_and_nothing_else(api: Management) -> None:
    keys_before = api.ask("GET", "/v1/keys").json["data"]
    operator = Database(api.keys.database.engine.url)
    with operator.transaction() as tx:
        tx.execute(select(tables.log_head).with_for_update())
        answer = api.ask("POST", "/v1/keys", json=BODY)
        problem(answer, 503, "unavailable")
        assert "Retry-After" in answer.headers
    operator.close()
    assert api.ask("GET", "/v1/keys").json["data"] == keys_before
    assert audit(api.keys.store).findings == ()
    assert api.ask("POST", "/v1/keys", json=BODY).status_code == 201
