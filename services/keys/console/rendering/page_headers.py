"""Security headers of every answer of the console, such as Content-Security-Policy. Falcon middleware.

The policy has no exception: what a page needs comes from us, as a file; no style or script stands in a page.
"""

from typing import Any

import falcon

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_YEAR_SECONDS = 31_536_000


class PageHeaders:
    def __init__(self, public_url: str) -> None:
        self._headers = {
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        if public_url.startswith("https://"):
            self._headers["Strict-Transport-Security"] = f"max-age={_YEAR_SECONDS}"

    def process_response(self, _req: falcon.Request, resp: falcon.Response, _resource: Any, _succeeded: bool) -> None:
        for name, value in self._headers.items():
            resp.set_header(name, value)
