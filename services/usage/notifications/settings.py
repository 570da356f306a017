"""What the environment says about telling people: where to, through what, and the key that secrets are sealed under."""

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
    """`secrets_keys`: the first seals, all unseal. `mail` None: no mail can be sent."""

    secrets_keys: tuple[str, ...] = field(repr=False)
    outgoing: EgressPolicy = field(default_factory=EgressPolicy)
    mail: MailServer | None = None


def read_delivery_settings(secrets_key: str | None = None) -> DeliverySettings:
    """`secrets_key`: the one that is kept elsewhere; else CHANNEL_SECRETS_KEY says it. Raises SettingWrong."""
    return DeliverySettings(
        secrets_keys=(secrets_key,) if secrets_key else _secrets_keys(), outgoing=_outgoing(), mail=_mail()
    )


def _secrets_keys() -> tuple[str, ...]:
    keys = tuple(key.strip() for key in os.environ.get("CHANNEL_SECRETS_KEY", "").split(","))
    if any(len(key) < KEY_CHARACTERS_MIN for key in keys):
        raise SettingWrong(
            f"CHANNEL_SECRETS_KEY must be a long random text, {KEY_CHARACTERS_MIN} characters at least; "
            "or a new one, a comma, and the one before it."
        )
    return keys


def _outgoing() -> EgressPolicy:
    try:
        text = os.environ.get("WEBHOOK_ALLOWED_NETWORKS", "")
        allowed = tuple(network(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise SettingWrong(
            "WEBHOOK_ALLOWED_NETWORKS must be IP addresses or networks (192.0.2.0/24), with commas."
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
        raise SettingWrong("MAIL_FROM must be the address that mail comes from, such as grillo@example.org.")
    try:
        return mail_server(url, sender)
    except ValueError:
        raise SettingWrong("SMTP_URL must read smtp://USER:PASSWORD@HOST:PORT or smtps://….") from None
