"""The file that lists other back ends' accounts."""

import pytest

from shared.messaging.accounts.rpc_accounts import RpcAccountsWrong, read_rpc_accounts
from shared.messaging.accounts.rules import RpcAccount


def test_an_account_lists_its_methods_and_its_organisations_or_all() -> None:
    text = b'{"billing": {"methods": ["keys.get_key"], "organisations": ["org_1"]}, "all": {"methods": []}}'
    assert read_rpc_accounts(text) == {
        "billing": RpcAccount(methods=frozenset({"keys.get_key"}), organisations=frozenset({"org_1"})),
        "all": RpcAccount(methods=frozenset(), organisations=None),
    }


def test_a_bridge_lists_its_networks_and_calls_nothing() -> None:
    assert read_rpc_accounts(b'{"bridge": {"networks": ["net_1"]}}') == {
        "bridge": RpcAccount(methods=frozenset(), networks=frozenset({"net_1"}))
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"{", "truncated"),
        (b'{"keys": {"methods": []}}', "no service's"),
        (b'{"a.*": {"methods": []}}', "lower-case"),
        (b'{"a": {"methods": ["get_key"]}}', "SERVICE.METHOD"),
        (b'{"a": {"methods": ["keys.|.*"]}}', "SERVICE.METHOD"),
        (b'{"a": {"methods": ["usage.spent"], "organisations": []}}', "all organisations"),
        (b'{"a": {"methods": [], "organisation": []}}', "organisation"),
        (b'{"a": {"networks": ["net_|.*"]}}', "no network's id"),
        (b'{"a": {"networks": ["mexico"]}}', "no network's id"),
    ],
)
def test_what_is_wrong_is_named(text: bytes, told: str) -> None:
    with pytest.raises(RpcAccountsWrong, match=told):
        read_rpc_accounts(text)
