"""`grillo run SERVICE`: one service on RabbitMQ and PostgreSQL."""

import os
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.arguments import ServiceName, service_named
from services.cli.failure import Failure
from services.cli.migrate import migrate_at

if TYPE_CHECKING:
    from shared.settings import Settings


def run(
    service: ServiceName,
    only: Annotated[
        str | None, typer.Option(help="One of its processes: internal, worker, public; of keys also console.")
    ] = None,
) -> None:
    """Run one service's worker, web processes and internal door, until SIGTERM.

    The console is a process of its own: `grillo run keys --only console`.
    The environment tells it DATABASE_URL, AMQP_URI, INTERNAL_TOKEN and where the others are.
    """
    import structlog

    from services.distributed.supervisor import Supervisor, service_commands
    from shared.environment import SettingWrong
    from shared.messaging.availability import await_broker
    from shared.observability import logs
    from shared.observability.exposition import FOLDER_VARIABLE
    from shared.runtime.wait_for_servers import ServerUnreachable
    from shared.settings import read_settings

    service_named(service)
    if only is not None and only not in _processes(service):
        raise typer.BadParameter(f"{only} is not one of {', '.join(_processes(service))}", param_hint="--only")
    try:
        settings = read_settings()
        migrate_at(service, "DATABASE_URL")
        _check_settings(service, settings)
        await_broker(settings.amqp_uri)
    except (SettingWrong, ServerUnreachable) as error:
        raise Failure(str(error)) from None
    logs.configure()
    for name in settings.proof_keys.not_verified():
        # So that a running system can be upgraded: gates first, then who signs, then this setting.
        structlog.get_logger(__name__).warning("feed_not_verified", set=name)
    if not settings.accounts.demanded:
        structlog.get_logger(__name__).warning(
            "all_accounts_believed", detail="any client of RabbitMQ may speak for any service: AMQP_ACCOUNTS=demanded"
        )
    with TemporaryDirectory(prefix=f"grillo-{service}-metrics-") as metrics_folder:
        os.environ[FOLDER_VARIABLE] = metrics_folder  # for the processes about to start
        status = Supervisor(service_commands(service, only)).run()
    raise typer.Exit(status)


def _processes(service: str) -> tuple[str, ...]:
    from services.distributed.supervisor import CONSOLE, PROCESSES

    return tuple(name for name in PROCESSES if name != CONSOLE or service == "keys")


def _check_settings(service: str, settings: "Settings") -> None:
    """Those that one service alone needs: here, where a fault is one line, and not in each of its processes.

    Raises SettingWrong.
    """
    from services.keys.console.openid.settings import read_openid_settings
    from services.usage.notifications.settings import read_delivery_settings
    from shared.messaging.accounts.identity import account_of

    if settings.accounts.demanded and account_of(settings.amqp_uri) != service:
        raise Failure(f"AMQP_URI must name the account {service}: others believe it alone, since AMQP_ACCOUNTS is set.")
    if service == "usage":
        read_delivery_settings()
    if service == "keys":
        read_openid_settings()
