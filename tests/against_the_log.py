"""Whether everything that follows the log of keys says what the log says: read models, gates, usage."""

from collections.abc import Mapping

import httpx
from sqlalchemy import select

from services.auth import assembly as auth
from services.auth.grants import GrantBook
from services.auth.tier_limits import TIERS
from services.keys import tables as keys_tables
from services.keys.events import types
from services.keys.publication import publish
from services.usage import assembly as usage
from services.usage import tables as usage_tables
from shared.contracts import keys as public
from shared.contracts.decoding import decode
from shared.eventsourcing.event_store import Head
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.gate.grants.grant import Status
from shared.gate.grants.grants import Grants
from shared.replication.envelopes import Envelopes
from shared.replication.feed import LogFeed
from shared.runtime.clock import SystemClock
from shared.sql.database import Database
from tests import local_http
from tests.histories import held
from tests.stack import Stack


class Log:
    """The log of keys in its database, folded anew from its first row each time it is asked."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        """`urls`: of the databases of keys, auth and usage."""
        self._databases = {service: Database(url) for service, url in urls.items()}
        store = SqlEventStore(self._databases["keys"], keys_tables.metadata)
        self._feed = LogFeed(self._databases["keys"], store, Envelopes("keys", types, publish))

    def close(self) -> None:
        for database in self._databases.values():
            database.close()

    def folded(self) -> tuple[Grants, Head | None]:
        grants, place = Grants(), None
        while (page := self._feed.pull(place)).events:
            for envelope in page.events:
                if (event := decode(envelope, public.SHAPES)) is not None:
                    grants.apply(event)
            place = page.events[-1].place
        return grants, place

    def happened(self) -> set[tuple[str, str]]:
        """(type, stream) of each row."""
        table = keys_tables.log
        with self._databases["keys"].reading() as tx:
            return {(row.type, row.stream) for row in tx.execute(select(table.c.type, table.c.stream))}

    def behind(self) -> list[str]:
        """What differs from the log, in words; empty when all are equal."""
        grants, place = self.folded()
        snapshot = GrantBook(self._databases["auth"], TIERS).snapshot()
        found = []
        if snapshot.place != place:
            found.append(f"auth stands at {snapshot.place}, the log at {place}")
        elif held(snapshot).state() != grants.state():
            found.append("auth's grants differ")
        follower = usage.follower_of_keys(self._databases["usage"], SystemClock())
        if follower.checkpoint() != place:
            found.append(f"usage stands at {follower.checkpoint()}, the log at {place}")
        with self._databases["usage"].reading() as tx:
            known = {row.key_id for row in tx.execute(select(usage_tables.known_key))}
        if known != {grant.key_id for grant in grants.state()[0] if grant.status is not Status.DELETED}:
            found.append("usage knows other keys")
        parked = [*follower.parked(), *auth.follower_of_keys(self._databases["auth"], SystemClock()).parked()]
        return found + [f"parked: {event}" for event in parked]

    def counted_requests(self) -> list[str]:
        """The request ids that usage holds, each as often as it was counted."""
        table = usage_tables.request
        with self._databases["usage"].reading() as tx:
            return list(tx.execute(select(table.c.request_id)).scalars())


# A resource of each service, and none that a key with events:read may use.
BEHIND = {"keys": "/v1/keys", "usage": "/v1/keys/key_any/usage", "sensors": "/v1/sensors"}
GATES = tuple(BEHIND)


def verdicts(stack: Stack, service: str, secrets: list[str], *, by: str = "127.0.0.1") -> list[int]:
    """What a service's own gate says of keys with events:read: 403 while they live, 401 when they are dead.

    `by`: the caller's address, of the loopback network; each may guess as often as any.
    """
    transport = httpx.HTTPTransport(verify=local_http.TRUSTS_NOBODY, local_address=by)
    with local_http.client(base_url=stack.public_url(service), timeout=10, transport=transport) as client:
        answers = [client.get(BEHIND[service], headers={"Authorization": f"Bearer {secret}"}) for secret in secrets]
    return [answer.status_code for answer in answers]
