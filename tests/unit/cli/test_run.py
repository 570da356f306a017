"""What `grillo run` refuses before any process of the service starts."""

import pytest

from services.cli.failure import Failure
from services.cli.run import _check_settings, _processes
from services.distributed.supervisor import service_commands
from shared.settings import read_settings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DATABASE_URL": "postgresql+psycopg://keys:hunter2@postgres/keys",
        "AMQP_URI": "amqp://keys:hunter2@rabbitmq:5672/grillo",
        "INTERNAL_TOKEN": "hunter2",
        "AMQP_ACCOUNTS": "demanded",
    }.items():
        monkeypatch.setenv(name, value)


def test_a_service_speaks_under_its_own_account_where_accounts_are_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    _check_settings("keys", read_settings())
    with pytest.raises(Failure, match=r"^AMQP_URI must name the account auth") as told:
        _check_settings("auth", read_settings())
    assert "hunter2" not in str(told.value)
    monkeypatch.delenv("AMQP_ACCOUNTS")
    _check_settings("auth", read_settings())


def test_the_console_runs_only_where_it_is_asked_for_and_is_keys_own() -> None:
    assert _processes("keys") == ("internal", "worker", "public", "console")
    assert _processes("usage") == ("internal", "worker", "public")
    assert [command[-1] for command in service_commands("keys")] == ["internal", "keys", "public"]
    assert [command[-2:] for command in service_commands("keys", "console")] == [["keys", "console"]]
