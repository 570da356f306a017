"""Who is believed for what, as receivers decide it."""

import pytest

from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts, RpcAccount
from shared.values.accounts import SERVICES

BILLING = RpcAccount(methods=frozenset({"keys.revoke_key"}), organisations=frozenset({"org_1"}))
DEMANDED = Accounts(demanded=True, others={"billing": BILLING})


@pytest.mark.parametrize("account", [*sorted(SERVICES), "billing", "grillo", None])
def test_a_service_s_events_are_its_own_and_gates_of_all_services_speak_for_auth(account: str | None) -> None:
    publishes = {service for service in SERVICES if DEMANDED.may_publish(account, f"{service}.events")}
    assert publishes == ({account, "auth"} if account in SERVICES else set())


def test_an_answer_is_that_of_the_service_that_was_asked() -> None:
    assert DEMANDED.may_answer("keys", "keys.feed")
    assert DEMANDED.may_answer("usage", "usage")
    assert not DEMANDED.may_answer("sensors", "keys.feed")
    assert not DEMANDED.may_answer(None, "keys")


def test_services_call_what_they_need_and_others_what_their_account_lists() -> None:
    assert DEMANDED.may_call("usage", "keys.get_key")
    assert DEMANDED.may_call("sensors", "keys.feed.pull")
    assert DEMANDED.may_call("billing", "keys.revoke_key")
    for account, procedure in (
        ("sensors", "keys.get_key"),
        ("usage", "keys.revoke_key"),
        ("billing", "keys.delete_key"),
        ("nobody", "keys.feed.pull"),
        (None, "usage.spent"),
    ):
        assert not DEMANDED.may_call(account, procedure)


def test_an_account_may_be_bound_to_organisations() -> None:
    assert DEMANDED.may_name("billing", "org_1")
    assert DEMANDED.may_name("usage", "org_2")
    assert not DEMANDED.may_name("billing", "org_2")
    assert not DEMANDED.may_name("billing", None)


def test_where_nothing_is_demanded_all_are_believed() -> None:
    assert ALL_BELIEVED.may_publish(None, "keys.events")
    assert ALL_BELIEVED.may_answer(None, "keys")
    assert ALL_BELIEVED.may_call(None, "keys.revoke_key")
    assert ALL_BELIEVED.may_name(None, "org_1")


def test_readings_of_a_network_are_believed_of_its_bridges_alone() -> None:
    bridge = RpcAccount(methods=frozenset(), networks=frozenset({"net_1"}))
    demanded = Accounts(demanded=True, others={"bridge": bridge, "billing": BILLING})
    assert demanded.may_send_readings("bridge", "net_1")
    for account, network_id in (("bridge", "net_2"), ("billing", "net_1"), ("sensors", "net_1"), (None, "net_1")):
        assert not demanded.may_send_readings(account, network_id)
    assert ALL_BELIEVED.may_send_readings(None, "net_1")
