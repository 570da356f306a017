"""Start page, `/`: what this is and where to go on; for programs that prefer JSON, the addresses of all that."""

import falcon
import msgspec

from services.keys.console.rendering import pages

_MEDIA_TYPES = ("text/html", "application/json")


class StartPage:
    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        addresses = {
            "console": "/console/keys",
            "reference": "/docs",
            "openapi": "/openapi.json",
            "guides": "/api",
            "sensors": "/v1/sensors",
            "events": "/v1/events",
            "ready": "/readyz",
        }
        whole = {name: f"{public_url}{path}" for name, path in addresses.items()}
        self._addresses = msgspec.json.encode({"name": "Grillo Cloud", **whole})

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.append_header("Vary", "Accept")
        if req.client_prefers(_MEDIA_TYPES) == "application/json":
            resp.content_type = "application/json"
            resp.data = self._addresses
            return
        pages.answer(req, resp, "public/start.html", public_url=self._public_url)
