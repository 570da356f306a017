"""Query parameters of the management API: their shapes, and the strict schemas that validate them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from services.keys.http.schemas.members import LABELS_MAX
from services.keys.lifecycle.key import Status
from services.keys.views.listing.key_filter import KeyFilter
from services.keys.views.listing.key_order import NEWEST_FIRST, SORTS
from shared.web.operation import StrictSchema
from shared.web.pagination import PageQuery, PageQuerySchema
from shared.web.requests.texts import check_label, label_of, plain_text
from shared.web.requests.timestamp import Timestamp
from shared.web.schemas.refusals import refuses

_STATUS = "|".join(Status)


@refuses("no such status", pattern=rf"^(?:{_STATUS})(?:,(?:{_STATUS}))*$")
def _statuses(text: str) -> None:
    if unknown := set(text.split(",")) - set(Status):
        raise ValidationError(f"no such status: {', '.join(sorted(unknown))}; choose from {', '.join(Status)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery(PageQuery):
    status: str | None = None
    label: tuple[str, ...] = ()
    q: str = ""
    network_id: str = ""
    sort: str = NEWEST_FIRST

    def wanted(self) -> KeyFilter:
        return KeyFilter(
            statuses=tuple(Status(name) for name in self.status.split(",")) if self.status else (),
            labels=tuple(map(label_of, self.label)),
            text=self.q,
            network_id=self.network_id or None,
        )


class ListQuerySchema(PageQuerySchema):
    shape = ListQuery
    status = fields.String(
        validate=_statuses,
        metadata={"description": "one or more of active, suspended, expired and revoked, separated by commas"},
    )
    label = fields.List(
        fields.String(validate=check_label),
        validate=validate.Length(max=LABELS_MAX),
        metadata={"description": "such as env:prod; given several times: all must hold"},
    )
    q = fields.String(
        validate=[validate.Length(min=1, max=100), plain_text],
        metadata={
            "description": "part of the name, description or hint, or the whole id; case and the way that "
            "accents are composed make no difference"
        },
    )
    network_id = fields.String(
        validate=validate.Regexp(r"[0-9A-Za-z_]{1,32}\Z", error="not an id"),
        metadata={"description": "keys that are bound to networks, of which it is one"},
    )
    sort = fields.String(
        validate=validate.OneOf(SORTS),
        metadata={
            "description": "- before it: descending. By expires_at, keys that never expire come last "
            "(descending: first). By last_used_at, a key used while you page may come twice, but none is left out"
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceQuery:
    force: bool = False


class ForceQuerySchema(StrictSchema):
    shape = ForceQuery
    force = fields.Boolean(
        truthy={"true"},
        falsy={"false"},
        metadata={"description": "true: do it, even if it locks the caller or the whole organisation out"},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOfQuery:
    as_of: datetime | None = None
    revision: int | None = None


class PastQuerySchema(StrictSchema):
    shape = AsOfQuery
    as_of = Timestamp(
        metadata={"description": "show the key as it was at this time", "refusals": ["must not be in the future"]}
    )
    revision = fields.Integer(
        validate=validate.Range(min=1, max=2**31 - 1), metadata={"refusals": ["give as_of or revision, not both"]}
    )

    @validates_schema
    def _one_moment(self, data: dict[str, Any], **_: Any) -> None:
        if len(data) > 1:
            raise ValidationError("give as_of or revision, not both", "revision")
