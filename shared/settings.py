"""Settings from environment variables, read once at a process's start. Each fault is one line naming the setting."""

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from shared.gate.authentication.guess_throttle import LIMIT_DEFAULT
from shared.gate.grants.replica import LEASE_SECONDS_DEFAULT, LEASE_SECONDS_RANGE
from shared.messaging.accounts.rpc_accounts import RpcAccountsWrong, read_rpc_accounts
from shared.messaging.accounts.rules import Accounts
from shared.replication.proof.proof_keys import ProofKeys, read_proof_keys
from shared.replication.proof.signatures import KeyMalformed
from shared.values.accounts import ACCOUNTS, PROMETHEUS, SHARED
from shared.values.ip_addresses import Network, network

_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+", re.ASCII)
_TOKEN = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_TOKEN_DIGEST = re.compile(r"([a-z]+):([0-9a-f]{64})", re.ASCII)
_REDIS_URL = re.compile(r"rediss?://(?:[^@/\s]*@)?[^@/\s:]+(?::\d{1,5})?(?:/\d{1,3})?", re.ASCII)


class SettingWrong(Exception):
    """A setting is missing or invalid. The text says what it must be, never a value that may be secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one service's container. URLs with passwords stay out of the repr."""

    database_url: str = field(repr=False)
    amqp_uri: str = field(repr=False)
    accounts: Accounts
    internal_token: str = field(repr=False)
    internal_tokens: tuple[tuple[str, str], ...] = field(repr=False)
    redis_url: str | None = field(repr=False)
    keys_internal_url: str
    auth_internal_url: str
    usage_internal_url: str
    spool: Path
    public_url: str
    web_address: str
    web_port: int
    web_workers: int
    internal_address: str
    internal_port: int
    gates_max: int
    lease_seconds: float
    trusted_proxies: tuple[Network, ...]
    cors_origins: tuple[str, ...] | None
    guesses_per_minute: int
    usage_raw_days: int
    usage_counter_days: int
    usage_alert_days: int
    proof_keys: ProofKeys


def read_settings() -> Settings:
    """Reads the environment. Raises SettingWrong."""
    internal_token = _internal_token()
    return Settings(
        database_url=_required("DATABASE_URL", "postgresql+psycopg://USER:PASSWORD@HOST/NAME"),
        amqp_uri=_required("AMQP_URI", "amqp://USER:PASSWORD@HOST:5672/VHOST"),
        accounts=accounts(),
        internal_token=internal_token,
        internal_tokens=_internal_tokens(internal_token),
        redis_url=redis_url(),
        keys_internal_url=os.environ.get("KEYS_INTERNAL_URL", "http://keys:8001"),
        auth_internal_url=os.environ.get("AUTH_INTERNAL_URL", "http://auth:8001"),
        usage_internal_url=os.environ.get("USAGE_INTERNAL_URL", "http://usage:8001"),
        spool=Path(os.environ.get("SPOOL_DIR", "/var/lib/grillo/spool")),
        public_url=os.environ.get("GRILLO_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/"),
        web_address=os.environ.get("WEB_ADDRESS", "0.0.0.0"),  # noqa: S104  a container's own network
        web_port=_whole("WEB_PORT", 8000, 65_535),
        web_workers=_whole("WEB_WORKERS", 1, 64),
        internal_address=os.environ.get("INTERNAL_ADDRESS", "0.0.0.0"),  # noqa: S104  guarded by the token
        internal_port=_whole("INTERNAL_PORT", 8001, 65_535),
        gates_max=_whole("GATES_MAX", 64, 10_000),
        lease_seconds=lease_seconds(),
        trusted_proxies=trusted_proxies(),
        cors_origins=cors_origins(),
        guesses_per_minute=guesses_per_minute(),
        usage_raw_days=usage_raw_days(),
        usage_counter_days=usage_counter_days(),
        usage_alert_days=usage_alert_days(),
        proof_keys=proof_keys(),
    )


def accounts() -> Accounts:
    """AMQP_ACCOUNTS, RPC_ACCOUNTS: whether messages are believed as far as their accounts go. Raises SettingWrong."""
    wanted, path = os.environ.get("AMQP_ACCOUNTS", ""), os.environ.get("RPC_ACCOUNTS", "")
    if wanted not in ("", "demanded"):
        raise SettingWrong("AMQP_ACCOUNTS must be demanded, or not set.")
    try:
        others = read_rpc_accounts(Path(path).read_bytes()) if path else {}
    except (OSError, RpcAccountsWrong) as error:
        raise SettingWrong(f"RPC_ACCOUNTS names a file that cannot be used: {error}.") from None
    return Accounts(demanded=wanted == "demanded", others=others)


