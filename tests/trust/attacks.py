"""Attacks with all that a service has, in the middle of a siege. Each sees that it changed nothing and was counted."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from services.usage import tables
from shared.contracts.errors import NotAllowed
from shared.sql.database import Database
from tests.e2e.running import Distributed, eventually, judged
from tests.trust.attacker import FOLLOWED, METERED, Attacker
from tests.trust.forger import count, refused
from tests.trust.impostor import Impostor
from tests.trust.middle import Middle
from tests.trust.siege import (
    WAIT_SECONDS_MAX,
    Known,
    Siege,
    assert_came_in_time,
    assert_the_truth_was_told,
    counted_by,
    receipt_of,
)
from tests.trust.witnesses import Witnesses
from tests.usage_examples import batch, record

INVENTED, GATES_MAX = 1000, 64


def speak_for_others(siege: Siege, attacker: Attacker) -> None:
    """On the bus, at internal doors, in databases."""
    said = attacker.said_for_others()
    assert [(exchange, key) for exchange, key, body in said if attacker.says(exchange, key, body)] == []
    exchanges = ["", *(f"{other}.events" for other in attacker.others if other != "auth")]
    assert not any(attacker.says_by_a_dying_message(exchange, "KeyCreated") for exchange in exchanges)
    with counted_by(["keys"], lambda of: refused(siege.stack, of, "call-not-allowed")):
        assert attacker.says_by_a_dying_message("nameko-rpc", "keys.revoke_key")
    # An answer may be sent to anybody, whose reply queue has a name that nobody can guess; it reaches none.
    assert attacker.says("nameko-rpc", str(uuid.uuid4()), {"result": [], "error": None})
    for follower in FOLLOWED.keys() - {attacker.service}:
        is_buried = attacker.buries(follower, FOLLOWED[follower][0])
        assert is_buried == (attacker.service != "sensors"), "only who follows has dead letters"
        if is_buried:
            with counted_by([follower], lambda of: refused(siege.stack, of, "event-of-another")):
                assert siege.stack.grillo(follower, "dead", "replay", follower).returncode == 0
    with counted_by(["keys"], lambda of: count(siege.stack, of, "grillo_internal_refused_total"), by=2):
        assert attacker.door("keys").get("/metrics").status_code == 403
        strange = {"Authorization": f"Bearer {uuid.uuid4()}"}
        assert attacker.door("keys").get("/internal/feed", headers=strange).status_code == 401
    assert [other for other in attacker.others if attacker.opens_database_of(other)] == []


def meter_for_others(siege: Siege, attacker: Attacker) -> None:
    """In the segments of keys: at the beginning, where nothing is yet, and over all that there can be."""
    system, victim = siege.system, siege.system.create_key("sensors:read")
    with system.client(victim[1]) as client:
        assert [judged(lambda: client.get(f"/v1/keys/{victim[0]}")).status_code for _ in range(3)] == [403] * 3
    used = eventually(lambda: total(system, victim[0]), lambda used: used == 3, seconds=WAIT_SECONDS_MAX)
    segments = segments_of(system, "keys")
    assert segments
    forged = record(key_id=victim[0], organisation_id=system.organisation, request_id="forged")
    attempts = 3 * len(segments)
    foreign = r'grillo_usage_batches_total\{outcome="foreign"\}'
    with (
        counted_by(["usage"], lambda of: count(siege.stack, of, foreign), by=attempts),
        counted_by(["usage"], lambda of: refused(siege.stack, of, "batch-of-another"), by=attempts),
    ):
        for segment in segments:
            for start in (0, 10_000_000):
                attacker.publish("auth.events", "RequestMetered", batch(forged, segment=segment, start=start))
            swallowing = {"segment": segment, "start": 0, "end": 2**62, "records": []}
            attacker.publish("auth.events", "RequestMetered", swallowing)
    assert total(system, victim[0]) == used
    assert set(segments) <= set(segments_of(system, "keys"))


def swallow_batches(siege: Siege, attacker: Attacker) -> None:
    """Of the gates of each other service: read from the queue of usage, whose right that is, and counted nowhere."""
    of = {segment: other for other in attacker.others for segment in segments_of(siege.system, other)}
    with attacker.swallows(METERED) as swallowed:
        eventually(
            lambda: {of.get(batch["segment"]) for batch in swallowed},
            lambda found: found >= set(attacker.others),
            seconds=WAIT_SECONDS_MAX,
        )


def answer_in_keys_place(siege: Siege, middle: Middle, impostor: Impostor) -> None:
    with counted_by(siege.services, lambda of: count(siege.stack, of, r'grillo_unproved_total\{kind="pull"\}')):
        middle.answer = impostor.answer_pulls
        try:
            lies = impostor.lies("/internal/feed")
            eventually(lambda: impostor.told, lambda told: all(told[lie] >= 3 for lie in lies))
            assert_came_in_time(receipt_of(siege.system), siege.gates)
        finally:
            middle.answer = None


def invent_gates(siege: Siege, attacker: Attacker) -> None:
    """By the thousand; and speaks for those of others, and removes them."""

    of_refusal = r'grillo_gates_refused_total\{reason="%s"\}'
    before = {reason: count(siege.stack, "keys", of_refusal % reason) for reason in ("cap", "foreign")}
    name = f"invented-{attacker.service}-"
    with ThreadPoolExecutor(4) as pool:
        answered = Counter(pool.map(attacker.acknowledges, (f"{name}{number}" for number in range(INVENTED))))
    assert answered.keys() == {200, 503}
    assert answered[503] >= GATES_MAX
    assert {attacker.acknowledges(gate) for gate in siege.gates} == {403}
    assert {attacker.door("keys").delete(f"/internal/gates/{gate}").status_code for gate in siege.gates} == {403}
    for gate in siege.gates:
        with pytest.raises(NotAllowed, match="foreign"):
            attacker.pull_over_rpc(gate)
    assert_came_in_time(receipt_of(siege.system), siege.gates)
    told = {reason: count(siege.stack, "keys", of_refusal % reason) - before[reason] for reason in before}
    assert told["cap"] >= answered[503]
    assert told["foreign"] == 3 * len(siege.gates)


def answer_in_auth_s_place(siege: Siege, known: Known, middle: Middle, impostor: Impostor, starting: str) -> None:
    """When another service's gate starts."""
    with Witnesses(siege.stack, known.secrets, siege.services) as witnesses:
        middle.answer = impostor.answer_a_few_snapshots
        try:
            siege.stack.restart(starting)
        finally:
            middle.answer = None
        lies = impostor.lies("/internal/grants")
        assert all(impostor.told[lie] for lie in lies)
        assert count(siege.stack, starting, r'grillo_unproved_total\{kind="snapshot"\}') >= len(lies)
        witnesses.until_each_was_tried_twice()
    assert_the_truth_was_told(witnesses, siege.services)


def segments_of(distributed: Distributed, account: str) -> list[str]:
    """As usage's own database tells; a gate of any service hears their names in BatchesCounted."""
    database = Database(distributed.stack.databases()["usage"])
    table = tables.segment_account
    with database.reading() as tx:
        segments = list(tx.execute(select(table.c.segment).where(table.c.account == account)).scalars())
    database.close()
    return segments


def total(distributed: Distributed, key_id: str) -> int:
    with distributed.admin() as admin:
        used: int = judged(lambda: admin.get(f"/v1/keys/{key_id}/usage")).raise_for_status().json()["total"]
    return used
