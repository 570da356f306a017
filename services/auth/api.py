"""Forward-auth: the verdict on a request that a proxy holds, for services that know nothing of keys.

It is the gate's own verdict, charged and recorded as the original request. Only proxies of ours may ask.
"""

import falcon

from services.auth.forwarded_request import ForwardedRequestUnreadable, read_forwarded_request
from services.auth.schema import AuthorizedSchema, AuthorizeQuery, AuthorizeQuerySchema
from shared.gate.authentication.credential import Presented
from shared.web.operation import Answer, Call, Judged, operation
from shared.web.problems.catalogue import Problem
from shared.web.requests.client_address import TrustedProxies
from shared.web.requests.query_parameters import read_query
from shared.web.route import Route

# The refusal's body, for nginx, which gives out the status and headers of a refusal and no body.
PROBLEM_HEADER = "X-Grillo-Problem"
_QUERY = AuthorizeQuerySchema()


def routes(proxies: TrustedProxies) -> list[Route]:
    return [Route("/v1/authorize", Authorize(proxies))]


class Authorize:
    def __init__(self, proxies: TrustedProxies) -> None:
        self._proxies = proxies

    def forwarded(self, req: falcon.Request, caller: str) -> Judged:
        """Raises Problem where nothing is asked that the gate could judge."""
        if not self._proxies.trust(req.remote_addr or ""):
            raise Problem("invalid-request", "only proxies that TRUSTED_PROXIES names may ask about others' requests")
        query: AuthorizeQuery = read_query(req, _QUERY, credential=False)
        try:
            forwarded = read_forwarded_request(req.get_header)
        except ForwardedRequestUnreadable as fault:
            raise Problem("invalid-request", str(fault)) from None
        if forwarded.query_keys and not query.allow_query:
            raise Problem("invalid-request", "here a key may be sent in the Authorization header only")
        return Judged(
            presented=Presented(req.get_header("Authorization"), forwarded.query_keys, caller),
            permission=query.permission,
            method=forwarded.method,
            route=query.route or forwarded.path,
            path=forwarded.path,
        )

    @operation(
        "May this request of a caller pass, with the permission named? For proxies; any method means the same",
        tag="Forward-auth",
        permission=None,
        query=AuthorizeQuerySchema,
        answers=AuthorizedSchema,
        headers=("X-Original-Method", "X-Original-URI", "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-For"),
        stands_for=forwarded,
        problem_header=PROBLEM_HEADER,
    )
    def on_get(self, call: Call[AuthorizeQuery, None]) -> Answer:
        grant = call.caller
        permissions = sorted(grant.permissions)
        return Answer(
            body={"key_id": grant.key_id, "organisation_id": grant.organisation_id, "permissions": permissions},
            headers={
                "X-Grillo-Key-Id": grant.key_id,
                "X-Grillo-Organisation": grant.organisation_id,
                "X-Grillo-Permissions": " ".join(permissions),
            },
        )


# Envoy asks with the original's method, nginx and Traefik with GET. What is not named here would be answered as if
# it had been admitted: OPTIONS, by the answer that every other resource gives without a key.
for _method in set(falcon.COMBINED_METHODS) - {"WEBSOCKET"}:
    setattr(Authorize, f"on_{_method.lower()}", Authorize.on_get)
