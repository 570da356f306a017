"""Exchange `readings`: routing key is the network's id; one durable queue for all workers of the service that takes it.

Where the queue is full the broker refuses what is published: a bridge that asks for confirms keeps it and tries again.
"""

from kombu import Queue

from shared.messaging.exchanges import EVERYTHING, topic_exchange

READINGS = topic_exchange("readings", delivery_mode="persistent")
QUEUE_BYTES_MAX = 2 * 2**30
# Newer brokers drop a message that was delivered twenty times in vain; a sample is never dropped without a word.
_DELIVERIES_MAX = 1_000_000


def readings_queue(service: str) -> Queue:
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": _DELIVERIES_MAX,
        "x-max-length-bytes": QUEUE_BYTES_MAX,
        "x-overflow": "reject-publish",
    }
    name = f"{service}.receives.readings"
    return Queue(name, exchange=READINGS, routing_key=EVERYTHING, durable=True, queue_arguments=arguments)
