"""Provider: what an issuer says of itself and which keys it signs with (OpenID Connect Discovery), kept for an hour.

Whom it is asked for must be whom it says it is. A fault is kept for some seconds, so that not every page waits for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.keys.console.openid.bounded_http import BoundedHttp, IssuerAway
from services.keys.console.openid.settings import is_safe
from shared.runtime.clock import Clock

SECONDS_MAX = 1.0
KEPT_SECONDS, FAULT_KEPT_SECONDS, NEW_KEYS_EVERY_SECONDS = 3600.0, 5.0, 60.0
# Signatures that only the issuer can make: `none` is nobody's, and an HMAC's key is ours, too.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_ALGORITHM_DEFAULT = "RS256"
Kept = TypeVar("Kept")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """`names_itself`: the issuer says who it is in each answer that a browser brings (RFC 9207)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    algorithms: tuple[str, ...]
    takes_basic: bool
    names_itself: bool


class Provider:
    def __init__(self, issuer: str, http: BoundedHttp, clock: Clock) -> None:
        self.issuer, self._http = issuer, http
        self._metadata = _Cached(clock, self._discover)
        self._keys = _Cached(clock, self._fetch_keys)

    def metadata(self) -> Metadata:
        """Raises IssuerAway."""
        return self._metadata.get(KEPT_SECONDS)

    def keys(self, *, newer: bool = False) -> KeySet:
        """`newer`: one that is not among them was named; they are then asked for again, once a minute at most.

        Raises IssuerAway.
        """
        return self._keys.get(NEW_KEYS_EVERY_SECONDS if newer else KEPT_SECONDS)

    def _discover(self) -> Metadata:
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        said = self._http.get(url, SECONDS_MAX)
        if said.get("issuer") != self.issuer:
            raise IssuerAway("calls itself by another name than OIDC_ISSUER")
        signs = [name for name in _listed(said, "id_token_signing_alg_values_supported") if name in ALGORITHMS]
        methods = _listed(said, "token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return Metadata(
            authorization_endpoint=_address(said, "authorization_endpoint"),
            token_endpoint=_address(said, "token_endpoint"),
            jwks_uri=_address(said, "jwks_uri"),
            userinfo_endpoint=_address(said, "userinfo_endpoint") if "userinfo_endpoint" in said else None,
            end_session_endpoint=_address(said, "end_session_endpoint") if "end_session_endpoint" in said else None,
            algorithms=tuple(signs) or (_ALGORITHM_DEFAULT,),
            takes_basic="client_secret_basic" in methods,
            names_itself=said.get("authorization_response_iss_parameter_supported") is True,
        )

    def _fetch_keys(self) -> KeySet:
        found = self._http.get(self.metadata().jwks_uri, SECONDS_MAX)
        try:
            return KeySet.import_key_set(found)  # type: ignore[arg-type]  # checked by it
        except (JoseError, ValueError, TypeError, KeyError, AttributeError):
            raise IssuerAway("its keys cannot be read") from None


class _Cached(Generic[Kept]):
    """What was fetched, for a time; a fault for a shorter one."""

    def __init__(self, clock: Clock, fetch: Callable[[], Kept]) -> None:
        self._clock, self._fetch = clock, fetch
        self._kept: tuple[float, Kept] | None = None
        self._fault: tuple[float, IssuerAway] | None = None

    def get(self, seconds_max: float) -> Kept:
        """Raises IssuerAway."""
        now = self._clock.elapsed_seconds()
        if self._kept is not None and now - self._kept[0] < seconds_max:
            return self._kept[1]
        if self._fault is not None and now - self._fault[0] < FAULT_KEPT_SECONDS:
            raise IssuerAway(str(self._fault[1]))
        try:
            fetched = self._fetch()
        except IssuerAway as fault:
            self._fault = now, fault
            _log.warning("issuer_away", detail=str(fault))
            raise
        self._kept, self._fault = (now, fetched), None
        return fetched


def _address(said: dict[str, Any], name: str) -> str:
    address = said.get(name)
    if not isinstance(address, str) or not is_safe(address):
        raise IssuerAway(f"says no {name} behind https")
    return address


def _listed(said: dict[str, Any], name: str) -> list[str]:
    listed = said.get(name)
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
