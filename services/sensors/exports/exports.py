"""Exports put together: where they are kept, who makes them, and who tells that they ended."""

from dataclasses import dataclass
from pathlib import Path

from services.sensors.exports.export_files import ExportFiles
from services.sensors.exports.export_store import ExportStore
from services.sensors.exports.making.maker import ExportMaker
from services.sensors.exports.making.standing import AskStanding
from services.sensors.exports.telling import ExportTelling, Tell
from services.sensors.registry.queries import SensorQueries
from services.sensors.registry.visible import Visible
from shared.runtime.clock import Clock
from shared.sql.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Exports:
    store: ExportStore
    files: ExportFiles
    maker: ExportMaker
    telling: ExportTelling
    clock: Clock


def open_exports(
    database: Database,
    folder: Path,
    samples_folder: Path,
    queries: SensorQueries,
    clock: Clock,
    *,
    standing: AskStanding,
    tell: Tell,
) -> Exports:
    """`folder`: of the files, which no other process writes to. `standing`: of the keys that asked for them.

    `tell`: of those that ended.
    """
    store, files = ExportStore(database, clock), ExportFiles(folder, clock)

    def is_visible(visible: Visible, sensor_id: str) -> bool:
        return queries.get_sensor(visible, sensor_id) is not None

    maker = ExportMaker(database, store, files, samples_folder, standing=standing, is_visible=is_visible)
    return Exports(store=store, files=files, maker=maker, telling=ExportTelling(store, tell), clock=clock)
