"""Messages that cannot be read, or whose headers lie: a container goes on, and counts what it could not read."""

import json
import subprocess
import sys

POISONED = """
from shared.messaging.eventlet_patching import cooperate
cooperate()
import json
import eventlet
import kombu
from nameko.rpc import get_rpc_exchange
from nameko.runners import ServiceRunner
from shared.messaging import embedded_transport
from shared.messaging.entrypoints import Sender, follows
from shared.messaging.exchanges import events_of
from shared.messaging.rpc.entrypoint import Procedure
from shared.observability import metrics

embedded_transport.register()
heard = []

class Follower:
    name = "auth"
    sender = Sender()

    @follows("auth", "keys")
    def hear(self, bodies):
        heard.extend(bodies)

    @Procedure.decorator
    def ask(self, body):
        heard.append(body)

configuration = {"AMQP_URI": embedded_transport.URL}
runner = ServiceRunner(configuration)
runner.add_service(Follower)
runner.start()
JSON = {"content_type": "application/json", "content_encoding": "utf-8"}
NO_CALL = "00000000-0000-0000-0000-000000000000"
unreadable = [
    (b'{"no end', JSON),
    (b"[" * 100_000, JSON),
    (bytes([0xff, 0xfe]), JSON),
    (b"{}", JSON | {"content_type": "application/x-python-serialize"}),
    (b"{}", JSON | {"headers": {"compression": "application/x-gzip"}}),
]
stacks = ({"nameko.call_id_stack": 7}, {"nameko.call_id_stack": [7, None]})
lies = (*stacks, {"nameko.traceparent": {}}, {"account": "keys"})
with kombu.Connection(embedded_transport.URL) as connection:
    producer = kombu.Producer(connection.channel())

    def publish(body, options):
        is_call = options.pop("is_call", False)
        call = json.dumps({"args": [json.loads(body)], "kwargs": {}}).encode() if is_call else body
        producer.publish(body, exchange=events_of("keys"), routing_key="KeyCreated", **options)
        producer.publish(
            call, exchange=get_rpc_exchange(configuration), routing_key="auth.ask", reply_to=NO_CALL, **options
        )
        eventlet.sleep(0.1)

    for body, options in unreadable:
        publish(body, dict(options))
    for number, headers in enumerate(lies):
        publish(json.dumps({"lie": number}).encode(), JSON | {"headers": headers, "is_call": True})
    publish(b'{"good": true}', JSON | {"is_call": True})
counted = metrics.messages_refused.labels("unreadable")._value.get()
print(json.dumps([counted, len(unreadable), sorted(map(json.dumps, heard))]))
runner.stop()
"""


def test_a_container_goes_on_after_messages_that_cannot_be_read_and_headers_that_lie() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", POISONED], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    counted, unreadable, heard = json.loads(done.stdout.splitlines()[-1])
    readable = [json.dumps(body) for body in ({"good": True}, *({"lie": number} for number in range(4)))]
    assert heard == sorted(2 * readable), "as an event and as a call"
    assert counted == 2 * unreadable
