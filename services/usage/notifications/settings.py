"""Settings of notifications from the environment: allowed networks, SMTP server, and the keys that encrypt secrets."""

from dataclasses import dataclass, field
from email.utils import parseaddr
from functools import partial

from environs import validate

from services.usage.notifications.senders.egress_guard import EgressPolicy
from services.usage.notifications.senders.email_sender import MailServer, mail_server
from shared.environment import SettingWrong, environment, stated, text
from shared.settings import networks

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


def secrets_keys(kept: str | None = None) -> tuple[str, ...]:
    """The keys of `kept`, if they are kept elsewhere; None: CHANNEL_SECRETS_KEY has them. Raises SettingWrong."""
    named = "CHANNEL_SECRETS_KEY" if kept is None else "The file channel-secrets-key"
    told = text("CHANNEL_SECRETS_KEY") if kept is None else kept
    keys = tuple(key.strip() for key in told.split(","))
    if any(len(key) < KEY_CHARACTERS_MIN for key in keys):
        raise SettingWrong(
            f"{named} must be a random text of at least {KEY_CHARACTERS_MIN} characters. "
            "To replace it, give the new one, a comma, and the previous one."
        )
    return keys


def _outgoing() -> EgressPolicy:
    truth = partial(environment.str, default="false", validate=validate.OneOf(("true", "false")))
    allow_http = stated("WEBHOOK_ALLOW_HTTP", "true or false", truth)
    return EgressPolicy(allowed=networks("WEBHOOK_ALLOWED_NETWORKS"), allow_http=allow_http == "true")


def _mail() -> MailServer | None:
    url = text("SMTP_URL")
    if not url:
        return None
    sender = text("MAIL_FROM")
    if "@" not in parseaddr(sender)[1]:
        raise SettingWrong("MAIL_FROM must be the address that email is sent from, such as grillo@example.org.")
    try:
        return mail_server(url, sender)
    except ValueError:
        raise SettingWrong(
            "SMTP_URL must be of the form smtp://USER:PASSWORD@HOST:PORT, or smtps:// for TLS from the start."
        ) from None
