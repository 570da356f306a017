"""Store of recordings that no device clock dates: of their samples, those are new whose time no stored one covers."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.sensors.store.even_times import half_interval_ns
from services.sensors.store.miniseed.codec import stated_rate
from services.sensors.store.miniseed.codes import axis_name
from services.sensors.store.piece import BY_TIME, by_time
from services.sensors.store.sample_store import SampleStore
from services.sensors.store.waveform import Segment, uncovered
from shared.sql.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Numbers of samples: stored now, and known before."""

    new: int
    known: int


class RecordingStore:
    def __init__(self, database: Database, samples: SampleStore) -> None:
        self._database, self._samples = database, samples

    def store(self, sensor_id: str, segments: Iterable[Segment]) -> Stored:
        """In one transaction. Two imports cannot store the same sample twice, for writers of a sensor take turns."""
        new = offered = 0
        with self._database.transaction() as tx:
            self._samples.lock(tx, sensor_id)
            for segment in segments:
                offered += segment.samples.size
                axis, slack_ns = (
                    axis_name(segment.location_code, segment.channel),
                    half_interval_ns(segment.sample_rate_hz),
                )
                first_ns, last_ns = segment.start_ns - slack_ns, segment.end_ns + slack_ns
                known = self._samples.known(tx, sensor_id, BY_TIME, first_ns, last_ns).get(axis, [])
                covered = [(piece.start_ns, piece.end_ns, piece.rate_hz) for piece in known]
                for missing in uncovered(segment, covered):
                    new += missing.samples.size
                    rate_hz = stated_rate(missing.sample_rate_hz)
                    self._samples.add(tx, sensor_id, [by_time(axis, missing.start_ns, rate_hz, missing.samples)])
        return Stored(new=new, known=offered - new)
