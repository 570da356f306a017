"""Words that are searched and sorted by, composed (NFC) as well as case-folded; for the keys there are."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_PAGE_ROWS = 1_000


def upgrade() -> None:
    """Only keys whose words change are written, which are few or none."""
    connection = op.get_bind()
    names = ("id", "name", "description", "sort_name", "search_text")
    table = sa.table("api_key", *map(sa.column, names))
    page = sa.select(table).where(table.c.id > sa.bindparam("after")).order_by(table.c.id).limit(_PAGE_ROWS)
    after = ""
    while rows := connection.execute(page, {"after": after}).all():
        for row in rows:
            words = {
                "sort_name": _folded(row.name),
                "search_text": _folded(f"{row.name}\n{row.description}"),
            }
            if words != {"sort_name": row.sort_name, "search_text": row.search_text}:
                connection.execute(sa.update(table).where(table.c.id == row.id).values(words))
        after = rows[-1].id


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
