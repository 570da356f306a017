"""A revocation's note is shown, for keys revoked before, too; names of before are found in either of their forms."""

import json
import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import op
from cryptography.fernet import Fernet

revision = "0009"
down_revision = "0008"

_PAGE_ROWS = 5_000


def upgrade() -> None:
    op.add_column("api_key", sa.Column("revocation_note", sa.Text))
    _read_notes()
    _compose_names()


def _read_notes() -> None:
    connection = op.get_bind()
    log = sa.table("log", *map(sa.column, ("position", "stream", "type", "data")))
    data_key = sa.table("data_key", *map(sa.column, ("key_id", "value")))
    revoked = (
        sa.select(log.c.position, log.c.stream, log.c.data, data_key.c.value)
        .join(data_key, data_key.c.key_id == log.c.stream)
        .where(log.c.type == "KeyRevoked", log.c.position > sa.bindparam("after"))
        .order_by(log.c.position)
        .limit(_PAGE_ROWS)
    )
    position = 0
    while rows := connection.execute(revoked, {"after": position}).all():
        for row in rows:
            if note := json.loads(row.data).get("note"):
                _update(row.stream, revocation_note=Fernet(row.value).decrypt(note).decode())
        position = rows[-1].position


def _compose_names() -> None:
    connection = op.get_bind()
    names = sa.table("api_key", *map(sa.column, ("id", "sort_name", "search_text")))
    page = (
        sa.select(names.c.id, names.c.sort_name, names.c.search_text)
        .where(names.c.id > sa.bindparam("after"))
        .order_by(names.c.id)
        .limit(_PAGE_ROWS)
    )
    key_id = ""
    while rows := connection.execute(page, {"after": key_id}).all():
        for row in rows:
            before = {"sort_name": row.sort_name, "search_text": row.search_text}
            after = {name: unicodedata.normalize("NFC", text) for name, text in before.items()}
            if after != before:
                _update(row.id, **after)
        key_id = rows[-1].id


def _update(key_id: str, **values: Any) -> None:
    table = sa.table("api_key", sa.column("id"), *map(sa.column, values))
    op.get_bind().execute(sa.update(table).where(table.c.id == key_id).values(**values))
