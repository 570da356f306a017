"""Call and Answer: a request that was admitted and parsed, and what is answered. Re-exported by operation.py."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

import marshmallow
import msgspec
from marshmallow import Schema, ValidationError, post_load, pre_load, validate

from shared.eventsourcing.origin import Origin
from shared.gate.authentication.credential import Presented
from shared.gate.grants.grant import Grant
from shared.observability import trace_context
from shared.sql.idempotency_table import Keep
from shared.values.revision import ANY_REVISION, SeenRevisions

JSON = "application/json"
NETWORK = "network_id"  # what names a network in paths and queries: the gate judges it
NETWORK_CHARACTERS_MAX = 32
_encode = msgspec.json.Encoder().encode
_NONE: Mapping[str, str] = MappingProxyType({})
Query = TypeVar("Query")
Body = TypeVar("Body")


class StrictSchema(Schema):
    """Schema that refuses unknown members. Loads into `shape`, if set: a frozen dataclass with the same names.

    `refusals`: the words in which it refuses a body whose members are each right (schemas/refusals.py).
    """

    shape: ClassVar[type | None] = None
    refusals: ClassVar[tuple[str, ...]] = ()

    class Meta:
        unknown = marshmallow.RAISE

    @pre_load
    def _check_lengths(self, data: Any, **_: Any) -> Any:
        """Before anything is read of what is too long: a short body may hold a list of a hundred thousand."""
        errors: dict[str, Any] = {}
        for name, value in data.items() if isinstance(data, dict) else ():
            field = self.fields.get(name)
            if field is None or not isinstance(value, list | dict):
                continue
            for validator in field.validators:
                if isinstance(validator, validate.Length) and validator.max is not None and len(value) > validator.max:
                    try:
                        validator(value)
                    except ValidationError as error:
                        errors[name] = error.messages
        if errors:
            raise ValidationError(errors)
        return data

    @post_load
    def _into_shape(self, data: Mapping[str, Any], **_: Any) -> Any:
        return data if self.shape is None else self.shape(**data)


class Call(msgspec.Struct, Generic[Query, Body], frozen=True, gc=False):
    """A request that was admitted and parsed. `caller`: the grant of the key that made it.

    `digest`: of the secret that it presented. `permission`: what the operation needs; None: any valid key will do.
    `media_type`: of those that the operation offers, the one that the caller prefers. `time`: the gate's, at the moment
    it is called. `address`: the caller's. `seen`: to check against the resource where its change commits. `keep`: to
    call in that transaction, if the caller sent an Idempotency-Key. `byte_range`, `if_range`, `if_none_match`: the
    headers Range, If-Range and If-None-Match, of an operation that serves ranges of what has a tag of its own.
    """

    caller: Grant
    query: Query
    body: Body
    request_id: str
    time: Callable[[], float]
    media_type: str = JSON
    digest: str = ""
    permission: str | None = None
    address: str = ""
    seen: SeenRevisions = ANY_REVISION
    keep: Keep | None = None
    byte_range: str | None = None
    if_range: str | None = None
    if_none_match: str | None = None

    @property
    def origin(self) -> Origin:
        """The calling key, the request's id and its trace, as events record them."""
        return Origin(actor=self.caller.key_id, request_id=self.request_id, traceparent=trace_context.current.get())


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An HTTP answer. `body`: a value that becomes JSON, or bytes as they are; `stream`: in its place, in pieces.

    `problem`: the problem's name if it is one, for the meter's record of the request. `revision`: of the resource, for
    its ETag. `shown`: the resource as GET shows it, where the body is not that alone. `network_id`: the one that it is
    about, for the meter's record; the one that path or query names need not be told.
    """

    body: Any
    status: int = 200
    headers: Mapping[str, str] = _NONE
    content_type: str = JSON
    stream: Iterable[bytes] | None = None
    problem: str | None = None
    revision: int | None = None
    shown: Any = None
    network_id: str | None = None

    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else _encode(self.body)


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The forwarded request that is judged, charged and recorded in place of the one that asks about it (forward-auth).

    `path`: as it is echoed in problems; `route`: as usage counts it. `networks`: those that it names.
    """

    presented: Presented
    permission: str | None
    method: str
    route: str
    path: str
    networks: tuple[str, ...] = ()
