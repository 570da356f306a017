"""Time zones of readers: the one chosen, else the one that the browser has told by a cookie; times stay in UTC without.

Script tells it (assets/console.js). It is a preference and proves nothing: one that is unknown is none.
"""

import zoneinfo
from functools import cache

import falcon

COOKIE = "grillo_time_zone"
_NAME_MAX = 64


@cache
def time_zones() -> tuple[str, ...]:
    """By name, `Area/Place`, and UTC."""
    return ("UTC", *sorted(name for name in zoneinfo.available_timezones() if "/" in name and _is_of_a_place(name)))


def is_time_zone(name: str) -> bool:
    return len(name) <= _NAME_MAX and name in time_zones()


def time_zone_of(req: falcon.Request, chosen: str = "") -> str:
    """`chosen`: by the person who is signed in. "": nothing is known."""
    told = (req.get_cookie_values(COOKIE) or [""])[0]
    return next((name for name in (chosen, told) if name and is_time_zone(name)), "")


def _is_of_a_place(name: str) -> bool:
    return not name.startswith(("Etc/", "SystemV/", "posix/", "right/", "US/"))
