"""Cookies of who signs in: not readable by scripts, sent to this host alone, and never with a form of another site."""

import falcon

from services.keys.revocation.session_fence import LENGTH_MAX

_PENDING_SECONDS = 600


class HostCookie:
    """`__Host-` and Secure where the public address is https: browsers take that from no other host, nor from http."""

    def __init__(self, name: str, public_url: str, seconds: int) -> None:
        self._is_https, self._seconds = public_url.startswith("https://"), seconds
        self.name = f"__Host-{name}" if self._is_https else name

    def read(self, req: falcon.Request) -> str | None:
        """None also where there are two: one of them is not ours."""
        values = req.get_cookie_values(self.name) or []
        return values[0] if len(values) == 1 else None

    def set(self, resp: falcon.Response, value: str) -> None:
        self._write(resp, value, self._seconds)

    def clear(self, resp: falcon.Response) -> None:
        self._write(resp, "", 0)

    def _write(self, resp: falcon.Response, value: str, seconds: int) -> None:
        resp.set_cookie(
            self.name, value, max_age=seconds, path="/", secure=self._is_https, http_only=True, same_site="Lax"
        )


def session_cookie(public_url: str) -> HostCookie:
    return HostCookie("grillo_session", public_url, int(LENGTH_MAX.total_seconds()))


def pending_cookie(public_url: str) -> HostCookie:
    """Of a browser that an issuer is to send back."""
    return HostCookie("grillo_pending", public_url, _PENDING_SECONDS)
