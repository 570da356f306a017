"""What services keep beside the log can be dropped and made again from it, and is then the same to the byte."""

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import Connection, MetaData, Table, insert, select

from services.auth import assembly as auth
from services.auth import grants
from services.auth import tables as auth_tables
from services.auth.grants import FOLLOWER, GrantUncertain
from services.auth.tier_limits import TIERS
from services.auth.verification import verify
from services.keys import assembly as keys
from services.keys import tables as keys_tables
from services.keys.commands.command_inputs import KeyEdit, KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.decision import KeyIsRevoked
from services.keys.lifecycle.key import NoSuchKey, Reason
from services.keys.lifecycle.organisation import ChangeSettings
from services.keys.revocation.fence import grant_of
from services.keys.views import rebuild
from services.usage import assembly as usage
from services.usage import key_events
from services.usage import tables as usage_tables
from services.usage.alerting import tables as alerting
from services.usage.alerting.evaluation.evaluator import Evaluator
from services.usage.alerting.rules.rule_store import make_defaults
from services.usage.intake.metering import Metering
from services.usage.known_keys.directory import KnownKeys
from services.usage.notifications import tables as delivering
from services.usage.notifications.channel import EVENTS
from shared.contracts.decoding import decode
from shared.contracts.envelope import CloudEvent, to_json
from shared.contracts.keys import SHAPES
from shared.contracts.usage import SECRET_CHARACTERS, RequestMetered, RequestRecord, UsedAt
from shared.gate.grants.grant import Status
from shared.gate.grants.grants import Grants
from shared.replication.sql_follower import SqlFollower
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests import examples
from tests.examples import NOON, ORIGIN
from tests.service_database import migrated

WORDS = Description(name="Zanzibar railway", description="Zanzibar coast", labels={"zanzibar": "Zanzibar"})


class Bus:
    def __init__(self) -> None:
        self.published: list[CloudEvent] = []

    def publish(self, events: Sequence[CloudEvent]) -> int:
        self.published += events
        return len(events)


