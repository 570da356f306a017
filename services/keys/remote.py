"""The commands for other back ends, over messages: the same as over HTTP, but for those that make a secret.

A secret exists in one answer, to whoever will use it; on the bus it would be in others' hands, too.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from services.keys import presentation
from services.keys.command import Commands
from services.keys.key import Reason
from services.keys.propagation import Receipt
from services.keys.refusals import as_problems
from shared.repository import Origin
from shared.web.problems import Problem


class RemoteCommands:
    """Each answers {"problem": its name or None, "receipt": as HTTP answers carry it, or None}.

    `actor`: who asked, for the record.
    """

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def suspend(self, organisation_id: str, key_id: str, actor: str) -> Any:
        return _answer(lambda: self._commands.suspend(organisation_id, key_id, Origin(actor=actor)))

    def resume(self, organisation_id: str, key_id: str, actor: str) -> Any:
        return _answer(lambda: self._commands.resume(organisation_id, key_id, Origin(actor=actor)))

    def revoke(self, organisation_id: str, key_id: str, actor: str, reason: str, note: str | None) -> Any:
        """`reason`: one of Reason's values; any other: the problem invalid-request."""
        if reason not in set(Reason):
            return {"problem": "invalid-request", "receipt": None}
        origin = Origin(actor=actor)
        return _answer(lambda: self._commands.revoke(organisation_id, key_id, Reason(reason), note, origin))

    def delete(self, organisation_id: str, key_id: str, actor: str) -> Any:
        return _answer(lambda: self._commands.delete(organisation_id, key_id, Origin(actor=actor))[1])


def _answer(command: Callable[[], Receipt]) -> Any:
    try:
        with as_problems():
            receipt = command()
    except Problem as problem:
        return {"problem": problem.type.name, "receipt": None}
    return {"problem": None, "receipt": msgspec.to_builtins(presentation.receipt(receipt))}
