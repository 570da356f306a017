"""Why was a request refused? In plain words, by the request's id, with what helps as the key is now."""

import falcon

from services.keys.console.pages.key_usage import Wanted
from services.keys.console.pages.page import Page
from services.keys.console.rendering.languages import language_of
from shared.observability.redaction import redact
from shared.web.problems.catalogue import CATALOGUE, worded

_LENGTH_MAX = 100


class RefusedRequestPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit = self.visit(req)
        key = self.parts.queries.get_key(visit.organisation_id, key_id)
        request_id = redact((req.get_param("request_id") or "").strip())[:_LENGTH_MAX]
        page = request = None
        if request_id:
            wanted = Wanted(request_id=request_id)
            page = self.parts.asked_usage().part(
                lambda usage: usage.activity(visit.organisation_id, key_id, 10, wanted)
            )
            request = next((entry.request for entry in page.entries if entry.request), None) if page else None
        problem = CATALOGUE.get(request.problem or "") if request else None
        title, advice = ("", "") if problem is None else worded(problem, language_of(req))
        self.show(
            req,
            resp,
            visit,
            "keys/why.html",
            key=key,
            request_id=request_id,
            is_missing=bool(request_id) and page is None,
            request=request,
            problem=problem,
            title=title,
            advice=advice,
            limits=visit.limits_of(key),
        )