class Everything:
    """Keys with a small history, and the databases of two that follow it."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.bus, self.clock = Bus(), clock
        self.databases = {name: Database.sqlite(folder / f"{name}.db") for name in ("keys", "auth", "usage")}
        migrated(self.databases["keys"], keys.MIGRATIONS)
        self.keys = keys.assemble(self.databases["keys"], self.bus, clock, lease_seconds=1)
        migrated(self.databases["auth"], auth.MIGRATIONS)
        migrated(self.databases["usage"], usage.MIGRATIONS)

    def live(self) -> None:
        commands = self.keys.commands
        for tier in ("free", "premium"):
            organisation_id = commands.organisations.register("Ferrovie", tier, ORIGIN)
            full = KeyRequest(
                description=WORDS,
                permissions=("events:read", "sensors:read"),
                expires_at=examples.NOON,
                allow_query=False,
                allowed_addresses=("192.0.2.0/24",),
                minute_limit=5,
                day_limit=50,
            )
            least = KeyRequest(description=Description(name="k"), permissions=("admin",))
            for request in (full, least):
                for reason in (Reason.KEY_COMPROMISE, None):
                    self.clock.advance(1.5)
                    key_id = commands.create(organisation_id, request, ORIGIN).key_id
                    if reason:
                        commands.revoke(organisation_id, key_id, reason, "lost in Zanzibar", ORIGIN)
        for steps in itertools.product(self._steps(organisation_id), repeat=2):
            key_id = commands.create(organisation_id, least, ORIGIN).key_id
            for step in steps:
                self.clock.advance(1.5)
                with contextlib.suppress(NoSuchKey, KeyIsRevoked):
                    step(key_id)
        commands.organisations.change_tier(organisation_id, "standard", ORIGIN)
        commands.organisations.change_settings(
            organisation_id, ChangeSettings(unused_expiry_days=30, lifetime_max_days=90), ORIGIN
        )
        self.keys.relay.run()

    def _steps(self, organisation_id: str) -> list[Callable[[str], object]]:
        commands, later = self.keys.commands, self.clock.now() + timedelta(days=30)
        renamed = KeyEdit(description=lambda words: replace(words, name="Zanzibar line"))
        moved = KeyEdit(access=lambda access: replace(access, expires_at=later, allowed_addresses=("192.0.2.7",)))
        turned = KeyEdit(permissions=("events:read",), regenerate=True)
        return [
            lambda key_id: commands.edit(organisation_id, key_id, renamed, ORIGIN),
            lambda key_id: commands.edit(organisation_id, key_id, moved, ORIGIN),
            lambda key_id: commands.edit(organisation_id, key_id, turned, ORIGIN),
            lambda key_id: commands.rotate(organisation_id, key_id, timedelta(hours=1), ORIGIN),
            lambda key_id: commands.rotate(organisation_id, key_id, timedelta(0), ORIGIN, instead=True),
            lambda key_id: commands.suspend(organisation_id, key_id, ORIGIN),
            lambda key_id: commands.resume(organisation_id, key_id, ORIGIN),
            lambda key_id: commands.delete(organisation_id, key_id, ORIGIN),
        ]


@pytest.fixture
def everything(tmp_path: Path, clock: ManualClock) -> Iterator[Everything]:
    everything = Everything(tmp_path, clock)
    everything.live()
    yield everything
    for database in everything.databases.values():
        database.close()


def contents(database: Database, *tables: Table) -> list[list[tuple[Any, ...]]]:
    with database.reading() as tx:
        return [[tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key))] for table in tables]


def test_fences_see_of_a_key_what_gates_see(everything: Everything) -> None:
    gate, columns = Grants(), keys_tables.api_key.c
    for event in everything.bus.published:
        if shape := decode(event, SHAPES):
            gate.apply(shape)
    with everything.databases["keys"].reading() as tx:
        judged = [grant_of(row) for row in tx.execute(select(keys_tables.api_key).order_by(columns.id))]
    # What only narrows a key's use is judged by gates alone.
    wide: dict[str, Any] = {"allow_query": True, "allowed_addresses": (), "minute_limit": None, "day_limit": None}
    held, _ = gate.state()
    living = sorted((each for each in held if each.status is not Status.DELETED), key=lambda each: each.key_id)
    # Which secrets work no more is told by gates; a fence is asked of one that was admitted.
    assert judged == [structs.replace(each, **wide, replaced=()) for each in living]
    assert len(held) > len(living) > 40


def test_the_read_models_of_keys_are_what_its_log_adds_up_to(everything: Everything) -> None:
    service, models = everything.keys, rebuild._READ_MODELS
    key_id = _some_key(everything)[1]
    service.last_use.record({key_id: NOON}, {key_id: UsedAt(address="192.0.2.7", route="/v1/events")})
    before = contents(service.database, *models)
    assert all(before)
    with service.database.reading() as tx:
        assert service.rebuild() == service.store.head(tx).position
    assert contents(service.database, *models) == before


def test_the_grants_are_what_the_log_adds_up_to_also_page_by_page(everything: Everything) -> None:
    service = auth.assemble(everything.databases["auth"], everything.keys.feed, everything.clock)
    models = (auth_tables.grant, auth_tables.organisation_tier)
    for event in everything.bus.published:
        service.follower.apply([event])
    before = contents(service.database, *models)
    assert service.rebuild() == len(everything.bus.published)
    assert contents(service.database, *models) == before


def test_a_key_s_revision_is_its_stream_s_version(everything: Everything) -> None:
    with everything.databases["keys"].reading() as tx:
        rows = tx.execute(select(keys_tables.api_key)).all()
        for row in rows:
            assert row.revision == len(everything.keys.store.stream(tx, row.id))


def test_people_s_words_about_keys_stand_in_the_read_model_and_nowhere_in_log_or_envelopes(
    everything: Everything,
) -> None:
    database = everything.databases["keys"]
    assert "Zanzibar" in str(contents(database, keys_tables.api_key))
    assert "anzibar" not in str(contents(database, keys_tables.log, keys_tables.data_key))
    assert len(everything.bus.published) > 100
    assert not any("anzibar" in str(to_json(event)) for event in everything.bus.published)
    assert not any("Ferrovie" in str(to_json(event)) for event in everything.bus.published)


Handler = Callable[[Connection, CloudEvent], None]
FOLLOWERS: dict[str, tuple[str, MetaData, Handler, Callable[[Connection], None], tuple[Table, ...]]] = {
    grants.FOLLOWER: (
        "auth",
        auth_tables.metadata,
        grants.apply,
        grants.reset,
        (auth_tables.grant, auth_tables.organisation_tier),
    ),
    key_events.FOLLOWER: (
        "usage",
        usage_tables.metadata,
        key_events.apply,
        key_events.reset,
        (usage_tables.known_key, usage_tables.known_organisation),
    ),
}


@pytest.mark.parametrize("name", FOLLOWERS)
def test_a_handler_that_runs_twice_has_its_effect_once(everything: Everything, name: str) -> None:
    """Each event twice, and then all of them once more from the first: no row more, and no key awake again."""
    service, _, handle, _, tables = FOLLOWERS[name]
    database = everything.databases[service]
    with database.transaction() as tx:
        for event in everything.bus.published:
            handle(tx, event)
    once = contents(database, *tables)
    assert all(once)
    with database.transaction() as tx:
        for event in everything.bus.published:
            handle(tx, event)
            handle(tx, event)
    assert contents(database, *tables) == once


@pytest.mark.parametrize("name", FOLLOWERS)
def test_a_follower_that_starts_anew_comes_to_the_same_rows(everything: Everything, name: str) -> None:
    service, metadata, handle, reset, tables = FOLLOWERS[name]
    database = everything.databases[service]
    follower = SqlFollower(name, database, metadata, handle, reset, everything.clock)
    follower.apply(everything.bus.published)
    before = contents(database, *tables)
    follower.restart()
    assert not any(contents(database, *tables))
    follower.apply(everything.bus.published)
    assert contents(database, *tables) == before


def test_a_deletion_takes_what_callers_revealed_of_themselves_and_leaves_the_counters(everything: Everything) -> None:
    database, metering = everything.databases["usage"], Metering(everything.databases["usage"])
    deleted = next(event for event in everything.bus.published if event.type == "KeyDeleted").subject
    evaluator = Evaluator(database, TIERS, lambda *_: True, everything.clock)
    with database.transaction() as tx:
        make_defaults(tx, "org_1", NOON)
        insert_channel(tx, "org_1")
    metering.take_in(used("early", deleted, "key_of_another"))
    evaluator.run()
    metering.take_in(used("not evaluated yet", deleted))
    counted = contents(database, usage_tables.counter)
    with database.transaction() as tx:
        for event in everything.bus.published:
            key_events.apply(tx, event)
    assert contents(database, usage_tables.counter) == counted
    metering.take_in(used("late", deleted, "key_of_another"))
    evaluator.run()
    with database.reading() as tx:
        kept = {(row.key_id, row.address, row.user_agent) for row in tx.execute(select(usage_tables.request))}
        told = {row.key_id: row.facts for row in tx.execute(select(alerting.alert))}
        sent = {row.key_id: row.payload for row in tx.execute(select(delivering.delivery))}
    assert kept == {(deleted, "", ""), ("key_of_another", "192.0.2.7", "curl")}
    for kept_of in (told, sent):
        assert ("192.0.2.7" in kept_of[deleted], "192.0.2.7" in kept_of["key_of_another"]) == (False, True)
        assert ("curl" in kept_of[deleted], "curl" in kept_of["key_of_another"]) == (False, True)
    assert not KnownKeys(database).belongs_to(deleted, "org_1")


def insert_channel(tx: Connection, organisation_id: str) -> None:
    """One that takes everything."""
    row = {"organisation_id": organisation_id, "kind": "webhook", "target": "https://hooks.example.org/"}
    row |= {"id": "chn_1", "events": json.dumps(EVENTS)}
    tx.execute(insert(delivering.channel).values(row | {"revision": 1, "created_at": 0}))


def used(segment: str, *key_ids: str) -> RequestMetered:
    """A batch with a refused request of each key: the kind that raises alerts."""
    records = tuple(
        RequestRecord(
            request_id="req_1",
            at=NOON,
            key_id=key_id,
            organisation_id="org_1",
            method="GET",
            route="/v1/sensors",
            status=401,
            cost=0,
            duration_us=1,
            size=1,
            address="192.0.2.7",
            user_agent="curl",
        )
        for key_id in key_ids
    )
    return RequestMetered(segment=segment, start=0, end=1, records=records)


def test_grants_are_stored_alike_in_every_process(everything: Everything) -> None:
    """A set has another order in each process; a row may not."""
    assert '"permissions":["events:read","sensors:read"]' in str(_followed(everything))


def test_the_last_use_of_a_key_is_the_latest_told_however_often_and_in_whatever_order(everything: Everything) -> None:
    (organisation_id, key_id) = _some_key(everything)
    earlier, later = NOON, NOON.replace(minute=5)
    for told in (earlier, later, later, earlier):
        place = UsedAt(address="192.0.2.7" if told == later else "192.0.2.8", route="/v1/events")
        everything.keys.last_use.record({key_id: told, "key_of_nobody": told}, {key_id: place})
    shown = everything.keys.queries.get_key(organisation_id, key_id)
    assert (shown.last_used_at, shown.last_used_address, shown.last_used_route) == (later, "192.0.2.7", "/v1/events")


def test_the_secret_before_is_shown_during_its_grace_with_its_own_last_use(everything: Everything) -> None:
    service, clock = everything.keys, everything.clock
    (organisation_id, _) = _some_key(everything)
    request = KeyRequest(description=WORDS, permissions=("admin",))
    created = service.commands.create(organisation_id, request, ORIGIN)
    hour, secret = timedelta(hours=1), created.secret.digest[:SECRET_CHARACTERS]
    service.commands.rotate(organisation_id, created.key_id, hour, ORIGIN)

    def use(digest: str, at: datetime) -> None:
        service.last_use.record({created.key_id: at}, {}, {created.key_id: {digest: at}})

    def shown() -> tuple[object, object]:
        view = service.queries.get_key(organisation_id, created.key_id)
        return view.previous_hint, view.previous_used_at

    assert shown() == (created.secret.hint, None)
    now, earlier = clock.now(), clock.now() - timedelta(minutes=1)
    for at in (earlier, now, earlier):
        use(secret, at)
    use("0" * SECRET_CHARACTERS, now + hour)
    assert shown() == (created.secret.hint, now)
    service.commands.rotate(organisation_id, created.key_id, timedelta(), ORIGIN, instead=True)
    assert shown() == (created.secret.hint, now)
    clock.advance(1)
    before = contents(service.database, keys_tables.api_key)
    service.rebuild()
    assert contents(service.database, keys_tables.api_key) == before
    assert service.as_of.at(organisation_id, created.key_id, clock.now(), clock.now()).key.previous_hint == shown()[0]
    clock.advance(3600)
    assert shown() == (None, None)
    second = service.commands.rotate(organisation_id, created.key_id, hour, ORIGIN)
    use(secret, clock.now())
    assert shown()[0] not in (created.secret.hint, second.secret.hint, None)
    assert shown()[1] is None


def test_a_key_with_an_event_that_auth_could_not_apply_is_named_to_gates_and_refused_over_rpc(
    everything: Everything,
) -> None:
    book = auth.assemble(everything.databases["auth"], everything.keys.feed, everything.clock).book
    revoked = next(event for event in everything.bus.published if event.type == "KeyRevoked")

    def fails_for_it(tx: Connection, event: CloudEvent) -> None:
        if event == revoked:
            raise ZeroDivisionError
        grants.apply(tx, event)

    follower = SqlFollower(
        FOLLOWER, everything.databases["auth"], auth_tables.metadata, fails_for_it, grants.reset, everything.clock
    )
    follower.apply(everything.bus.published)
    snapshot = book.snapshot()
    assert snapshot.unappliable == (revoked.subject,)
    digests = {grant.key_id: grant.digest for grant in snapshot.grants}
    digest = digests[revoked.subject]
    with pytest.raises(GrantUncertain):
        book.by_digest(digest)
    refused = verify(book, everything.clock, digest)
    assert (refused.valid, refused.problem, refused.permissions) == (False, "unavailable", ())
    others = {key_id for key_id in digests if verify(book, everything.clock, digests[key_id]).problem == "unavailable"}
    assert others == {revoked.subject}


def _followed(everything: Everything) -> list[list[tuple[Any, ...]]]:
    database = everything.databases["auth"]
    SqlFollower(FOLLOWER, database, auth_tables.metadata, grants.apply, grants.reset, everything.clock).apply(
        everything.bus.published
    )
    return contents(database, auth_tables.grant)


def _some_key(everything: Everything) -> tuple[str, str]:
    with everything.databases["keys"].reading() as tx:
        row = tx.execute(select(keys_tables.api_key)).first()
    assert row is not None
    return row.organisation_id, row.id


def test_a_secret_in_a_url_is_remembered_until_the_key_has_another(everything: Everything) -> None:
    service, clock = everything.keys, everything.clock
    (organisation_id, _) = _some_key(everything)
    request = KeyRequest(description=WORDS, permissions=("admin",))
    key_id = service.commands.create(organisation_id, request, ORIGIN).key_id

    def shown() -> object:
        return service.queries.get_key(organisation_id, key_id).sent_in_query_at

    now, earlier = clock.now(), clock.now() - timedelta(minutes=1)
    for at in (earlier, now, earlier):
        service.last_use.record({}, in_query={key_id: at})
    assert shown() == now
    before = contents(service.database, keys_tables.api_key)
    service.rebuild()
    assert contents(service.database, keys_tables.api_key) == before
    clock.advance(1)
    service.commands.rotate(organisation_id, key_id, timedelta(hours=1), ORIGIN)
    service.last_use.record({}, in_query={key_id: now})  # told late, of the secret before
    assert shown() is None
