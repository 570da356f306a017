"""Origin of a command: who asked, in which request; kept as metadata with each event that it appended."""

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asked, in which request, caused by what. Holds no secret.

    `on_behalf_of`: whom another back end says that it asks for; nobody has checked that. `traceparent`: the caller's
    own trace, as of W3C.
    """

    actor: str
    request_id: str | None = None
    causation: str | None = None
    on_behalf_of: str | None = None
    traceparent: str | None = None

    def text(self) -> str:
        stated = msgspec.to_builtins(self)
        for name in ("on_behalf_of", "traceparent"):
            if stated[name] is None:
                del stated[name]  # most have none
        return msgspec.json.encode(stated).decode()
