"""Accounts of senders, and rejections by reason, in SQL: in the transaction that makes the samples durable."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Connection, Row, delete, select

from services.sensors.accounting.account import Account
from services.sensors.accounting.rejection import Rejection
from services.sensors.arrival import tables
from shared.observability.at_scrape import Measure
from shared.sql.database import Database, upsert

IMPORT = "import "
"""What the name of an import begins with, as which it sends what waits: no account on the broker has a space."""

_OUTCOMES = ("new", "repeated", "differing", "rejected")
SENDERS_SHOWN_MAX = 1000

BySender = defaultdict[str, Account]
"""Noted last in a transaction: sensors are locked before senders, so that no two transactions wait for each other."""


def note(tx: Connection, accounts: Mapping[str, Account]) -> None:
    """`accounts`: by sender, what became of its samples."""
    table = tables.sender_account
    rows = [
        {"sender": sender, **{name: getattr(accounts[sender], name) for name in _OUTCOMES}}
        for sender in sorted(accounts)
    ]
    if rows:
        statement = upsert(tx, table)
        grown = {name: table.c[name] + statement.excluded[name] for name in _OUTCOMES}
        tx.execute(statement.on_conflict_do_update(index_elements=["sender"], set_=grown), rows)


def note_rejected(tx: Connection, rejected: Iterable[tuple[Rejection, int]]) -> None:
    """Why, and how many samples it shows; each is a message, a line or a trace."""
    table = tables.sample_rejection
    rows = [{"reason": reason.value, "samples": samples, "messages": 1} for reason, samples in rejected]
    if rows:
        statement = upsert(tx, table)
        grown = {name: table.c[name] + statement.excluded[name] for name in ("samples", "messages")}
        rows.sort(key=lambda row: str(row["reason"]))
        tx.execute(statement.on_conflict_do_update(index_elements=["reason"], set_=grown), rows)


def of_sender(tx: Connection, sender: str) -> Account:
    return _account(tx.execute(select(tables.sender_account).where(tables.sender_account.c.sender == sender)).first())


def taken_out(tx: Connection, sender: str) -> Account:
    """Of an import: what became of its samples since it asked last, also what the service decided."""
    table = tables.sender_account
    return _account(tx.execute(delete(table).where(table.c.sender == sender).returning(table)).first())


def _account(row: Row[Any] | None) -> Account:
    if row is None:
        return Account()
    return Account(new=row.new, repeated=row.repeated, differing=row.differing, reasons={"": row.rejected})


def measured(database: Database) -> Measure:
    """What became of the samples that each account on the broker sent, and of those that were rejected."""

    def senders() -> Iterable[Metric]:
        with database.reading() as tx:
            sender = tables.sender_account.c.sender
            is_account = sender.not_like(f"{IMPORT}%")
            of_senders = tx.execute(select(tables.sender_account).where(is_account).limit(SENDERS_SHOWN_MAX)).all()
            by_reason = tx.execute(select(tables.sample_rejection)).all()
        sent = GaugeMetricFamily(
            "grillo_readings_samples",
            "Samples that accounts on the broker sent, by what became of them. Offered is the sum. Not: of imports.",
            labels=["account", "outcome"],
        )
        for row in of_senders:
            for outcome in _OUTCOMES:
                sent.add_metric([row.sender, outcome], float(row._mapping[outcome]))
        samples = GaugeMetricFamily(
            "grillo_rejected_samples",
            "Samples rejected, of messages and of files. Not: of what could not be read at all.",
            labels=["reason"],
        )
        messages = GaugeMetricFamily(
            "grillo_rejected_messages",
            "Messages, lines and traces rejected, also without a sample. Not: what the broker refused.",
            labels=["reason"],
        )
        found = {row.reason: (row.samples, row.messages) for row in by_reason}
        for reason in Rejection:
            rejected, times = found.get(reason.value, (0, 0))
            samples.add_metric([reason.value], float(rejected))
            messages.add_metric([reason.value], float(times))
        yield from (sent, samples, messages)

    return senders
