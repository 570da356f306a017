"""An issuer of OpenID Connect on loopback that keeps the rules, or breaks the one that a test names."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from shared.runtime.clock import Clock

CLIENT_ID = "grillo console"
CLIENT_SECRET = "not:known to/browsers"
Claims = dict[str, Any]


def new_key(kid: str = "one") -> ECKey:
    return ECKey.generate_key("P-256", parameters={"kid": kid, "alg": "ES256", "use": "sig"})


@dataclass
class Issuer:
    """`person`: the claims of who signs in. `twist`: what the ID token says for them. `sign`: how it is signed.

    `said`: what its discovery document says otherwise; `user_info`: what it tells of the person apart. `answer`: what
    is written in place of any answer.
    """

    clock: Clock
    person: Claims = field(default_factory=dict)
    twist: Callable[[Claims], Claims] = lambda claims: claims
    sign: Callable[["Issuer", Claims], str] = lambda issuer, claims: issuer.signed(claims)
    said: Claims = field(default_factory=dict)
    user_info: Claims = field(default_factory=dict)
    answer: Callable[[BaseHTTPRequestHandler], None] | None = None
    key: ECKey = field(default_factory=new_key)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)
    url: str = ""

    def authorize(self, address: str, **brought: str) -> str:
        """What a browser that follows the address comes back to, once its person has agreed."""
        asked = dict(parse_qsl(urlsplit(address).query))
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        self.given.append(code)
        query = {"code": code, "state": asked["state"], "iss": self.url} | brought
        return f"{urlsplit(asked['redirect_uri']).path}?{urlencode(query)}"

    def signed(self, claims: Claims, key: ECKey | None = None) -> str:
        used = key or self.key
        return jwt.encode({"alg": "ES256", "kid": used.kid}, claims, used)

    def token(self, form: dict[str, str], authorization: str) -> Claims | None:
        """None: refused. A code is good once, for the client, the address and the verifier that it was given for."""
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        client = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (
            asked is None
            or challenge.rstrip(b"=").decode() != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
            or (unquote_plus(client[0]), unquote_plus(client[2])) != (CLIENT_ID, CLIENT_SECRET)
        ):
            return None
        now, access = int(self.clock.now().timestamp()), secrets.token_urlsafe(16)
        claims = {"iss": self.url, "aud": CLIENT_ID, "nonce": asked["nonce"], "iat": now, "exp": now + 300}
        token = self.sign(self, self.twist(claims | self.person))
        self.given += [access, token]
        return {"access_token": access, "token_type": "Bearer", "id_token": token}

    def document(self, path: str) -> Claims:
        if path == "/jwks":
            return {"keys": [self.key.as_dict(private=False)]}
        if path == "/user-info":
            return self.user_info
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/user-info",
            "end_session_endpoint": f"{self.url}/end",
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
            "authorization_response_iss_parameter_supported": True,
        } | self.said


def unsigned(_issuer: Issuer, claims: Claims) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def by_our_own_secret(_issuer: Issuer, claims: Claims) -> str:
    """As one with the client's secret could: a client, or another server of its kind."""
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(CLIENT_SECRET), algorithms=["HS256"])


def by_another_key(issuer: Issuer, claims: Claims) -> str:
    return issuer.signed(claims, new_key())


@contextmanager
def running(issuer: Issuer) -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve(lambda: issuer.document(self.path.removeprefix("/realm")))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._serve(lambda: issuer.token(form, self.headers.get("Authorization", "")))

        def _serve(self, make: Callable[[], Claims | None]) -> None:
            issuer.asked.append(self.path.removeprefix("/realm"))
            if issuer.answer is not None:
                issuer.answer(self)
                return
            document = make()
            body = json.dumps(document or {"error": "invalid_grant"}).encode()
            self.send_response(200 if document is not None else 400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        issuer.url = f"http://127.0.0.1:{server.server_address[1]}/realm"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
