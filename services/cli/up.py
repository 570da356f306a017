"""`grillo up`: runs everything embedded, in the foreground."""

import json
import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.failure import Failure

if TYPE_CHECKING:
    from services.soundness.fault import Report

_HOST = "127.0.0.1"
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def up(
    port: Annotated[
        int, typer.Option(min=0, max=65534, help="Public port; the internal door is the next one. 0: any two.")
    ] = 8000,
    data: Annotated[Path, typer.Option(help="Folder that keeps everything.")] = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line on standard output, when ready.")] = False,
    log_level: Annotated[str, typer.Option(help="Least severe log level written to standard error.")] = "WARNING",
) -> None:
    """Run all services in this process until Ctrl-C.

    The first start registers an organisation with sample sensors and shows its first admin key, only this once.
    """
    if log_level.upper() not in _LOG_LEVELS:
        raise typer.BadParameter(f"--log-level is one of {', '.join(_LOG_LEVELS)}")
    signals = _Signals()
    from services.embedded import first_start
    from services.embedded import system as embedded
    from services.embedded.data_folder import DataFolder, DataFolderUnusable
    from services.embedded.soundness.folder_check import check
    from services.keys.console.openid.settings import read_openid_settings
    from services.usage.notifications.settings import read_delivery_settings
    from services.usage.retention.retention import RetentionTimes
    from shared.environment import SettingWrong, text
    from shared.observability import logs
    from shared.settings import (
        audit_heads,
        cors_origins,
        guesses_per_minute,
        lease_seconds,
        trusted_proxies,
        usage_alert_days,
        usage_counter_days,
        usage_raw_days,
    )
    from shared.web.requests.client_address import TrustedProxies

    logs.configure(log_level.upper())
    folder = DataFolder(data)
    try:
        lease, proxies, origins = lease_seconds(), TrustedProxies(trusted_proxies()), cors_origins()
        guesses, elsewhere = guesses_per_minute(), audit_heads()
        kept = RetentionTimes(
            raw_days=usage_raw_days(), counter_days=usage_counter_days(), alert_days=usage_alert_days()
        )
        folder.hold()
        report = check(folder, whole=False)
        read_delivery_settings(folder.channel_secrets_key())
        read_openid_settings()
        public = embedded.listen(_HOST, port)
        internal = embedded.listen(_HOST, port + 1 if port else 0)
    except (SettingWrong, DataFolderUnusable, embedded.PortInUse) as error:
        raise Failure(str(error)) from None
    if report.faults:
        raise Failure(_unsound(report))
    url = text("GRILLO_PUBLIC_URL") or f"http://{_HOST}:{public.getsockname()[1]}"
    internal_url = f"http://{_HOST}:{internal.getsockname()[1]}"
    system = embedded.Embedded(
        folder,
        lease_seconds=lease,
        proxies=proxies,
        cors_origins=origins,
        guesses_per_minute=guesses,
        kept=kept,
        audit_heads=elsewhere,
    )
    organisation = first_start.organisation(system.keys)
    first_start.import_samples(system.sensors, organisation, data)
    system.start(public, internal, url, organisation)
    system.whole_check.start_unless_done(report)
    try:
        admin_key = first_start.admin_key(system.keys, organisation)
        link = first_start.console_link(system.keys, organisation, url)
        if as_json:
            _print_json(url, internal_url, organisation, admin_key, link)
        else:
            _print_for_people(url, internal_url, organisation, admin_key, link)
        embedded.wait(lambda: signals.asked_to_stop or not system.is_serving(), system.whole_check.poll)
        if not signals.asked_to_stop:
            raise Failure("a door stopped accepting connections, so all of it has stopped. Start it again.")
    finally:
        system.stop()
        folder.release()


def _unsound(report: "Report") -> str:
    """The first fault in one line; the others are likely to come of the same."""
    more = len(report.faults) - 1
    others = f" ({more} more: `grillo audit verify` names them.)" if more else ""
    return f"{report.faults[0]}{others}"


class _Signals:
    """SIGINT and SIGTERM ask to stop; whoever waits looks here."""

    def __init__(self) -> None:
        self.asked_to_stop = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked_to_stop = True


def _print_json(url: str, internal_url: str, organisation: str, admin_key: str | None, link: str) -> None:
    line = {"url": url, "organisation": organisation, "admin_key": admin_key, "console": link, "internal": internal_url}
    print(json.dumps(line), flush=True)  # noqa: T201  this line is the command's result


def _print_for_people(url: str, internal_url: str, organisation: str, admin_key: str | None, link: str) -> None:
    lines = [
        f"Serving        {url}",
        f"Internal door  {internal_url}  (metrics)",
        f"Organisation   {organisation}",
    ]
    if admin_key is not None:
        lines.append(f"Admin key      {admin_key}")
        lines.append("               Shown this once: keep it where you keep secrets.")
    lines.append(f"Console        {link}")
    lines.append("               Signs in once, within ten minutes; `grillo console link` prints another.")
    typer.echo("\n".join([*lines, "Ctrl-C stops it."]))
