"""Settings of services, read once at a process's start from the environment or files (environment.py)."""

import hashlib
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from environs import validate

from shared.environment import SettingWrong, environment, stated, text, whole, words
from shared.gate.authentication.guess_throttle import LIMIT_DEFAULT
from shared.gate.grants.replica import LEASE_SECONDS_DEFAULT, LEASE_SECONDS_RANGE
from shared.messaging.accounts.rpc_accounts import RpcAccountsWrong, read_rpc_accounts
from shared.messaging.accounts.rules import Accounts
from shared.replication.heads.sent_elsewhere import Elsewhere, elsewhere_of
from shared.replication.proof.proof_keys import SETTINGS as PROOF_KEYS
from shared.replication.proof.proof_keys import ProofKeys, read_proof_keys
from shared.replication.proof.signatures import KeyMalformed
from shared.values import key_forms
from shared.values.accounts import ACCOUNTS, PROMETHEUS, SHARED
from shared.values.ip_addresses import Network, network

DRAIN_SECONDS_MAX = 5.0  # the rest of a stop's time is for what is being answered
_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+", re.ASCII)
_TOKEN = validate.Regexp(re.compile(r"[!-~](?:[ -~]*[!-~])?\Z"))
_TOKEN_DIGEST = re.compile(r"([a-z]+):([0-9a-f]{64})", re.ASCII)
_ORGANISATION_ID = re.compile(r"org_[0-9A-Za-z]{22}", re.ASCII)
_REDIS_URL = validate.Regexp(re.compile(r"rediss?://(?:[^@/\s]*@)?[^@/\s:]+(?::\d{1,5})?(?:/\d{1,3})?\Z", re.ASCII))


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
    sensors_internal_url: str
    spool: Path
    samples: Path
    exports: Path
    public_url: str
    web_address: str
    web_port: int
    web_workers: int
    drain_seconds: float
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
    audit_heads: Elsewhere | None = field(repr=False)


def read_settings() -> Settings:
    """Reads the environment. Raises SettingWrong."""
    internal_token = _internal_token()
    return Settings(
        database_url=stated("DATABASE_URL", "postgresql+psycopg://USER:PASSWORD@HOST/NAME", environment.str),
        amqp_uri=stated("AMQP_URI", "amqp://USER:PASSWORD@HOST:5672/VHOST", environment.str),
        accounts=accounts(),
        internal_token=internal_token,
        internal_tokens=_internal_tokens(internal_token),
        redis_url=redis_url(),
        keys_internal_url=text("KEYS_INTERNAL_URL", "http://keys:8001"),
        auth_internal_url=text("AUTH_INTERNAL_URL", "http://auth:8001"),
        usage_internal_url=text("USAGE_INTERNAL_URL", "http://usage:8001"),
        sensors_internal_url=text("SENSORS_INTERNAL_URL", "http://sensors:8001"),
        spool=Path(text("SPOOL_DIR", "/var/lib/grillo/spool")),
        samples=samples_folder(),
        exports=exports_folder(),
        public_url=text("GRILLO_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/"),
        web_address=text("WEB_ADDRESS", "0.0.0.0"),  # noqa: S104  a container's own network
        web_port=whole("WEB_PORT", 8000, 65_535),
        web_workers=whole("WEB_WORKERS", 1, 64),
        drain_seconds=drain_seconds(),
        internal_address=text("INTERNAL_ADDRESS", "0.0.0.0"),  # noqa: S104  guarded by the token
        internal_port=whole("INTERNAL_PORT", 8001, 65_535),
        gates_max=whole("GATES_MAX", 64, 10_000),
        lease_seconds=lease_seconds(),
        trusted_proxies=trusted_proxies(),
        cors_origins=cors_origins(),
        guesses_per_minute=guesses_per_minute(),
        usage_raw_days=usage_raw_days(),
        usage_counter_days=usage_counter_days(),
        usage_alert_days=usage_alert_days(),
        proof_keys=proof_keys(),
        audit_heads=audit_heads(),
    )


def accounts() -> Accounts:
    """AMQP_ACCOUNTS, RPC_ACCOUNTS: whether messages are believed as far as their accounts go. Raises SettingWrong."""
    demanded = validate.OneOf(("demanded",))
    wanted = stated("AMQP_ACCOUNTS", "demanded, or not set", partial(environment.str, default="", validate=demanded))
    path = text("RPC_ACCOUNTS")
    try:
        others = read_rpc_accounts(Path(path).read_bytes()) if path else {}
    except (OSError, RpcAccountsWrong) as error:
        raise SettingWrong(f"RPC_ACCOUNTS names a file that cannot be used: {error}.") from None
    return Accounts(demanded=bool(wanted), others=others)


def samples_folder() -> Path:
    """SAMPLES_DIR: where the sensors service keeps its sealed files."""
    return Path(text("SAMPLES_DIR", "/var/lib/grillo/samples"))


def exports_folder() -> Path:
    """EXPORTS_DIR: where the sensors service keeps files that were asked for, for a day."""
    return Path(text("EXPORTS_DIR", "/var/lib/grillo/exports"))


def _internal_token() -> str:
    """INTERNAL_TOKEN. It is sent in a header, which cannot hold a line break."""
    must_be = "a long random text of this service alone, printable ASCII, with no space or line break around it"
    return stated("INTERNAL_TOKEN", must_be, partial(environment.str, validate=_TOKEN))


