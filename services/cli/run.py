"""`grillo run SERVICE`, `grillo migrate SERVICE`: one service on RabbitMQ and PostgreSQL."""

import os
from tempfile import TemporaryDirectory

import structlog
import typer

from services.cli.arguments import ServiceName, service_named
from services.cli.failure import Failure


def run(service: ServiceName) -> None:
    """Run one service's worker, web processes and internal door, until SIGTERM.

    The environment tells it DATABASE_URL, AMQP_URI, INTERNAL_TOKEN and where the others are.
    """
    from services.distributed.supervisor import Supervisor, service_commands
    from shared.messaging.availability import await_broker
    from shared.observability import logs
    from shared.observability.metrics import FOLDER_VARIABLE
    from shared.runtime.wait_for_servers import ServerUnreachable
    from shared.settings import read_settings

    migrate(service)
    _check_settings(service)
    try:
        await_broker(read_settings().amqp_uri)
    except ServerUnreachable as error:
        raise Failure(str(error)) from None
    logs.configure()
    if not read_settings().accounts.demanded:
        structlog.get_logger(__name__).warning(
            "all_accounts_believed", detail="whoever reaches RabbitMQ may speak for any service: AMQP_ACCOUNTS=demanded"
        )
    with TemporaryDirectory(prefix=f"grillo-{service}-metrics-") as metrics_folder:
        os.environ[FOLDER_VARIABLE] = metrics_folder  # for the processes about to start
        status = Supervisor(service_commands(service)).run()
    raise typer.Exit(status)


def _check_settings(service: str) -> None:
    """Those that one service alone needs: here, where a fault is one line, and not in each of its processes."""
    from services.usage.notifications.settings import read_delivery_settings
    from shared.messaging.accounts.identity import account_of
    from shared.settings import SettingWrong, read_settings

    settings = read_settings()
    if settings.accounts.demanded and account_of(settings.amqp_uri) != service:
        raise Failure(f"AMQP_URI must name the account {service}: others believe it alone, since AMQP_ACCOUNTS is set.")
    try:
        if service == "usage":
            read_delivery_settings()
    except SettingWrong as error:
        raise Failure(str(error)) from None


def migrate(service: ServiceName) -> None:
    """Bring a service's database to the newest schema. `grillo run` does so itself."""
    from services.distributed.composition import migrate_database
    from shared.runtime.wait_for_servers import ServerUnreachable
    from shared.settings import SettingWrong, read_settings
    from shared.sql.availability import DatabaseUnusable

    service_named(service)
    try:
        migrate_database(service, read_settings())
    except (SettingWrong, DatabaseUnusable, ServerUnreachable) as error:
        raise Failure(str(error)) from None
