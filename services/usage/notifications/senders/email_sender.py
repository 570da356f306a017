"""Email sender: one message to one address, by SMTP, through the server that the operator configured."""

import smtplib
import ssl
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from services.usage.notifications.delivery import ATTEMPT_SECONDS_MAX, Outcome
from services.usage.notifications.senders.egress_guard import DeadlinePassed
from services.usage.notifications.senders.smtp_with_deadline import SmtpsWithDeadline, SmtpWithDeadline

_ACCEPTED = 250
_DOMAIN = "grillo.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """`tls`: from the first byte; `starttls`: upgraded before log-in, and refused without."""

    host: str
    port: int
    sender: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    starttls: bool = False


def mail_server(url: str, sender: str) -> MailServer:
    """Parses smtp://USER:PASSWORD@HOST:PORT (STARTTLS on port 587, the default) or smtps://…. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("not smtp://HOST or smtps://HOST")
    is_tls = parts.scheme == "smtps"
    port = parts.port or (465 if is_tls else 587)
    return MailServer(
        host=parts.hostname,
        port=port,
        sender=sender,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=is_tls,
        starttls=not is_tls and port == 587,
    )


class EmailSender:
    def __init__(self, server: MailServer, *, seconds_max: float = ATTEMPT_SECONDS_MAX) -> None:
        self._server, self._seconds_max = server, seconds_max

    def send(self, address: str, message_id: str, payload: str) -> Outcome:
        """Sends the message, within the deadline. Faults of the mail server are in the Outcome, never raised."""
        mail = written(self._server.sender, address, message_id, payload)
        try:
            smtp = self._connected(time.monotonic() + self._seconds_max)
            try:
                self._log_in(smtp)
                smtp.send_message(mail)
            finally:
                smtp.leave()
        except DeadlinePassed:
            return Outcome(delivered=False, fault=f"no answer within {self._seconds_max:g} s")
        except smtplib.SMTPResponseException as refused:
            return Outcome(delivered=False, status=refused.smtp_code, fault="the mail server refused the message")
        except smtplib.SMTPRecipientsRefused as refused:
            status = next((code for code, _ in refused.recipients.values()), None)
            return Outcome(delivered=False, status=status, fault="the mail server refused the address")
        except (smtplib.SMTPException, OSError) as error:
            return Outcome(delivered=False, fault=f"the mail server cannot be used: {type(error).__name__}")
        return Outcome(delivered=True, status=_ACCEPTED)

    def _connected(self, deadline: float) -> SmtpWithDeadline:
        server = self._server
        if server.tls:
            return SmtpsWithDeadline(server.host, server.port, deadline, ssl.create_default_context())
        return SmtpWithDeadline(server.host, server.port, deadline)

    def _log_in(self, smtp: SmtpWithDeadline) -> None:
        if self._server.starttls:
            smtp.starttls(context=ssl.create_default_context())
        if self._server.username is not None:
            smtp.login(self._server.username, self._server.password or "")


def written(sender: str, address: str, message_id: str, payload: str) -> EmailMessage:
    """The email: the facts that a webhook gets, as text. Sent again, it has the same Message-ID."""
    document: dict[str, Any] = msgspec.json.decode(payload)
    data = document["data"]
    about = data.get("kind") or document["type"]
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, address
    mail["Subject"] = f"[Grillo] {document['type']}: {about} {data.get('hint') or ''}".strip()
    mail["Message-ID"] = f"<{message_id}@{_DOMAIN}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join([f"{document['type']} at {document['timestamp']}", "", *_lines(data)]) + "\n")
    return mail


def _lines(data: dict[str, Any], indent: str = "") -> list[str]:
    lines: list[str] = []
    for name, value in data.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", *_lines(value, indent + "  ")]
        elif value is not None:
            lines.append(f"{indent}{name}: {value}")
    return lines