def _internal_tokens(own: str) -> tuple[tuple[str, str], ...]:
    """INTERNAL_TOKENS: (account, SHA-256 of its token). Not set: whoever has this service's own may ask everything."""
    own_digest = hashlib.sha256(own.encode()).hexdigest()
    found = [_TOKEN_DIGEST.fullmatch(part) for part in words("INTERNAL_TOKENS")]
    if not found:
        return ((SHARED, own_digest),)
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
    bounds = validate.Range(min=low, max=high)
    read = partial(environment.float, default=LEASE_SECONDS_DEFAULT, validate=bounds)
    return stated("GATE_LEASE_SECONDS", f"a number of seconds from {low:g} to {high:g}", read) or LEASE_SECONDS_DEFAULT


def drain_seconds() -> float:
    """DRAIN_SECONDS: how long a public door ends connections before it closes; 0: it closes. Raises SettingWrong."""
    read = partial(environment.float, default=0.0, validate=validate.Range(min=0, max=DRAIN_SECONDS_MAX))
    return stated("DRAIN_SECONDS", f"a number of seconds from 0 to {DRAIN_SECONDS_MAX:g}", read) or 0.0


def guesses_per_minute() -> int:
    """GUESSES_PER_MINUTE: invalid keys from one address before it is slowed down. Raises SettingWrong."""
    return whole("GUESSES_PER_MINUTE", LIMIT_DEFAULT, 1000)


def redis_url() -> str | None:
    """REDIS_URL: the Redis in which all gates count together; None: each takes its share. Raises SettingWrong."""
    must_be = "redis://USER:PASSWORD@HOST:6379/0, or rediss:// for TLS"
    return stated("REDIS_URL", must_be, partial(environment.str, default=None, validate=_REDIS_URL))


def usage_raw_days() -> int:
    """USAGE_RAW_DAYS: how long usage keeps single requests, and counters by minute. Raises SettingWrong."""
    return whole("USAGE_RAW_DAYS", 90, 3650)


def usage_counter_days() -> int:
    """USAGE_COUNTER_DAYS: how long usage keeps counters by hour and by day. Raises SettingWrong."""
    return whole("USAGE_COUNTER_DAYS", 730, 3650)


def usage_alert_days() -> int:
    """USAGE_ALERT_DAYS: how long usage keeps an alert that is over. Raises SettingWrong."""
    return whole("USAGE_ALERT_DAYS", 730, 3650)


def proof_keys() -> ProofKeys:
    """KEYS_SIGNING_KEY, KEYS_VERIFY_KEYS, AUTH_SIGNING_KEY, AUTH_VERIFY_KEYS. Raises SettingWrong."""
    try:
        return read_proof_keys({name: text(name) for name in PROOF_KEYS})
    except KeyMalformed as fault:
        raise SettingWrong(str(fault)) from None


def audit_heads() -> Elsewhere | None:
    """AUDIT_HEADS: where signed heads of the log are sent; None: nowhere. Raises SettingWrong."""
    must_be = "the path of a file in a folder that is there, or an address that begins with https://"
    return stated("AUDIT_HEADS", must_be, lambda name: elsewhere_of(text(name)))


def operator_organisations() -> frozenset[str]:
    """OPERATOR_ORGANISATIONS: whose people see, in the console, how the services are. Raises SettingWrong."""
    must_be = "ids of organisations, org_…, separated by commas"
    return stated("OPERATOR_ORGANISATIONS", must_be, lambda name: frozenset(map(_organisation_id, words(name))))


def _organisation_id(text: str) -> str:
    if not _ORGANISATION_ID.fullmatch(text):
        raise ValueError(text)
    return text


def trusted_proxies() -> tuple[Network, ...]:
    """TRUSTED_PROXIES: whose X-Forwarded-For is believed. Raises SettingWrong."""
    return networks("TRUSTED_PROXIES")


def networks(name: str) -> tuple[Network, ...]:
    """Raises SettingWrong."""
    must_be = "IP addresses or networks (192.0.2.0/24), separated by commas"
    return stated(name, must_be, lambda name: tuple(network(part) for part in words(name)))


def take_key_forms() -> None:
    """FOREIGN_KEY_FORMS: prefixes of keys of another system. Every process begins with it. Raises SettingWrong."""
    try:
        key_forms.let_in(key_forms.checked(words("FOREIGN_KEY_FORMS")))
    except key_forms.KeyFormWrong as wrong:
        raise SettingWrong(f"FOREIGN_KEY_FORMS must be {wrong}.") from None
    address = text("GRILLO_PUBLIC_URL", "")
    if key_forms.without_foreign(address, "") != address:
        raise SettingWrong("FOREIGN_KEY_FORMS must be prefixes that do not cut GRILLO_PUBLIC_URL.")


def cors_origins() -> tuple[str, ...] | None:
    """CORS_ORIGINS: origins whose pages may read answers, `*` or `none`; None: not set. Raises SettingWrong."""
    origins = words("CORS_ORIGINS")
    if origins == ("none",):
        return ()
    if not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in origins):
        raise SettingWrong("CORS_ORIGINS must be *, none or origins (https://console.example), separated by commas.")
    return origins or None
