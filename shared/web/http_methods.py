"""HEAD and OPTIONS of every resource, beyond what it declares, and the Allow header."""

from collections.abc import Callable
from typing import Any

import falcon
from falcon.routing import CompiledRouter

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


def complete(resource: Any) -> None:
    """Adds HEAD and OPTIONS to a resource. HEAD is handled as GET; the server leaves the body out."""
    if hasattr(resource, "on_get") and not hasattr(resource, "on_head"):
        resource.on_head = resource.on_get
    if not hasattr(resource, "on_options"):
        resource.on_options = _options(resource)


def allowed(resource: object) -> str:
    """The Allow header of a resource, for OPTIONS and for 405 alike."""
    return ", ".join(method for method in METHODS if hasattr(resource, f"on_{method.lower()}"))


def is_unknown(method: str) -> bool:
    """Whether Falcon cannot route the method. It refuses such a request before it looks at the path."""
    return method not in falcon.COMBINED_METHODS or method == "WEBSOCKET"


def allowed_at(router: CompiledRouter, req: falcon.Request) -> str | None:
    """The Allow header at the request's path; None: there is nothing at this path."""
    found = router.find(req.path, req)
    return None if found is None else allowed(found[0])


def _options(resource: object) -> Callable[..., None]:
    def on_options(req: falcon.Request, resp: falcon.Response, **_: str) -> None:
        resp.status = 204
        resp.set_header("Allow", allowed(resource))

    return on_options
