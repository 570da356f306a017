"""Settings of notifications from the environment: allowed networks, SMTP server, and the keys that encrypt secrets."""

import os
from dataclasses import dataclass, field
from email.utils import parseaddr

from services.usage.notifications.senders.egress_guard import EgressPolicy
from services.usage.notifications.senders.email_sender import MailServer, mail_server
from shared.settings import SettingWrong
from shared.values.ip_addresses import network

KEY_CHARACTERS_MIN = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """`secrets_keys`: the first encrypts, all decrypt. `mail` None: no email can be sent."""

    secrets_keys: tuple[str, ...] = field(repr=False)
    outgoing: EgressPolicy = field(default_factory=EgressPolicy)
    mail: MailServer | None = None


def read_delivery_settings(secrets_key: str | None = None) -> DeliverySettings:
    """`secrets_key`: the key, if it is kept elsewhere; None: CHANNEL_SECRETS_KEY has it. Raises SettingWrong."""
    return DeliverySettings(
        secrets_keys=(secrets_key,) if secrets_key else _secrets_keys(), outgoing=_outgoing(), mail=_mail()
    )


def _secrets_keys() -> tuple[str, ...]:
    keys = tuple(key.strip() for key in os.environ.get("CHANNEL_SECRETS_KEY", "").split(","))
    if any(len(key) < KEY_CHARACTERS_MIN for key in keys):
        raise SettingWrong(
            f"CHANNEL_SECRETS_KEY must be a random text of at least {KEY_CHARACTERS_MIN} characters. "
            "To replace it, give the new one, a comma, and the previous one."
        )
    return keys


def _outgoing() -> EgressPolicy:
    try:
        text = os.environ.get("WEBHOOK_ALLOWED_NETWORKS", "")
        allowed = tuple(network(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise SettingWrong(
            "WEBHOOK_ALLOWED_NETWORKS must be IP addresses or networks (192.0.2.0/24), separated by commas."
        ) from None
    allow_http = os.environ.get("WEBHOOK_ALLOW_HTTP", "false")
    if allow_http not in ("true", "false"):
        raise SettingWrong("WEBHOOK_ALLOW_HTTP must be true or false.")
    return EgressPolicy(allowed=allowed, allow_http=allow_http == "true")


def _mail() -> MailServer | None:
    url = os.environ.get("SMTP_URL", "")
    if not url:
        return None
    sender = os.environ.get("MAIL_FROM", "")
    if "@" not in parseaddr(sender)[1]:
        raise SettingWrong("MAIL_FROM must be the address that email is sent from, such as grillo@example.org.")
    try:
        return mail_server(url, sender)
    except ValueError:
        raise SettingWrong(
            "SMTP_URL must be of the form smtp://USER:PASSWORD@HOST:PORT, or smtps:// for TLS from the start."
        ) from None
