"""Page of each problem, `/problems/{name}`: what happened, what to do, and where that is done."""

import falcon

from services.keys.console.public.reference import Reference, address_of
from services.keys.console.rendering import pages
from services.keys.console.rendering.languages import language_of
from shared.web.problems.catalogue import CATALOGUE, Problem, worded

_OPERATIONS_MAX = 12  # a problem of more operations is one of nearly all
_GUIDES = {
    "authentication": (
        *("missing-credentials", "invalid-key", "key-revoked", "key-suspended", "key-expired", "key-rotated"),
        *("insufficient-permission", "address-not-allowed", "network-not-allowed"),
        *("beyond-own-bounds", "outside-organisation"),
    ),
    "rate-limits": ("quota-exceeded", "range-too-long"),
}
_KEPT_IN_CONSOLE = {*_GUIDES["authentication"], "too-many-keys", "lock-out", "regeneration-required"}


class ProblemPage:
    def __init__(self, reference: Reference) -> None:
        self._reference = reference

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        problem = CATALOGUE.get(name)
        if problem is None:
            raise Problem("not-found")
        title, advice = worded(problem, language_of(req))
        operations = self._reference.answering(name)
        pages.answer(
            req,
            resp,
            "public/problem.html",
            problem=problem,
            title=title,
            advice=advice,
            operations=operations if len(operations) <= _OPERATIONS_MAX else [],
            address_of=address_of,
            guide=next((guide for guide, names in _GUIDES.items() if name in names), None),
            is_kept_in_console=name in _KEPT_IN_CONSOLE,
        )
