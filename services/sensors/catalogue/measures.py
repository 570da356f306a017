"""Metrics of the catalogue: what became of all events that were ever offered, and how many there are."""

from collections.abc import Iterable

from prometheus_client import Metric
from sqlalchemy import func, select

from services.sensors.catalogue import tables
from services.sensors.catalogue.importer import OUTCOMES
from shared.observability.at_scrape import Measure, gauge
from shared.sql.database import Database


def measured(database: Database) -> Measure:
    """Over all organisations. Not: files that could not be read at all, and imports that were stopped."""
    account, event = tables.catalogue_account, tables.seismic_event

    def events() -> Iterable[Metric]:
        with database.reading() as tx:
            offered = {row.outcome: float(row.events) for row in tx.execute(select(account))}
            shown = select(func.count()).select_from(event).where(event.c.withdrawn == 0)
            there = float(tx.execute(shown).scalar_one())
        told = {name: offered.get(name, 0.0) for name in OUTCOMES}
        yield gauge(
            "grillo_catalogue_offered",
            "Events ever offered, by what became of them. Not: files that could not be read.",
            "outcome",
            told,
        )
        yield gauge(
            "grillo_catalogue_events", "Seismic events there are. Not: withdrawn ones.", "service", {"sensors": there}
        )

    return events
