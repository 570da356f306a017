"""One message to one mail address, by SMTP, to a server that the operator names."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from services.usage.delivering.delivery import ATTEMPT_SECONDS_MAX, Outcome

_ACCEPTED = 250
_DOMAIN = "grillo.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """`starttls`: refuse to go on without TLS; `tls`: from the first byte."""

    host: str
    port: int
    sender: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    starttls: bool = False


def mail_server(url: str, sender: str) -> MailServer:
    """Of smtp://USER:PASSWORD@HOST:PORT (TLS when the port is 587), or smtps://. Raises ValueError."""
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


class MailSender:
    def __init__(self, server: MailServer, *, seconds_max: float = ATTEMPT_SECONDS_MAX) -> None:
        self._server, self._seconds_max = server, seconds_max

    def send(self, address: str, message_id: str, payload: str) -> Outcome:
        """Never raises for what a mail server does, or does not do."""
        try:
            with self._connected() as smtp:
                smtp.send_message(written(self._server.sender, address, message_id, payload))
        except smtplib.SMTPResponseException as refused:
            return Outcome(delivered=False, status=refused.smtp_code, fault="the mail server refused it")
        except smtplib.SMTPRecipientsRefused as refused:
            status = next((code for code, _ in refused.recipients.values()), None)
            return Outcome(delivered=False, status=status, fault="the mail server refused the address")
        except (smtplib.SMTPException, OSError) as error:
            return Outcome(delivered=False, fault=f"the mail server: {type(error).__name__}")
        return Outcome(delivered=True, status=_ACCEPTED)

    def _connected(self) -> smtplib.SMTP:
        server, timeout = self._server, self._seconds_max
        context = ssl.create_default_context()
        smtp: smtplib.SMTP
        if server.tls:
            smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=timeout, context=context)
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=timeout)
        try:
            if server.starttls:
                smtp.starttls(context=context)
            if server.username is not None:
                smtp.login(server.username, server.password or "")
        except (smtplib.SMTPException, OSError):
            smtp.close()
            raise
        return smtp


def written(sender: str, address: str, message_id: str, payload: str) -> EmailMessage:
    """The same facts as a webhook gets, to be read by people. Sent again, it is the same message (Message-ID)."""
    document: dict[str, Any] = msgspec.json.decode(payload)
    data = document["data"]
    about = data.get("kind") or document["type"]
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, address
    mail["Subject"] = f"[Grillo] {document['type']}: {about} {data.get('key_hint') or data.get('hint') or ''}".strip()
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
