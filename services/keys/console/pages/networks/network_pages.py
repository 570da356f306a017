"""Networks of the organisation, and the sensors of one: how they are, and the last minute of each. Only seen here."""

from typing import Any
from urllib.parse import urlencode

import falcon

from services.keys.console.pages.networks.minute_line import HEIGHT, WIDTH, minute_line
from services.keys.console.pages.networks.network_states import (
    NetworkPage,
    NoSuchNetwork,
    SensorPage,
    SensorsAway,
    SensorState,
)
from services.keys.console.pages.page import Page
from shared.web.problems.catalogue import Problem

PATH = "/console/networks"
_PLACE_CHARACTERS_MAX = 100


class NetworkListPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit, after, page = self.visit(req), _after(req), None
        if self.parts.sensors is not None:
            try:
                page = self.parts.sensors.networks(visit.organisation_id, after)
            except SensorsAway:
                page = None
        self.show(
            req,
            resp,
            visit,
            "networks/list.html",
            section="networks",
            networks=None if page is None else page.networks,
            **_pages(PATH, after, page),
        )


class NetworkPageOfSensors(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response, network_id: str) -> None:
        visit, after, page = self.visit(req), _after(req), None
        if self.parts.sensors is not None:
            try:
                page = self.parts.sensors.sensors(visit.organisation_id, network_id, after)
            except SensorsAway:
                page = None
            except NoSuchNetwork:
                raise Problem("not-found") from None
        self.show(
            req,
            resp,
            visit,
            "networks/sensors.html",
            section="networks",
            network=None if page is None else page.network,
            sensors=() if page is None else tuple((sensor, _line(sensor)) for sensor in page.sensors),
            width=WIDTH,
            height=HEIGHT,
            **_pages(f"{PATH}/{network_id}", after, page),
        )


def _after(req: falcon.Request) -> str:
    """Where the page before ended; "" also for what no page said: the list begins anew."""
    asked = req.get_param("after") or ""
    return asked if len(asked) <= _PLACE_CHARACTERS_MAX and asked.isprintable() else ""


def _pages(path: str, after: str, page: NetworkPage | SensorPage | None) -> dict[str, Any]:
    following = None if page is None else page.next_after
    return {
        "total": 0 if page is None else page.total,
        "first": path if after else None,
        "next": None if following is None else f"{path}?{urlencode({'after': following})}",
    }


def _line(sensor: SensorState) -> str:
    return "" if sensor.last_minute is None else minute_line(sensor.last_minute)
