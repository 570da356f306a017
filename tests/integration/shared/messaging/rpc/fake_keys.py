"""A service named keys, alone in its process: `fake_keys.py AMQP_URI RPC_ACCOUNTS` answers until it is ended.

A question about a folder is answered once the file `go-on` is there; `asked` tells that it has arrived.
"""

from shared.messaging.eventlet_patching import cooperate  # isort: skip

cooperate()

# ruff: noqa: E402  everything below must find sockets, locks and threads already patched
import sys
import time
from pathlib import Path

from marshmallow import Schema, fields
from nameko.runners import ServiceRunner

from shared.messaging.accounts.rpc_accounts import read_rpc_accounts
from shared.messaging.accounts.rules import Accounts
from shared.messaging.entrypoints import ACCOUNTS, Sender
from shared.messaging.rpc.procedures import procedure
from shared.observability import trace_context

TRACE = "org_trace"  # who asks about it is told the trace that the call belongs to


class About(Schema):
    organisation_id = fields.String(required=True)
    wait = fields.Integer()


class Keys:
    name = "keys"
    caller: str | None = Sender()

    @procedure(About())
    def get_key(self, organisation_id: str) -> str:
        if organisation_id.startswith("/"):
            Path(organisation_id, "asked").touch()
            while not Path(organisation_id, "go-on").exists():
                time.sleep(0.01)
        if organisation_id == TRACE:
            return trace_context.current.get() or ""
        return f"{self.caller} about {organisation_id}"

    @procedure(Schema())
    def revoke_key(self) -> str:
        return "about all"


def main(amqp_uri: str, others: str) -> None:
    accounts = Accounts(demanded=True, others=read_rpc_accounts(others.encode()))
    runner = ServiceRunner({"AMQP_URI": amqp_uri, ACCOUNTS: accounts})
    runner.add_service(Keys)
    runner.start()
    runner.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
