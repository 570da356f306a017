"""Origin of a command: who asked, in which request; kept as metadata with each event that it appended."""

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asked, in which request, caused by what. Holds no secret.

    `on_behalf_of`: whom another back end says that it asks for; nobody has checked that.
    """

    actor: str
    request_id: str | None = None
    causation: str | None = None
    on_behalf_of: str | None = None

    def text(self) -> str:
        stated = msgspec.to_builtins(self)
        if self.on_behalf_of is None:
            del stated["on_behalf_of"]  # most have none
        return msgspec.json.encode(stated).decode()
