"""Sign-in by an issuer: the address that a browser is sent to, and what is believed of what it brings back.

Authorization code with PKCE, state and nonce (OpenID Connect Core 1.0; RFC 9700): an answer is believed that this
browser asked for, once and within ten minutes, and whose token this issuer signed, for us, now.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import structlog
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jws import JWSRegistry

from services.keys.console.openid.bounded_http import BoundedHttp, IssuerAway
from services.keys.console.openid.identity import SUBJECT_MAX, Identity, NotMapped, identity_of, is_mapped
from services.keys.console.openid.pending_sign_ins import PendingSignIn, PendingSignIns
from services.keys.console.openid.provider import Metadata, Provider
from services.keys.console.openid.settings import OpenIdSettings
from services.keys.revocation.session_fence import RECENT
from shared.runtime.clock import Clock
from shared.sql.database import Database

CALLBACK = "/console/openid/callback"
# The issuer asks its own database there, and a code is spent by the first try.
TOKEN_SECONDS_MAX = 3.0
CLOCKS_DIFFER_SECONDS = 60
_log = structlog.get_logger(__name__)


class Refusal(enum.StrEnum):
    """Why a sign-in by the issuer is none. What can be done about it is said by the page."""

    NOT_BEGUN = "not-begun"  # here, by this browser, in the last ten minutes; or it was ended before
    DENIED = "denied"
    AWAY = "away"
    NOT_BELIEVED = "not-believed"
    NOT_MAPPED = "not-mapped"
    NOT_RECENT = "not-recent"


class IssuerRefused(Exception):
    """`claims`: of NOT_MAPPED, the claims that lack a value; `subject`: whom the issuer named, if it is believed."""

    def __init__(self, refusal: Refusal, claims: tuple[str, ...] = (), subject: str | None = None) -> None:
        self.refusal, self.claims, self.subject = refusal, claims, subject
        super().__init__(refusal.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """Who the person is. `authenticated_at`: when the issuer last saw the password or the like; None: not said."""

    identity: Identity
    authenticated_at: datetime | None


class IssuerSignIn:
    def __init__(self, settings: OpenIdSettings, database: Database, clock: Clock, public_url: str) -> None:
        self._settings, self._clock, self._http = settings, clock, BoundedHttp()
        self._provider = Provider(settings.issuer, self._http, clock)
        self._pending = PendingSignIns(database, clock)
        self._redirect = public_url + CALLBACK

    @property
    def host(self) -> str:
        return self._settings.host

    @property
    def issuer(self) -> str:
        return self._settings.issuer

    @property
    def organisation_claim(self) -> str:
        return self._settings.rules.organisation_claim

    def begin(self, browser: str | None, address: str, *, is_again: bool) -> tuple[str, str]:
        """(where the browser goes, the cookie that it must bring back). Raises IssuerRefused."""
        metadata = self._metadata()
        begun = self._pending.begin(browser, address, is_again=is_again)
        more = {"prompt": "login", "max_age": int(RECENT.total_seconds())} if is_again else {}
        url = prepare_grant_uri(
            metadata.authorization_endpoint,
            client_id=self._settings.client_id,
            response_type="code",
            redirect_uri=self._redirect,
            scope=self._settings.scopes,
            state=begun.state,
            nonce=begun.nonce,
            code_challenge=create_s256_code_challenge(begun.verifier),
            code_challenge_method="S256",
            **more,
        )
        return url, begun.browser

    def finish(self, brought: Mapping[str, Any], browser: str | None) -> Proved:
        """`brought`: the parameters that the browser came back with. Raises IssuerRefused."""
        texts = {name: value for name, value in brought.items() if isinstance(value, str)}
        begun = self._pending.take(texts.get("state", ""), browser)
        if begun is None:
            raise IssuerRefused(Refusal.NOT_BEGUN)
        metadata = self._metadata()
        issuer = texts.get("iss")
        if (issuer is not None or metadata.names_itself) and issuer != self._settings.issuer:
            raise _not_believed("it came from another issuer")
        if "error" in texts:
            raise IssuerRefused(Refusal.DENIED)
        claims = self._claims(metadata, begun, texts.get("code", ""))
        authenticated_at = _moment(claims.get("auth_time"))
        now = self._clock.now()
        if begun.is_again and (authenticated_at is None or now >= authenticated_at + RECENT):
            raise IssuerRefused(Refusal.NOT_RECENT)
        try:
            identity = identity_of(self._settings.issuer, claims, self._settings.rules)
        except NotMapped as missing:
            _log.warning("sign_in_not_mapped", claims=missing.claims)
            raise IssuerRefused(Refusal.NOT_MAPPED, missing.claims, str(claims["sub"])) from None
        return Proved(identity=identity, authenticated_at=authenticated_at and min(authenticated_at, now))

    def sign_out_address(self) -> str | None:
        """Where a person ends the session at the issuer; None: it has no such page, or does not answer."""
        try:
            address = self._provider.metadata().end_session_endpoint
        except IssuerAway:
            return None
        if address is None:
            return None
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode({'client_id': self._settings.client_id})}"

    def _metadata(self) -> Metadata:
        try:
            return self._provider.metadata()
        except IssuerAway:
            raise IssuerRefused(Refusal.AWAY) from None

    def _claims(self, metadata: Metadata, begun: PendingSignIn, code: str) -> dict[str, Any]:
        try:
            tokens = self._tokens(metadata, begun, code)
            claims = self._believed(metadata, begun, tokens)
            access = tokens.get("access_token")
            if isinstance(access, str):
                claims = self._told_apart(metadata, claims, access) | claims
        except IssuerAway as fault:
            _log.warning("issuer_away", detail=str(fault))
            raise IssuerRefused(Refusal.AWAY) from None
        except (JoseError, ValueError, TypeError, KeyError) as fault:
            raise _not_believed(type(fault).__name__) from None
        return claims

    def _told_apart(self, metadata: Metadata, claims: Mapping[str, Any], access: str) -> dict[str, Any]:
        """What the issuer tells of the person beside the token, if something is missing there. Raises IssuerAway."""
        is_enough, asked = is_mapped(claims, self._settings.rules), metadata.userinfo_endpoint
        if asked is None or (is_enough and "name" in claims):
            return {}
        try:
            more = self._http.get(asked, TOKEN_SECONDS_MAX, {"Authorization": f"Bearer {access}"})
        except IssuerAway:
            if is_enough:
                return {}
            raise
        # Of somebody else it is not believed (OpenID Connect Core, section 5.3.2).
        return more if more.get("sub") == claims["sub"] else {}

    def _tokens(self, metadata: Metadata, begun: PendingSignIn, code: str) -> dict[str, Any]:
        settings = self._settings
        method = "client_secret_basic" if metadata.takes_basic else "client_secret_post"
        is_quoted = settings.client_secret is not None and metadata.takes_basic  # RFC 6749, section 2.3.1
        auth = ClientAuth(
            quote_plus(settings.client_id) if is_quoted else settings.client_id,
            quote_plus(settings.client_secret or "") if is_quoted else settings.client_secret,
            "none" if settings.client_secret is None else method,
        )
        asked = prepare_token_request(
            "authorization_code", code=code, redirect_uri=self._redirect, code_verifier=begun.verifier
        )
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        url, headers, body = auth.prepare("POST", metadata.token_endpoint, form, asked)
        answered = self._http.ask("POST", url, TOKEN_SECONDS_MAX, headers=headers, body=body)
        if answered.status >= 500:
            raise IssuerAway(f"answered {answered.status}")
        if answered.status != 200:
            raise _not_believed(f"it takes the code for none of its own ({answered.status})")
        return answered.body

    def _believed(self, metadata: Metadata, begun: PendingSignIn, tokens: Mapping[str, Any]) -> dict[str, Any]:
        """The claims of the ID token. Raises JoseError, IssuerAway or IssuerRefused."""
        given = tokens.get("id_token")
        if not isinstance(given, str):
            raise _not_believed("it sent no ID token")
        registry = JWSRegistry(algorithms=list(metadata.algorithms), strict_check_header=False)
        try:
            token = jwt.decode(given, self._provider.keys(), registry=registry)
        except InvalidKeyIdError:
            token = jwt.decode(given, self._provider.keys(newer=True), registry=registry)
        claims = CodeIDToken(
            token.claims,
            token.header,
            {
                "iss": {"essential": True, "value": self._settings.issuer},
                "aud": {"essential": True, "value": self._settings.client_id},
            },
            {
                "nonce": begun.nonce,
                "client_id": self._settings.client_id,
                "access_token": tokens.get("access_token"),
                "max_age": begun.is_again,
            },
        )
        claims.validate(int(self._clock.now().timestamp()), CLOCKS_DIFFER_SECONDS)
        if not 0 < len(claims["sub"]) <= SUBJECT_MAX:
            raise _not_believed("its subject is none")
        return dict(claims)


def _not_believed(detail: str) -> IssuerRefused:
    _log.warning("sign_in_not_believed", detail=detail)
    return IssuerRefused(Refusal.NOT_BELIEVED)


def _moment(seconds: object) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 1e11:
        return None
    return datetime.fromtimestamp(seconds, UTC)
