"""Origin of a form: whether our own page sent it, as browsers say by Sec-Fetch-Site, older ones by Origin.

Beside the token that forms carry (tokens.py), so that a fault in one of the two opens nothing.
"""

from urllib.parse import urlsplit

import falcon


def is_our_own(req: falcon.Request, public_url: str) -> bool:
    site = req.get_header("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = req.get_header("Origin")
    # A browser says it of every form; who says neither is none, and carries nobody's cookie.
    return origin is None or urlsplit(origin).netloc in (urlsplit(public_url).netloc, req.get_header("Host"))
