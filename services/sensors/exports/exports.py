"""Exports put together: where they are kept, and who makes them."""

from dataclasses import dataclass
from pathlib import Path

from services.sensors.exports.export_files import ExportFiles
from services.sensors.exports.export_store import ExportStore
from services.sensors.exports.making.maker import ExportMaker
from services.sensors.exports.making.standing import AskStanding
from services.sensors.registry.queries import SensorQueries
from services.sensors.registry.visible import Visible
from shared.runtime.clock import Clock
from shared.sql.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Exports:
    store: ExportStore
    files: ExportFiles
    maker: ExportMaker
    clock: Clock


def open_exports(
    database: Database, folder: Path, samples_folder: Path, queries: SensorQueries, standing: AskStanding, clock: Clock
) -> Exports:
    """`folder`: of the files, which no other process writes to. `standing`: of the keys that asked for them."""
    store, files = ExportStore(database, clock), ExportFiles(folder)

    def is_visible(visible: Visible, sensor_id: str) -> bool:
        return queries.get_sensor(visible, sensor_id) is not None

    maker = ExportMaker(database, store, files, samples_folder, standing=standing, is_visible=is_visible)
    return Exports(store=store, files=files, maker=maker, clock=clock)
