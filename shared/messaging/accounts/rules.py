"""Who may say what on the broker: which account is believed for an event, an answer, a call.

RabbitMQ's rights (ops/rabbitmq/rights.json) keep most of the rest away; this is what a receiver itself demands, of the
account that RabbitMQ has checked. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.values.accounts import SERVICES

# Each service's web processes have a gate, which speaks for auth and asks these two. Keys' console asks for usage and
# sensors and changes networks; keys asks for the networks that a key may be bound to.
GATES_SPEAK_FOR = "auth"
_GATE_CALLS = frozenset({"keys.feed.pull", "usage.spent"})
_CONSOLE_ASKS = ("summary", "last_day", "organisation_summary", "used", "activity", "activity_file", "channels")
_CONSOLE_CALLS = frozenset(f"usage.{procedure}" for procedure in _CONSOLE_ASKS)
_SENSORS_ASKS = ("networks_of", "network_states", "sensor_states", "create_network", "change_network", "delete_network")
_SENSORS_CALLS = frozenset(f"sensors.{procedure}" for procedure in _SENSORS_ASKS)
CALLS: Mapping[str, frozenset[str]] = dict.fromkeys(SERVICES, _GATE_CALLS) | {
    "keys": _GATE_CALLS | _CONSOLE_CALLS | _SENSORS_CALLS,
    "usage": _GATE_CALLS | {"keys.get_key", "keys.history"},
    "sensors": _GATE_CALLS | {"auth.verify_key"},
}
# A call that names no organisation: whose key it is about is in the answer.
JUDGED_BY_ANSWER = frozenset({"auth.verify"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcAccount:
    """What another back end may call. `methods`: SERVICE.METHOD; `organisations`: those it may name, None: any.

    `networks`: those whose devices' readings it may send, as a bridge.
    """

    methods: frozenset[str]
    organisations: frozenset[str] | None = None
    networks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """`demanded`: whether a message is believed as far as its account goes; if not, all are, as before accounts.

    `others`: the accounts of other back ends.
    """

    demanded: bool = False
    others: Mapping[str, RpcAccount] = field(default_factory=dict)

    def may_publish(self, account: str | None, exchange: str) -> bool:
        if not self.demanded:
            return True
        is_for_gates = exchange == f"{GATES_SPEAK_FOR}.events"
        return account in SERVICES and (is_for_gates or exchange == f"{account}.events")

    def may_answer(self, account: str | None, service: str) -> bool:
        """`service`: as it was asked; `keys.feed` is a part of keys."""
        return not self.demanded or account == service.partition(".")[0]

    def may_call(self, account: str | None, procedure: str) -> bool:
        """`procedure`: SERVICE.METHOD."""
        if not self.demanded:
            return True
        other = self.others.get(account or "")
        return procedure in (CALLS.get(account or "", frozenset()) if other is None else other.methods)

    def may_name(self, account: str | None, organisation_id: str | None) -> bool:
        """Whether a call may be about this organisation; None: about all of them."""
        other = self.others.get(account or "") if self.demanded else None
        return other is None or other.organisations is None or organisation_id in other.organisations

    def may_send_readings(self, account: str | None, network_id: str) -> bool:
        other = self.others.get(account or "")
        return not self.demanded or (other is not None and network_id in other.networks)


# Nothing is demanded: embedded, where all messages are of one process, and until AMQP_ACCOUNTS says otherwise.
ALL_BELIEVED = Accounts()
