"""What `grillo run` refuses before any process of the service starts."""

import pytest

from services.cli.failure import Failure
from services.cli.run import _check_settings
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
