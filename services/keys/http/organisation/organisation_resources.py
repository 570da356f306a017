"""HTTP resource of the caller's own organisation: its tier, limits and settings.

The tier is changed by operators only, on the host.
"""

from typing import Any

import msgspec
from msgspec import UNSET

from services.keys.commands.command_handler import CommandHandler
from services.keys.http.command_mapping import asked
from services.keys.http.problem_mapping import as_problems
from services.keys.http.representation import in_force
from services.keys.http.schemas.organisation import EditOrganisationBody, EditOrganisationSchema, OrganisationSchema
from services.keys.http.schemas.request_queries import ForceQuery, ForceQuerySchema
from services.keys.lifecycle.organisation import SETTINGS, ChangeSettings
from services.keys.views.queries import KeyQueries
from shared.gate.grants.grant import limits_by
from shared.gate.grants.grants import Grants
from shared.web.merge_patch.read_only import check_fixed
from shared.web.operation import Answer, Call, operation
from shared.web.route import Route


def routes(commands: CommandHandler, queries: KeyQueries, grants: Grants) -> list[Route]:
    return [Route("/v1/organisation", OwnOrganisation(commands, queries, grants))]


class OwnOrganisation:
    def __init__(self, commands: CommandHandler, queries: KeyQueries, grants: Grants) -> None:
        self._commands, self._queries, self._grants = commands, queries, grants

    @operation("Show the organisation", tag="Organisation", permission="admin", answers=OrganisationSchema)
    def on_get(self, call: Call[None, None]) -> Answer:
        return self._shown(call.caller.organisation_id)

    @operation(
        "Change the organisation's settings",
        tag="Organisation",
        permission="admin",
        body=EditOrganisationSchema,
        query=ForceQuerySchema,
        answers=OrganisationSchema,
        problems=("lock-out",),
        conditional=True,
    )
    def on_patch(self, call: Call[ForceQuery, EditOrganisationBody]) -> Answer:
        organisation_id, body = call.caller.organisation_id, call.body
        before = self._queries.organisation(organisation_id)
        check_fixed(body.fixed, before)
        wanted = {name: value for name in SETTINGS if (value := getattr(body, name)) is not UNSET}
        if not wanted:
            call.seen.check(before.revision)
        else:
            with as_problems():
                organisations = asked(self._commands, call).organisations
                organisations.change_settings(organisation_id, ChangeSettings(**wanted), call.origin)
        return self._shown(organisation_id)

    def _shown(self, organisation_id: str) -> Answer:
        view = self._queries.organisation(organisation_id)
        body: dict[str, Any] = msgspec.to_builtins(view)
        del body["contract"]  # its numbers are the limits, and the most keys
        keys = {"active": body.pop("active_keys"), "most": body.pop("active_keys_max")}
        limits = in_force(limits_by(view.tier, view.contract, self._grants.policy))
        return Answer(body=body | {"keys": keys, "limits": limits}, revision=view.revision)
