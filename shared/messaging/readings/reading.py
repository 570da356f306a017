"""Reading: one message of a bridge as it came, before anything of it is looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """`account`: who published it, as RabbitMQ has checked; None where accounts are not demanded.

    `sent_ns`: what the message says of its time, nanoseconds since 1970; None: nothing. `is_redelivered`: it was given
    to a worker before, which has not acknowledged it.
    """

    account: str | None
    network_id: str
    body: bytes
    sent_ns: int | None
    is_redelivered: bool = False
