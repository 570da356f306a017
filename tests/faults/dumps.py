"""Databases of PostgreSQL dumped and put back, as an operator does it, under services that run."""

import os
import subprocess
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from tests.servers import Postgres, ServiceDatabase, postgres_program


def dumped(database: ServiceDatabase, file: Path) -> Path:
    _run(database, "pg_dump", "--file", str(file), database.name)
    return file


def restore(postgres: Postgres, database: ServiceDatabase, dump: Path) -> None:
    """The database is dropped under its services, made anew, and filled from the dump."""
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{database.name}" WITH (FORCE)'.encode())
    postgres.set_up(database)
    whole = ("--quiet", "--set", "ON_ERROR_STOP=1", "--single-transaction")
    _run(database, "psql", *whole, "--file", str(dump), database.name)


def _run(database: ServiceDatabase, program: str, *arguments: str) -> None:
    """As the owner."""
    parts = make_url(database.owner_url)
    environment = os.environ | {"PGPASSWORD": parts.password or ""}
    address = ["--host", parts.host or "", "--port", str(parts.port), "--username", parts.username or ""]
    command = [str(postgres_program(program)), *address, *arguments]
    subprocess.run(command, env=environment, check=True, timeout=60, stdout=subprocess.DEVNULL)
