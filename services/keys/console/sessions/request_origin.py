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
    if origin is None:
        # A browser says it of every form; who says neither is none, and carries nobody's cookie.
        return True
    try:
        asked, own = urlsplit(origin), urlsplit(public_url)
    except ValueError:
        return False
    if asked.netloc == own.netloc:
        return asked.scheme == own.scheme
    # Opened at another address than the public one, as at home: the port is part of it.
    return asked.netloc == req.get_header("Host") != ""
