"""Pages that create, change and delete a network, by the role's rights. Its sensors stay where they are.

The session is judged when the form comes; sensors, whose log this is, takes the change within a second or never.
"""

import falcon

from services.keys.console.pages.networks import network_form
from services.keys.console.pages.networks.network_form import NetworkFaulty, Typed
from services.keys.console.pages.networks.network_states import (
    NetworkRefused,
    NetworkState,
    NetworkStates,
    NoSuchNetwork,
    SensorsAway,
)
from services.keys.console.pages.page import FormNotOurs, Page
from services.keys.console.pages.parts import Visit
from services.keys.console.pages.two_edits import TwoEdits, two_edits
from services.keys.console.rendering.form import Form
from services.keys.console.sessions import attempts
from shared.web.problems.catalogue import Problem, unavailable

PATH = "/console/networks"


class _ChangePage(Page):
    @property
    def sensors(self) -> NetworkStates:
        """Raises SensorsAway where there is nobody to ask."""
        if self.parts.sensors is None:
            raise SensorsAway
        return self.parts.sensors

    def network(self, visit: Visit, network_id: str) -> NetworkState:
        """Raises Problem. Where sensors is away, its page keeps the form that was sent."""
        try:
            return self.sensors.network(visit.organisation_id, network_id)
        except NoSuchNetwork:
            raise Problem("not-found") from None
        except SensorsAway:
            raise unavailable() from None

    def done(self, resp: falcon.Response, visit: Visit, path: str) -> None:
        self.parts.networks.forget(visit.organisation_id)
        resp.status, resp.location = 303, path


class _FormPage(_ChangePage):
    def form(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        typed: Typed,
        *,
        network: NetworkState | None = None,
        attempt: str = "",
        faults: frozenset[str] = frozenset(),
        merged: TwoEdits | None = None,
        refused: bool = False,
        away: bool = False,
        is_again: bool = False,
    ) -> None:
        """`network` None: a new one. `refused`: the organisation has as many as it may. `away`: sensors is."""
        self.show(
            req,
            resp,
            visit,
            "networks/form.html",
            section="networks",
            status=422 if faults else 409 if merged or refused else 503 if away else 200,
            network=network,
            present=None if network is None else network_form.typed_of(network),
            typed=typed,
            attempt=attempt,
            faults=faults,
            merged=merged,
            refused=refused,
            away=away,
            is_again=is_again,
        )


class NewNetworkPage(_FormPage):
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self.form(req, resp, self.changer(self.visit(req)), dict(network_form.NEW))

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        visit, form, is_theirs = self.posted_again(req)
        self.changer(visit)
        typed = network_form.typed_in(form)
        if not is_theirs or not attempts.is_current(form.attempt, self.parts.clock.now()):
            self.form(req, resp, visit, typed, is_again=True)
            return
        network_id = network_form.id_of(form, visit.session.person_id)
        try:
            settings = network_form.settings_of(form)
            self.sensors.create(visit.organisation_id, network_id, settings, visit.origin)
        except NetworkFaulty as fault:
            self.form(req, resp, visit, typed, faults=fault.fields, attempt=form.attempt)
        except NetworkRefused:
            self.form(req, resp, visit, typed, refused=True, attempt=form.attempt)
        except SensorsAway:
            self.form(req, resp, visit, typed, away=True, attempt=form.attempt)
        except NoSuchNetwork:
            raise FormNotOurs from None  # what it made was deleted since
        else:
            self.done(resp, visit, f"{PATH}/{network_id}")


class EditNetworkPage(_FormPage):
    def on_get(self, req: falcon.Request, resp: falcon.Response, network_id: str) -> None:
        visit = self.changer(self.visit(req))
        network = self.network(visit, network_id)
        self.form(req, resp, visit, network_form.typed_of(network), network=network)

    def on_post(self, req: falcon.Request, resp: falcon.Response, network_id: str) -> None:
        visit, form, is_theirs = self.posted_again(req)
        network, typed = self.network(self.changer(visit), network_id), network_form.typed_in(form)
        if form.text("revision") != str(network.revision):
            self._other_was_first(req, resp, visit, form, network)
        elif not is_theirs:
            self.form(req, resp, visit, typed, network=network, is_again=True)
        else:
            self._change(req, resp, visit, form, network)

    def _change(
        self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, network: NetworkState
    ) -> None:
        typed = network_form.typed_in(form)
        try:
            settings = network_form.settings_of(form)
            self.sensors.change(visit.organisation_id, network.id, settings, network.revision, visit.origin)
        except NetworkFaulty as fault:
            self.form(req, resp, visit, typed, network=network, faults=fault.fields)
        except SensorsAway:
            self.form(req, resp, visit, typed, network=network, away=True)
        except NoSuchNetwork:
            raise Problem("not-found") from None
        except NetworkRefused:
            self._other_was_first(req, resp, visit, form, self.network(visit, network.id))
        else:
            self.done(resp, visit, f"{PATH}/{network.id}")

    def _other_was_first(
        self, req: falcon.Request, resp: falcon.Response, visit: Visit, form: Form, network: NetworkState
    ) -> None:
        base, mine = network_form.typed_in(form, "was_"), network_form.typed_in(form)
        merged = two_edits(base, network_form.typed_of(network), mine)
        self.form(req, resp, visit, merged.typed, network=network, merged=merged)


class DeleteNetworkPage(_ChangePage):
    """Asks for the network's name, and for a sign-in of the last hour."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, network_id: str) -> None:
        visit = self.changer(self.visit(req))
        self._ask(req, resp, visit, self.network(visit, network_id), "")

    def on_post(self, req: falcon.Request, resp: falcon.Response, network_id: str) -> None:
        visit, form, is_theirs = self.posted_again(req)
        network, typed = self.network(self.changer(visit), network_id), form.text("name").strip()
        if not is_theirs:
            self._ask(req, resp, visit, network, typed, is_again=True)
            return
        if typed != network.name.strip():
            self._ask(req, resp, visit, network, typed, is_other=True)
            return
        self.recent(visit)
        try:
            self.sensors.delete(visit.organisation_id, network_id, network.name, visit.origin)
        except NetworkRefused:
            # It has another name, or sensors, since a moment ago: the page says what it is now.
            self._ask(req, resp, visit, self.network(visit, network_id), typed, is_other=True)
        except SensorsAway:
            self._ask(req, resp, visit, network, typed, away=True)
        except NoSuchNetwork:
            raise Problem("not-found") from None  # somebody else was first
        else:
            self.done(resp, visit, PATH)

    def _ask(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        visit: Visit,
        network: NetworkState,
        typed: str,
        *,
        is_other: bool = False,
        away: bool = False,
        is_again: bool = False,
    ) -> None:
        self.show(
            req,
            resp,
            visit,
            "networks/delete.html",
            section="networks",
            status=503 if away else 409 if network.total_sensors else 422 if is_other else 200,
            network=network,
            typed=typed,
            is_other=is_other,
            away=away,
            is_again=is_again,
        )
