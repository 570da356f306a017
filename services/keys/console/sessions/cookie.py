"""Session cookie: not readable by scripts, sent to this host alone, and never with a form of another site."""

import falcon

from services.keys.revocation.session_fence import LENGTH_MAX

_NAME = "grillo_session"


class SessionCookie:
    """`__Host-` and Secure where the public address is https: browsers take that from no other host, nor from http."""

    def __init__(self, public_url: str) -> None:
        self._is_https = public_url.startswith("https://")
        self.name = f"__Host-{_NAME}" if self._is_https else _NAME

    def read(self, req: falcon.Request) -> str | None:
        """None also where there are two: one of them is not ours."""
        values = req.get_cookie_values(self.name) or []
        return values[0] if len(values) == 1 else None

    def set(self, resp: falcon.Response, session_id: str) -> None:
        self._write(resp, session_id, int(LENGTH_MAX.total_seconds()))

    def clear(self, resp: falcon.Response) -> None:
        self._write(resp, "", 0)

    def _write(self, resp: falcon.Response, value: str, seconds: int) -> None:
        resp.set_cookie(
            self.name, value, max_age=seconds, path="/", secure=self._is_https, http_only=True, same_site="Lax"
        )
