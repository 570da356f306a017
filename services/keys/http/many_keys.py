"""Base of the resources that make many keys in one request: all of them with one receipt, or none."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from services.keys.commands.command_inputs import KeyRequest
from services.keys.http import representation
from services.keys.http.key_resource import KeyResource
from services.keys.http.problem_mapping import of_keys
from services.keys.revocation.propagation import Receipt
from services.keys.views.listing.key_filter import KeyFilter
from services.keys.views.queries import KeyView
from shared.gate.grants.grant import Limits
from shared.web.problems.catalogue import Problem

PROBLEMS = ("conflict", "too-many-keys", "beyond-own-bounds", "clock-in-doubt")
_Body = TypeVar("_Body")
_Request = TypeVar("_Request", bound=KeyRequest)


class ManyKeys(KeyResource):
    def requests(
        self,
        organisation_id: str,
        bodies: Sequence[_Body],
        request: Callable[[_Body, datetime, Limits | None], _Request],
    ) -> tuple[_Request, ...]:
        """Raises Problem, which names each fault by its place."""
        now, tier = self._clock.now(), self._show.tier_limits(organisation_id)
        requests: list[_Request] = []
        problems: dict[int, Problem] = {}
        for at, body in enumerate(bodies):
            try:
                requests.append(request(body, now, tier))
            except Problem as problem:
                problems[at] = problem
        if problems:
            raise of_keys(problems)
        return tuple(requests)

    def found(self, organisation_id: str, ids: Sequence[str]) -> list[KeyView]:
        """In this order, without those that are deleted."""
        found = {key.id: key for key in self._queries.all_keys(organisation_id, KeyFilter(ids=tuple(ids)))}
        return [found[key_id] for key_id in ids if key_id in found]


def all_of(keys: Sequence[dict[str, Any]], receipt: Receipt) -> dict[str, Any]:
    """The body of the answer."""
    return {"data": keys, "receipt": representation.receipt(receipt)}
