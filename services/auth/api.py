"""Forward-auth: answers a proxy whether the request it holds may pass, for services that know nothing of keys.

The verdict is the gate's own, and is charged and metered as the forwarded request. Only the proxies that
TRUSTED_PROXIES lists may ask.
"""

import falcon

from services.auth import key_verification
from services.auth.forwarded_request import ForwardedRequests, ForwardedRequestUnreadable
from services.auth.schema import AuthorizedSchema, AuthorizeQuery, AuthorizeQuerySchema
from shared.gate.authentication.credential import Presented
from shared.web.operation import Answer, Call, Judged, operation
from shared.web.problems.catalogue import Problem
from shared.web.requests.client_address import TrustedProxies
from shared.web.requests.query_parameters import read_query
from shared.web.route import Route

# Carries a refusal's body, for nginx passes on a refusal's status and headers only.
PROBLEM_HEADER = "X-Grillo-Problem"
_QUERY = AuthorizeQuerySchema()
_QUERIES_MAX, _QUERY_CHARACTERS_MAX = 256, 512


def routes(proxies: TrustedProxies) -> list[Route]:
    return [Route("/v1/authorize", Authorize(proxies)), *key_verification.routes()]


class _ReadQueries:
    """As they were read: a proxy asks by the same few for all requests that it holds, and reading one costs a fifth of
    its answer. The first ones stay; none that was refused does.
    """

    def __init__(self) -> None:
        self._known: dict[str, AuthorizeQuery] = {}

    def read(self, req: falcon.Request) -> AuthorizeQuery:
        """Raises Problem."""
        text = req.query_string
        query = self._known.get(text)
        if query is None:
            query = read_query(req, _QUERY, credential=False)
            if len(self._known) < _QUERIES_MAX and len(text) <= _QUERY_CHARACTERS_MAX:
                self._known[text] = query
        return query


class Authorize:
    def __init__(self, proxies: TrustedProxies) -> None:
        self._proxies, self._queries, self._forwarded = proxies, _ReadQueries(), ForwardedRequests()

    def forwarded(self, req: falcon.Request, caller: str) -> Judged:
        """The forwarded request, as the gate judges it. Raises Problem when the headers do not describe one."""
        if not self._proxies.trust(req.remote_addr or ""):
            raise Problem("invalid-request", "only proxies that TRUSTED_PROXIES lists may ask about forwarded requests")
        query = self._queries.read(req)
        try:
            forwarded = self._forwarded.read(req.get_header)
        except ForwardedRequestUnreadable as fault:
            raise Problem("invalid-request", str(fault)) from None
        if forwarded.query_keys and not query.allow_query:
            raise Problem(
                "invalid-request",
                "send the key in the Authorization header: this service takes none in the URL's query",
            )
        return Judged(
            presented=Presented(req.get_header("Authorization"), forwarded.query_keys, caller),
            permission=query.permission,
            method=forwarded.method,
            route=query.route or forwarded.path,
            path=forwarded.path,
            networks=(*forwarded.networks, *(() if query.network_id is None else (query.network_id,))),
        )

    @operation(
        "Judge a request that a proxy forwards, for the permission named; every HTTP method does the same",
        tag="Forward-auth",
        permission=None,
        query=AuthorizeQuerySchema,
        answers=AuthorizedSchema,
        headers=("X-Original-Method", "X-Original-URI", "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-For"),
        stands_for=forwarded,
        problem_header=PROBLEM_HEADER,
        name="authorize",
    )
    def on_get(self, call: Call[None, None]) -> Answer:
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


# Envoy asks with the forwarded request's method, nginx and Traefik with GET. A method without a handler here would be
# answered as if it were admitted: OPTIONS, for one, which every other resource answers without a key.
for _method in set(falcon.COMBINED_METHODS) - {"WEBSOCKET"}:
    setattr(Authorize, f"on_{_method.lower()}", Authorize.on_get)
