"""The console's door: a Falcon application of its own, with every address of the pages. No gate stands before it."""

from collections.abc import Callable, Mapping
from typing import Any

import falcon
from falcon.routing import CompiledRouter

from services.keys.console.openid.issuer_sign_in import CALLBACK
from services.keys.console.pages import lifecycle_pages
from services.keys.console.pages.create_page import CreatePage
from services.keys.console.pages.details.activity_page import KeyActivityFile, KeyActivityPage
from services.keys.console.pages.details.details_page import DetailsPage
from services.keys.console.pages.details.past_page import PastPage
from services.keys.console.pages.details.receipt_page import ReceiptPage
from services.keys.console.pages.details.refused_request import RefusedRequestPage
from services.keys.console.pages.details.use_part import UsePart
from services.keys.console.pages.edit_page import EditPage
from services.keys.console.pages.ending.compromised_page import CompromisedPage
from services.keys.console.pages.listing.bulk_page import BULK_PATH, RevokeManyPage
from services.keys.console.pages.listing.list_page import ROWS_PATH, KeyListPage, KeyRows
from services.keys.console.pages.listing.list_query import PATH
from services.keys.console.pages.networks import change_pages, network_pages
from services.keys.console.pages.organisation.organisation_page import OrganisationPage
from services.keys.console.pages.organisation.policies_page import PoliciesPage
from services.keys.console.pages.parts import Parts
from services.keys.console.pages.refusals import Refusals
from services.keys.console.pages.signing_in import issuer_pages, sign_in_pages
from services.keys.console.pages.signing_in.time_zone_page import TimeZonePage
from services.keys.console.pages.system import system_page
from services.keys.console.public.routes import routes as public_routes
from services.keys.console.rendering.page_headers import PageHeaders
from services.keys.lifecycle.key import NoSuchKey
from shared.web.answers.compression import Compression
from shared.web.requests.client_address import TrustedProxies
from shared.web.requests.query_parameters import has_control_characters
from shared.web.requests.request_identity import RequestIdentity
from shared.web.route import Route

# As the product's menus and documentation name the page.
_OTHER_ADDRESSES = (
    "/console",
    "/settings",
    "/settings/api-keys",
    "/parametres",
    "/parametres/cles-api",
    "/profil/developpeur/cles-api",
)
Wsgi = Callable[..., Any]


class ConsoleDoor:
    """A WSGI application. `answers`: whether a path is one of its own; in one process with the API it is asked."""

    def __init__(
        self,
        parts: Parts,
        *,
        proxies: TrustedProxies,
        is_ready: Callable[[], bool],
        document: Mapping[str, Any],
    ) -> None:
        """`document`: the OpenAPI document, of which the reference is made."""
        self._router = CompiledRouter()
        middleware: list[Any] = [RequestIdentity(proxies), PageHeaders(parts.public_url), _Readable()]
        app = falcon.App(middleware=middleware, router=self._router)
        app.req_options.strip_url_path_trailing_slash = True
        issuer = None if parts.issuer is None else parts.issuer.host
        app.add_error_handler((Exception, falcon.HTTPError), Refusals(issuer).answer)
        for path, resource in (*_routes(parts), *public_routes(document, parts.public_url)):
            app.add_route(path, resource)
        # Of its own process alone: in one process with the API they are the API's.
        self._health = {"/healthz": lambda: True, "/readyz": is_ready}
        self._app = Compression(app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        is_well = self._health.get(environ["PATH_INFO"])
        if is_well is None:
            return self._app(environ, start_response)
        start_response("200 OK" if is_well() else "503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b""]

    def answers(self, path: str) -> bool:
        if path.startswith("/v1/"):
            return False  # most are the API's
        if path.startswith("/console/"):
            return True
        return self._router.find(path.rstrip("/") or "/") is not None


def beside(console: ConsoleDoor, api: Wsgi) -> Wsgi:
    """Both at one address."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        is_page = console.answers(environ["PATH_INFO"])
        return (console if is_page else api)(environ, start_response)

    return application


def _routes(parts: Parts) -> list[Route]:
    return [
        Route(PATH, KeyListPage(parts)),
        Route(ROWS_PATH, KeyRows(parts)),
        Route(BULK_PATH, RevokeManyPage(parts)),
        Route("/console/keys/new", CreatePage(parts)),
        Route("/console/keys/{key_id}", DetailsPage(parts)),
        Route("/console/keys/{key_id}/use", UsePart(parts)),
        Route("/console/keys/{key_id}/activity", KeyActivityPage(parts)),
        Route("/console/keys/{key_id}/activity.csv", KeyActivityFile(parts)),
        Route("/console/keys/{key_id}/past", PastPage(parts)),
        Route("/console/keys/{key_id}/receipt", ReceiptPage(parts)),
        Route("/console/keys/{key_id}/why", RefusedRequestPage(parts)),
        Route("/console/keys/{key_id}/edit", EditPage(parts)),
        Route("/console/keys/{key_id}/rotate", lifecycle_pages.RotatePage(parts)),
        Route("/console/keys/{key_id}/suspend", lifecycle_pages.SuspendPage(parts)),
        Route("/console/keys/{key_id}/resume", lifecycle_pages.ResumePage(parts)),
        Route("/console/keys/{key_id}/revoke", lifecycle_pages.RevokePage(parts)),
        Route("/console/keys/{key_id}/compromised", CompromisedPage(parts)),
        Route("/console/keys/{key_id}/delete", lifecycle_pages.DeletePage(parts)),
        Route(network_pages.PATH, network_pages.NetworkListPage(parts)),
        Route("/console/networks/new", change_pages.NewNetworkPage(parts)),
        Route("/console/networks/{network_id}", network_pages.NetworkPageOfSensors(parts)),
        Route("/console/networks/{network_id}/edit", change_pages.EditNetworkPage(parts)),
        Route("/console/networks/{network_id}/delete", change_pages.DeleteNetworkPage(parts)),
        Route("/console/organisation", OrganisationPage(parts)),
        Route("/console/organisation/policies", PoliciesPage(parts)),
        *(Route(path, page) for path, page in system_page.pages(parts).items()),
        Route("/console/sign-in", sign_in_pages.SignInPage(parts)),
        Route("/console/link/{link}", sign_in_pages.SignInPage(parts)),
        Route("/console/sign-out", sign_in_pages.SignOut(parts)),
        Route(sign_in_pages.SIGNED_OUT, sign_in_pages.SignedOutPage(parts)),
        Route("/console/time-zone", TimeZonePage(parts)),
        *_by_issuer(parts),
        Route("/console/sessions", sign_in_pages.SessionsPage(parts)),
        *(Route(path, _SeeKeys()) for path in _OTHER_ADDRESSES),
    ]


def _by_issuer(parts: Parts) -> list[Route]:
    if parts.issuer is None:
        return []
    begin, callback = issuer_pages.IssuerBegin(parts, parts.issuer), issuer_pages.IssuerCallback(parts, parts.issuer)
    return [Route("/console/openid", begin), Route(CALLBACK, callback)]


class _Readable:
    """Falcon middleware: what a database could not even be asked about is not there."""

    def process_resource(
        self, req: falcon.Request, resp: falcon.Response, resource: object, params: dict[str, str]
    ) -> None:
        if any(map(has_control_characters, params.values())):
            raise NoSuchKey


class _SeeKeys:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.status, resp.location = 303, PATH
