"""The typer application: all commands of `grillo`, each with its group."""

import os
from typing import Annotated

import typer

from services.cli import migrate, run, up
from services.cli.failure import Failure
from services.cli.host import audit, channels, console, dead, organisation, rebuild, samples, sensors, signing_key
from services.cli.host.catalogue import events
from services.cli.host.clock import accept as clock
from services.cli.host.restoring import restore
from services.cli.host.tracing import trace
from services.cli.remote import keys, whoami
from services.cli.remote import organisation as own_organisation
from services.cli.remote.alerting import alerts
from services.cli.version import print_version

_KEY_FORMS = ("FOREIGN_KEY_FORMS", "FOREIGN_KEY_FORMS_FILE")

organisation.app.command("show")(own_organisation.show)
organisation.app.command("edit")(own_organisation.edit)


def _answer_version(is_asked: bool) -> None:
    if is_asked:
        print_version()
        raise typer.Exit


def application() -> typer.Typer:
    app = typer.Typer(
        name="grillo",
        help="API keys for Grillo Cloud: run the services, manage keys, check the log.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        callback=_options,
    )
    app.command("up")(up.up)
    app.command("run")(run.run)
    app.command("migrate")(migrate.migrate)
    app.command("rebuild")(rebuild.rebuild)
    app.command("signing-key")(signing_key.signing_key)
    app.add_typer(organisation.app, name="organisation")
    app.command("whoami")(whoami.whoami)
    app.add_typer(keys.app, name="keys")
    samples.register(sensors.app)
    app.add_typer(sensors.app, name="sensors")
    app.add_typer(events.app, name="events")
    app.add_typer(alerts.app, name="alerts")
    app.add_typer(channels.app, name="channels")
    app.command("trace")(trace.trace)
    app.add_typer(audit.app, name="audit")
    app.add_typer(restore.app, name="restore")
    app.add_typer(clock.app, name="clock")
    app.add_typer(console.app, name="console")
    app.add_typer(dead.app, name="dead")
    return app


def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_answer_version, help="Show the version and exit.")
    ] = False,
) -> None:
    if any(name in os.environ for name in _KEY_FORMS):
        from shared.environment import SettingWrong
        from shared.settings import take_key_forms

        try:
            take_key_forms()
        except SettingWrong as error:
            raise Failure(str(error)) from None
