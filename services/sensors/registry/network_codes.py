"""Network codes of organisations: what their new stations are called by that state no code of a network."""

import re

from sqlalchemy import Connection, delete, insert, select

from services.sensors import tables


class NotANetworkCode(ValueError):
    def __init__(self, code: str) -> None:
        super().__init__(
            f"{code!r} is not a network code: one or two capital letters or digits, as FDSN registers them"
        )


def code_of(tx: Connection, organisation_id: str) -> str | None:
    """None: none was set."""
    table = tables.network_code
    return tx.execute(select(table.c.code).where(table.c.organisation_id == organisation_id)).scalar_one_or_none()


def set_code(tx: Connection, organisation_id: str, code: str | None) -> None:
    """For sensors that are registered from now on; None: XX again. Raises NotANetworkCode."""
    if code is not None and re.fullmatch("[A-Z0-9]{1,2}", code) is None:
        raise NotANetworkCode(code)
    table = tables.network_code
    tx.execute(delete(table).where(table.c.organisation_id == organisation_id))
    if code is not None:
        tx.execute(insert(table).values(organisation_id=organisation_id, code=code))
