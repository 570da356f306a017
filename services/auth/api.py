"""Forward-auth: the verdict on a request that a proxy holds, for services that know nothing of keys.

It is the gate's own verdict, charged and recorded as the original request. Only proxies of ours may ask.
"""

import json

import falcon

from services.auth.original import OriginalUnreadable, read_original
from services.auth.schema import AuthorizedSchema, AuthorizeQuery, AuthorizeQuerySchema
from shared.clock import Clock
from shared.gate.credential import Presented
from shared.gate.gate import Gate
from shared.gate.grants import Grant
from shared.web.caller import Proxies
from shared.web.openapi import described
from shared.web.operation import Answer, Operation, read_query, write
from shared.web.problems import Problem, refusal_problem, write_problem
from shared.web.route import Route

# The refusal's body, for nginx, which gives out the status and headers of a refusal and no body.
PROBLEM_HEADER = "X-Grillo-Problem"
_AUTHORIZE = Operation(
    summary="May this request of a caller pass, with the permission named? For proxies; any method means the same",
    tag="Forward-auth",
    permission=None,
    answers=AuthorizedSchema,
    status=200,
    query=AuthorizeQuerySchema,
    body=None,
    problems=(),
    headers=("X-Original-Method", "X-Original-URI", "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-For"),
)


def routes(gate: Gate, clock: Clock, proxies: Proxies, public_url: str) -> list[Route]:
    return [Route("/v1/authorize", Authorize(gate, clock, proxies, public_url))]


class Authorize:
    def __init__(self, gate: Gate, clock: Clock, proxies: Proxies, public_url: str) -> None:
        self._gate, self._clock, self._proxies, self._public_url = gate, clock, proxies, public_url
        self._query = AuthorizeQuerySchema()

    @described(_AUTHORIZE)
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        try:
            write(resp, _admitted(self._decide(req)))
        except Problem as problem:
            write_problem(req, resp, problem, self._public_url)
            resp.set_header(PROBLEM_HEADER, json.dumps(json.loads(resp.data or b"")))  # a header's text is ASCII

    def _decide(self, req: falcon.Request) -> Grant:
        """Raises Problem, with the gate's refusal or because nothing was asked that the gate could judge."""
        if not self._proxies.trust(req.remote_addr or ""):
            raise Problem("invalid-request", "only proxies that TRUSTED_PROXIES names may ask about others' requests")
        query: AuthorizeQuery = read_query(req, self._query, credential=False)
        try:
            original = read_original(req.get_header)
        except OriginalUnreadable as fault:
            raise Problem("invalid-request", str(fault)) from None
        if original.query_keys and not query.allow_query:
            raise Problem("invalid-request", "here a key may be sent in the Authorization header only")
        context = req.context
        context.instance = original.path
        context.recorded_as = original.method, query.route or original.path
        context.began = self._clock.elapsed_seconds()
        presented = Presented(
            authorization=req.get_header("Authorization"), query_keys=original.query_keys, address=context.caller
        )
        verdict = context.verdict = self._gate.admit(presented, query.permission)
        if verdict.refusal is not None:
            raise refusal_problem(verdict, verdict.refusal, query.permission)
        grant: Grant = context.verdict.grant
        return grant


# Envoy asks with the original's method, nginx and Traefik with GET. What is not named here would be answered as if
# it had been admitted: OPTIONS, by the answer that every other resource gives without a key.
for _method in set(falcon.COMBINED_METHODS) - {"WEBSOCKET"}:
    setattr(Authorize, f"on_{_method.lower()}", Authorize.on_get)


def _admitted(grant: Grant) -> Answer:
    permissions = sorted(grant.permissions)
    return Answer(
        body={"key_id": grant.key_id, "organisation_id": grant.organisation_id, "permissions": permissions},
        headers={
            "X-Grillo-Key-Id": grant.key_id,
            "X-Grillo-Organisation": grant.organisation_id,
            "X-Grillo-Permissions": " ".join(permissions),
        },
    )
