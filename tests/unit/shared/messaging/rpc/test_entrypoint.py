"""A call that names no organisation, by an account that is bound to some: judged by the organisation in its answer."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from shared.contracts.errors import NotAllowed
from shared.messaging.accounts.rules import Accounts, RpcAccount
from shared.messaging.entrypoints import ACCOUNTS
from shared.messaging.rpc.entrypoint import Procedure

REPORTS = RpcAccount(methods=frozenset({"auth.verify"}), organisations=frozenset({"org_1"}))
DEMANDED = Accounts(demanded=True, others={"reports": REPORTS})


class Container:
    """As much of nameko's as an entrypoint looks at."""

    service_name = "auth"

    def __init__(self) -> None:
        self.config, self.shared_extensions = {ACCOUNTS: DEMANDED}, dict[str, Any]()


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    container = Container()
    entrypoint = Procedure().bind(container, "verify")
    monkeypatch.setattr(entrypoint.rpc_consumer, "handle_result", lambda message, result, exc_info: (result, exc_info))
    yield entrypoint
    assert container.service_name == "auth"  # an entrypoint does not keep its container alive


def answered(verify: Any, account: str, answer: dict[str, Any]) -> Any:
    return verify.handle_result(SimpleNamespace(properties={"user_id": account}), None, answer, None)


def test_an_answer_about_another_organisation_does_not_leave(verify: Any) -> None:
    result, exc_info = answered(verify, "reports", {"valid": True, "organisation_id": "org_2"})
    assert result is None
    assert exc_info[0] is NotAllowed
    assert "org_2" not in str(exc_info[1])


@pytest.mark.parametrize(
    ("account", "organisation_id"), [("reports", "org_1"), ("reports", None), ("usage", "org_2")], ids=str
)
def test_any_other_does(verify: Any, account: str, organisation_id: str | None) -> None:
    answer = {"valid": organisation_id is not None, "organisation_id": organisation_id}
    assert answered(verify, account, answer) == (answer, None)


def test_failures_of_a_method_are_counted_from_0(monkeypatch: pytest.MonkeyPatch) -> None:
    container = Container()
    entrypoint = Procedure().bind(container, "never_called")
    monkeypatch.setattr(entrypoint.rpc_consumer, "register_provider", lambda provider: None)
    entrypoint.setup()
    labels = {"service": container.service_name, "method": "never_called", "outcome": "failed"}
    assert REGISTRY.get_sample_value("grillo_rpc_calls_total", labels) == 0