def _internal_token() -> str:
    """INTERNAL_TOKEN. It is sent in a header, which cannot hold a line break; files often end with one."""
    token = _required("INTERNAL_TOKEN", "a long random text of this service alone")
    if not _TOKEN.fullmatch(token):
        raise SettingWrong("INTERNAL_TOKEN must be printable ASCII, with no space or line break before or after it.")
    return token


def _internal_tokens(own: str) -> tuple[tuple[str, str], ...]:
    """INTERNAL_TOKENS: (account, SHA-256 of its token). Not set: whoever has this service's own may ask everything."""
    own_digest = hashlib.sha256(own.encode()).hexdigest()
    text = os.environ.get("INTERNAL_TOKENS", "")
    if not text:
        return ((SHARED, own_digest),)
    found = [_TOKEN_DIGEST.fullmatch(part) for part in text.replace(",", " ").split()]
    tokens = tuple((match[1], match[2]) for match in found if match and match[1] in ACCOUNTS)
    if len(tokens) < len(found):
        names = ", ".join(sorted(ACCOUNTS))
        raise SettingWrong(f"INTERNAL_TOKENS must be ACCOUNT:SHA256, separated by commas; accounts are {names}.")
    digests = [digest for _, digest in tokens]
    if len(set(digests)) < len(digests):
        raise SettingWrong("INTERNAL_TOKENS names one token twice; each account must have tokens of its own.")
    if own_digest not in {digest for account, digest in tokens if account != PROMETHEUS}:
        raise SettingWrong("INTERNAL_TOKENS must have the SHA-256 of this service's own INTERNAL_TOKEN, too.")
    return tokens


def lease_seconds() -> float:
    """GATE_LEASE_SECONDS. Must be the same for every gate and for keys. Raises SettingWrong."""
    low, high = LEASE_SECONDS_RANGE
    text = os.environ.get("GATE_LEASE_SECONDS", str(LEASE_SECONDS_DEFAULT))
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not low <= seconds <= high:
        raise SettingWrong(f"GATE_LEASE_SECONDS is {text!r}; it must be a number of seconds from {low:g} to {high:g}.")
    return seconds


def guesses_per_minute() -> int:
    """GUESSES_PER_MINUTE: invalid keys from one address before it is slowed down. Raises SettingWrong."""
    return _whole("GUESSES_PER_MINUTE", LIMIT_DEFAULT, 1000)


def redis_url() -> str | None:
    """REDIS_URL: the Redis in which all gates count together; None: each takes its share. Raises SettingWrong."""
    url = os.environ.get("REDIS_URL", "")
    if url and not _REDIS_URL.fullmatch(url):
        raise SettingWrong("REDIS_URL must read redis://USER:PASSWORD@HOST:6379/0, or rediss:// for TLS.")
    return url or None


def usage_raw_days() -> int:
    """USAGE_RAW_DAYS: how long usage keeps single requests, and counters by minute. Raises SettingWrong."""
    return _whole("USAGE_RAW_DAYS", 90, 3650)


def usage_counter_days() -> int:
    """USAGE_COUNTER_DAYS: how long usage keeps counters by hour and by day. Raises SettingWrong."""
    return _whole("USAGE_COUNTER_DAYS", 730, 3650)


def usage_alert_days() -> int:
    """USAGE_ALERT_DAYS: how long usage keeps an alert that is over. Raises SettingWrong."""
    return _whole("USAGE_ALERT_DAYS", 730, 3650)


def proof_keys() -> ProofKeys:
    """KEYS_SIGNING_KEY, KEYS_VERIFY_KEYS, AUTH_SIGNING_KEY, AUTH_VERIFY_KEYS. Raises SettingWrong."""
    try:
        return read_proof_keys(os.environ)
    except KeyMalformed as fault:
        raise SettingWrong(str(fault)) from None


def trusted_proxies() -> tuple[Network, ...]:
    """TRUSTED_PROXIES: whose X-Forwarded-For is believed. Raises SettingWrong."""
    try:
        return tuple(network(part) for part in os.environ.get("TRUSTED_PROXIES", "").replace(",", " ").split())
    except ValueError:
        raise SettingWrong(
            "TRUSTED_PROXIES must be IP addresses or networks (192.0.2.0/24), separated by commas."
        ) from None


def cors_origins() -> tuple[str, ...] | None:
    """CORS_ORIGINS: origins whose pages may read answers, `*` or `none`; None: not set. Raises SettingWrong."""
    origins = tuple(os.environ.get("CORS_ORIGINS", "").replace(",", " ").split())
    if origins == ("none",):
        return ()
    if not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in origins):
        raise SettingWrong("CORS_ORIGINS must be *, none or origins (https://console.example), separated by commas.")
    return origins or None


def _required(name: str, form: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SettingWrong(f"{name} is not set; set it to {form}.")
    return value


def _whole(name: str, default: int, most: int) -> int:
    text = os.environ.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= most):
        raise SettingWrong(f"{name} must be a whole number from 1 to {most}.")
    return int(text)
