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
    """`secrets_key`: as of `secrets_keys`. Raises SettingWrong."""
    return DeliverySettings(secrets_keys=secrets_keys(secrets_key), outgoing=_outgoing(), mail=_mail())


def secrets_keys(text: str | None = None) -> tuple[str, ...]:
    """The keys of `text`, if they are kept elsewhere; None: CHANNEL_SECRETS_KEY has them. Raises SettingWrong."""
    named = "CHANNEL_SECRETS_KEY" if text is None else "The file channel-secrets-key"
    told = os.environ.get("CHANNEL_SECRETS_KEY", "") if text is None else text
    keys = tuple(key.strip() for key in told.split(","))
    if any(len(key) < KEY_CHARACTERS_MIN for key in keys):
        raise SettingWrong(
            f"{named} must be a random text of at least {KEY_CHARACTERS_MIN} characters. "
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
