"""What no consumer can take, on every queue that there is; and consumers that stand still: all others go on, and so do
they."""

import json
import re
from collections.abc import Callable
from functools import partial
from itertools import product
from operator import le
from pathlib import Path
from typing import Any

import kombu
import pytest

from tests.against_the_log import Log
from tests.e2e.running import Distributed, eventually
from tests.faults.load import Load, await_each_counted_once
from tests.faults.wholeness import RECOVERY_SECONDS_MAX, Wholeness
from tests.servers import RabbitMq, suspended
from tests.stack import Stack

pytestmark = [pytest.mark.xdist_group("distributed"), pytest.mark.timeout(400)]
SEED, ANSWERS = 23, 200
GROWTH_KIB_MAX = 64 * 1024
JSON = {"content_type": "application/json", "content_encoding": "utf-8"}
REPLY_TO = "00000000-0000-0000-0000-000000000000"
UNREADABLE: tuple[tuple[bytes, dict[str, Any]], ...] = (
    (b'{"position": ', JSON),
    (b"[" * 100_000, JSON),
    (b"\xff\xfe", JSON),
    (b"{}", JSON | {"headers": {"compression": "application/x-gzip"}}),
)
WRONG: tuple[tuple[bytes, dict[str, Any]], ...] = (
    *((body, JSON) for body in (b"7", b"[]", b"null", b'"text"', b'{"args": 7, "kwargs": []}')),
    (json.dumps({"type": "NobodyKnowsIt", "position": -1, "data": {}}).encode(), JSON),
    (b'"' + b"x" * (4 << 20) + b'"', JSON),
    (b"{}", JSON | {"headers": {"nameko.call_id_stack": 7, "nameko.traceparent": {}, "account": "keys"}}),
)
# What a binding stands for, where it is a pattern; and who may say so.
SAID = {"#": "NobodyKnowsIt", "auth.*": "auth.verify", "keys.*": "keys.get_key", "keys.feed.*": "keys.feed.pull"}
SAID |= {"usage.*": "usage.summary", "sensors.*": "sensors.list_sensors"}
ACCOUNTS = {"nameko-rpc": "back-office", "readings": "bridge-mexico"}
NETWORK = "net_of_the_bridge"


def test_what_cannot_be_taken_stops_no_consumer_of_any_queue_and_is_counted_or_kept(
    running: Distributed, broker: RabbitMq, log: Log
) -> None:
    stack, uri = running.stack, running.stack.amqp_uri("keys")
    consumed = {name for name, consumers in broker.consumers(uri).items() if consumers}
    bindings = {
        one["destination_name"]: (one["source_name"], one["routing_key"])
        for one in broker.bindings(uri)
        if one["destination_name"] in consumed and one["source_name"]
    }
    assert [name for name in consumed - bindings.keys() if not name.startswith("rpc.reply-")] == [], "left out"
    whole, processes, before = Wholeness(running, log), stack.pids(), _unreadable(stack)
    for (exchange, key), (body, options) in product(sorted(set(bindings.values())), UNREADABLE + WRONG):
        _publish(stack, exchange, NETWORK if exchange == "readings" else SAID.get(key, key), body, options)

    def waiting() -> dict[str, int]:
        return {one["name"]: one["messages"] for one in broker.queues(uri, "messages")}

    eventually(waiting, lambda told: not any(told[name] for name in bindings), seconds=RECOVERY_SECONDS_MAX, every=1)
    whole.wait()
    assert stack.pids() == processes, "none ended"
    kept = waiting()
    assert [name for name in bindings if ".follows." in name and kept[f"{name}.dead"] < len(UNREADABLE)] == [], kept
    heard = [
        name for name, (exchange, _) in bindings.items() if exchange != "readings"
    ]  # sensors tells of those itself
    assert _unreadable(stack) - before >= len(UNREADABLE) * len(heard)
    eventually(log.behind, lambda behind: behind == [], every=0.5)


@pytest.mark.parametrize("role", ["web sensors public", "worker usage"])
def test_a_consumer_that_stands_still_holds_up_no_other_and_takes_what_waits_once_it_can(
    running: Distributed,
    broker: RabbitMq,
    log: Log,
    role: str,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    stack, whole = running.stack, Wholeness(running, log)
    slow = [pid for name, pid in stack.pids() if role in name]
    assert slow, stack.pids()
    with Load(running, seed=SEED) as ledger:
        whole.wait()
        memory = {pid: _kibibytes(pid) for _, pid in stack.pids()}
        with suspended(slow):
            told = len(ledger.receipts)
            eventually(lambda: len(ledger.receipts), partial(le, told + 3), seconds=120, every=0.5)
            if role.startswith("worker"):
                answers = len(ledger.answered)
                eventually(lambda: len(ledger.answered), partial(le, answers + ANSWERS), seconds=120, every=0.5)
        record_testsuite_property(f"{role} stood still: seconds to recover", whole.wait())
        assert [pid for pid, before in memory.items() if _kibibytes(pid) > before + GROWTH_KIB_MAX] == []
    assert ledger.admitted_after_receipt == []
    await_each_counted_once(log, ledger)
    eventually(lambda: broker.queues(stack.amqp_uri("keys"), "messages"), _is_drained, every=1)
    eventually(log.behind, lambda behind: behind == [], every=0.5)


def _publish(stack: Stack, exchange: str, key: str, body: bytes, options: dict[str, Any]) -> None:
    account = ACCOUNTS.get(exchange) or exchange.partition(".")[0]
    with kombu.Connection(stack.amqp_uri(account)) as connection:
        producer = kombu.Producer(connection.channel())
        producer.publish(body, exchange=exchange, routing_key=key, user_id=account, reply_to=REPLY_TO, **options)


def _unreadable(stack: Stack) -> float:
    """How many messages processes could not read."""
    counted = r'^grillo_messages_refused_total\{reason="unreadable"\} (\S+)$'
    told = [stack.metrics(name) for name in (*stack.services, "console")]
    return sum(map(float, re.findall(counted, "\n".join(told), re.M)))


def _is_drained(queues: list[dict[str, Any]]) -> bool:
    return all(one["messages"] == 0 for one in queues if not one["name"].endswith(".dead"))


def _kibibytes(pid: int) -> int:
    told = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(told[1]) if told else 0
