"""Page on which a person chooses the time zone that times are shown in, kept for every browser that they use."""

import dataclasses

import falcon

from services.keys.console.pages.page import Page
from services.keys.console.pages.parts import Visit
from services.keys.console.rendering.time_zones import is_time_zone, time_zones


class TimeZonePage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._show(req, resp, self.visit(req))

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit, form = self.posted(req)
        name = form.text("time_zone")
        if name and not is_time_zone(name):
            self._show(req, resp, visit, status=422, is_unknown=True)
            return
        self.parts.sign_in.choose_time_zone(visit.session.person_id, name)
        changed = dataclasses.replace(visit, session=dataclasses.replace(visit.session, time_zone=name))
        self._show(req, resp, changed, is_saved=True)

    def _show(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        *,
        status: int = 200,
        is_saved: bool = False,
        is_unknown: bool = False,
    ) -> None:
        told = {"is_saved": is_saved, "is_unknown": is_unknown, "zones": [(name, name) for name in time_zones()]}
        self.show(req, resp, visit, "keys/time_zone.html", section="time-zone", status=status, **told)
