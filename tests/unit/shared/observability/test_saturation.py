"""Connections in use are counted, whatever becomes of them, and how many there may be while their database is open."""

import contextlib
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.sql.database import Database


def told(which: str = "") -> float:
    return REGISTRY.get_sample_value(f"grillo_database_connections{which}") or 0.0


def test_a_connection_is_counted_while_it_is_used(tmp_path: Path) -> None:
    before, most = told(), told("_max")
    database = Database.sqlite(tmp_path / "counted.db")
    with database.reading(), database.reading():
        assert told() == before + 2
        assert told("_max") == most + 40
    with pytest.raises(ZeroDivisionError), database.transaction():
        raise ZeroDivisionError
    with contextlib.suppress(SQLAlchemyError), database.reading() as tx:
        tx.execute(text("SELECT nothing"))
    with contextlib.suppress(SQLAlchemyError), database.reading() as tx:
        tx.invalidate()  # as one whose server is gone
    assert told() == before
    database.close()
    assert told("_max") == most


def test_one_that_could_not_be_made_is_not_counted(tmp_path: Path) -> None:
    before = told()
    database = Database.sqlite(tmp_path / "missing" / "folder.db")
    assert not database.answers()
    assert told() == before
    database.close()
