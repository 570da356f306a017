"""The file of RPC accounts: what each of the other back ends may call, about which organisations, and which networks'
readings it may send.
"""

import re
from collections.abc import Mapping

import msgspec

from shared.messaging.accounts.rules import RpcAccount
from shared.values.accounts import SERVICES

# RabbitMQ's rights hold the name as a regular expression: it must match nothing but itself.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}", re.ASCII)
_METHOD = re.compile(r"(?:keys|auth|usage|sensors|keys\.feed)\.[a-z_]+", re.ASCII)
# It becomes a routing key, and part of a regular expression.
_NETWORK = re.compile(r"net_[0-9A-Za-z_]{1,28}", re.ASCII)
_ABOUT_ALL = frozenset({"usage.spent", "keys.feed.pull"})


class RpcAccountsWrong(Exception):
    """The file cannot be used. Says what must change."""


class _Listed(msgspec.Struct, forbid_unknown_fields=True):
    methods: list[str] = []
    organisations: list[str] | None = None
    networks: list[str] = []


def read_rpc_accounts(text: bytes) -> Mapping[str, RpcAccount]:
    """From JSON: `{"ACCOUNT": {"methods": ["keys.get_key", …], "organisations": ["org_…"] or null for all}}`;
    a bridge has `"networks": ["net_…"]`, beside these or alone.

    Raises RpcAccountsWrong.
    """
    try:
        listed = msgspec.json.decode(text, type=dict[str, _Listed])
    except msgspec.MsgspecError as error:
        raise RpcAccountsWrong(str(error)) from None
    return {name: _account(name, account) for name, account in listed.items()}


def _account(name: str, listed: _Listed) -> RpcAccount:
    if not _NAME.fullmatch(name) or name in SERVICES:
        raise RpcAccountsWrong(
            f"account {name!r}: up to 31 lower-case letters, digits and -, beginning with a letter, and no service's"
        )
    methods = frozenset(listed.methods)
    if wrong := sorted(method for method in methods if not _METHOD.fullmatch(method)):
        raise RpcAccountsWrong(f"account {name}: {wrong[0]!r} is not of the form SERVICE.METHOD")
    if listed.organisations is not None and (about_all := sorted(methods & _ABOUT_ALL)):
        raise RpcAccountsWrong(f"account {name}: {about_all[0]} is about all organisations, and it may name some only")
    if wrong := [network for network in listed.networks if not _NETWORK.fullmatch(network)]:
        raise RpcAccountsWrong(f"account {name}: {wrong[0]!r} is no network's id, as net_…")
    organisations = None if listed.organisations is None else frozenset(listed.organisations)
    return RpcAccount(methods=methods, organisations=organisations, networks=frozenset(listed.networks))
