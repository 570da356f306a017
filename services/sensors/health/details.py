"""Details of one sensor beyond what lists tell: its health as measured, its account of samples, clock, and epochs."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from services.sensors import tables
from services.sensors.accounting.account import Account
from services.sensors.arrival import tables as arrival_tables
from services.sensors.registry import epoch_rows
from services.sensors.registry.epoch import Epochs
from shared.sql.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorDetails:
    """Latency and completeness of the last hour and day; None: not known, as before the worker has measured.

    `uncertainty_ns`: how far times of its clock's newest era may be wrong beyond the least delay. `eras`: how many.
    """

    latency_hour_ms: float | None
    latency_day_ms: float | None
    completeness_hour: float | None
    completeness_day: float | None
    account: Account
    uncertainty_ns: int | None
    eras: int
    epochs: Mapping[str, Epochs]


class DetailQueries:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of_sensor(self, sensor_id: str) -> SensorDetails:
        """Of one that the caller may see; who asks has looked. One deleted meanwhile has none."""
        sensor, health = tables.sensor, tables.sensor_health
        account, line = arrival_tables.sample_account, arrival_tables.clock_line
        of_clock = line.c.sensor_id == sensor_id
        newest = select(func.max(line.c.era)).where(of_clock).scalar_subquery()
        uncertainty = select(func.max(line.c.uncertainty_ns)).where(of_clock, line.c.era == newest).scalar_subquery()
        eras = select(func.count(line.c.era.distinct())).where(of_clock).scalar_subquery()
        query = (
            select(
                health.c.latency_hour_ms,
                health.c.latency_day_ms,
                health.c.completeness_hour,
                health.c.completeness_day,
                *(account.c[name] for name in ("new", "repeated", "differing", "rejected")),
                uncertainty.label("uncertainty_ns"),
                eras.label("eras"),
            )
            .select_from(sensor)
            .outerjoin(health, health.c.sensor_id == sensor.c.id)
            .outerjoin(account, account.c.sensor_id == sensor.c.id)
            .where(sensor.c.id == sensor_id)
        )
        with self._database.reading() as tx:
            found = tx.execute(query).one_or_none()
            told = dict.fromkeys(query.selected_columns.keys()) if found is None else dict(found._mapping)
            parts = {name: told.pop(name) or 0 for name in ("new", "repeated", "differing")}
            account_of = Account(**parts, reasons={"": told.pop("rejected") or 0})
            eras_of = told.pop("eras") or 0
            return SensorDetails(**told, account=account_of, eras=eras_of, epochs=epoch_rows.of_sensor(tx, sensor_id))
