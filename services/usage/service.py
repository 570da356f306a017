"""The nameko service of usage: RPC, event subscriptions and timers."""

from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog

from services.usage.activity.csv_export import as_csv
from services.usage.activity.timeline import EVERYTHING, ActivityFilter, ActivityTimeline, Place, TimelineEntry
from services.usage.alerting.alerts.alert import AlertStore
from services.usage.alerting.scheduler import EVALUATION_SECONDS, AlertingScheduler
from services.usage.counters.last_day import LastDays
from services.usage.counters.last_use import RecentUses
from services.usage.counters.quota_forecast import exhausted_at
from services.usage.counters.rollup import Rollup
from services.usage.counters.statistics import Statistics, Step
from services.usage.counters.summary import Summary
from services.usage.intake.batch_intake import BatchIntake
from services.usage.known_keys.directory import KnownKeys
from services.usage.known_keys.keys_client import KeysClient
from services.usage.notifications.channel import Channel
from services.usage.notifications.channels.channel_store import CHANNELS_MAX, ChannelStore
from services.usage.notifications.export_notices import ExportNotices
from services.usage.retention.retention import Retention
from services.usage.rpc_schemas import (
    ActivityArguments,
    AlertAnswer,
    AlertsArguments,
    ChannelAnswer,
    ChannelsArguments,
    EntryAnswer,
    FileAnswer,
    FileArguments,
    LastDayAnswer,
    LastDayArguments,
    OrganisationSummaryAnswer,
    OrganisationSummaryArguments,
    SpentAnswer,
    SummaryAnswer,
    SummaryArguments,
    UsedAnswer,
    UsedArguments,
)
from shared.contracts.errors import NotFound
from shared.contracts.schema_fields import NoArguments
from shared.contracts.sensors import ExportEnded
from shared.contracts.usage import Spent
from shared.messaging.entrypoints import Provided, Sender, follows, hears, timer
from shared.messaging.nameko_follower import Following
from shared.messaging.publishing import EventPublisher
from shared.messaging.rpc.procedures import procedure
from shared.replication.relay import BusUnavailable
from shared.runtime.clock import Clock
from shared.sql.clocks.clock_watch import WATCH_SECONDS, ClockWatch

PULL_SECONDS = 1
KEY_USED_SECONDS = 3  # after a batch, which comes within a second: a last use is known within five
ROLLUP_SECONDS = 5  # what waits so long is read along with every question about durations
RETENTION_SECONDS = 600
ALERTING_SECONDS = 1
FILE_ENTRIES = 500
NEW_FOR = timedelta(days=7)  # how long a source is shown as new
_log = structlog.get_logger(__name__)


class UsageService:
    name = "usage"

    intake: BatchIntake = Provided("usage.intake")
    recent_uses: RecentUses = Provided("usage.recent_uses")
    rollup: Rollup = Provided("usage.rollup")
    retention: Retention = Provided("usage.retention")
    clock_watch: ClockWatch = Provided("usage.clock_watch")
    statistics: Statistics = Provided("usage.statistics")
    last_days: LastDays = Provided("usage.last_days")
    activity_: ActivityTimeline = Provided("usage.activity")
    alerts_: AlertStore = Provided("usage.alerts")
    channels_: ChannelStore = Provided("usage.channels")
    export_notices: ExportNotices = Provided("usage.export_notices")
    alerting_scheduler: AlertingScheduler = Provided("usage.alerting_scheduler")
    known_keys: KnownKeys = Provided("usage.known_keys")
    keys_client: KeysClient = Provided("usage.keys_client")
    publisher: EventPublisher = Provided("usage.publisher")
    keys: Following = Provided("usage.following_keys")
    clock: Clock = Provided("clock")
    sender: str | None = Sender()

    @procedure(NoArguments(), SpentAnswer(many=True))
    def spent(self) -> tuple[Spent, ...]:
        return self.statistics.spent()

    @procedure(SummaryArguments(), SummaryAnswer())
    def summary(
        self, organisation_id: str, key_id: str, start: datetime, end: datetime, step: Step = Step.HOUR
    ) -> Summary:
        self._require_own(key_id, organisation_id)
        return self.statistics.summary(key_id, start, end, step)

    @procedure(LastDayArguments(), LastDayAnswer())
    def last_day(self, organisation_id: str, key_ids: list[str]) -> dict[str, Any]:
        now = self.clock.now()
        sources = self.alerts_.new_sources(organisation_id, key_ids, now - NEW_FOR)
        return _members(self.last_days.of_keys(organisation_id, key_ids, now)) | {"new_sources": sources}

    @procedure(OrganisationSummaryArguments(), OrganisationSummaryAnswer())
    def organisation_summary(
        self, organisation_id: str, start: datetime, end: datetime, step: Step = Step.HOUR
    ) -> dict[str, Any]:
        asked = (organisation_id, start, end, step)
        keys = self.statistics.by_key(*asked)
        told = {"keys": keys.heaviest, "refused_keys": keys.most_refused}
        return _members(self.statistics.of_organisation(*asked)) | told

    @procedure(UsedArguments(), UsedAnswer())
    def used(self, organisation_id: str, key_id: str, day_limit: int | None = None) -> dict[str, Any]:
        self._require_own(key_id, organisation_id)
        now = self.clock.now()
        used = self.statistics.used(key_id, now)
        forecast = exhausted_at(used=used.day, limit=day_limit, in_last_hour=used.hour, now=now)
        return {"minute": used.minute, "day": used.day, "day_exhausted_at": forecast}

    @procedure(ActivityArguments(), EntryAnswer(many=True))
    def activity(
        self,
        organisation_id: str,
        key_id: str,
        limit: int = 20,
        before: datetime | None = None,
        where: ActivityFilter = EVERYTHING,
        after: Place | None = None,
    ) -> tuple[TimelineEntry, ...]:
        self._require_own(key_id, organisation_id)
        wanted = where if before is None else replace(where, end=before)
        return self.activity_.page(organisation_id, key_id, limit, wanted, after).entries

    @procedure(FileArguments(), FileAnswer())
    def activity_file(
        self, organisation_id: str, key_id: str, where: ActivityFilter = EVERYTHING, after: Place | None = None
    ) -> dict[str, Any]:
        self._require_own(key_id, organisation_id)
        page = self.activity_.page(organisation_id, key_id, FILE_ENTRIES, where, after)
        text = b"".join(as_csv(page.entries, begins=after is None)).decode()
        return {"text": text, "next": page.next_place}

    @procedure(AlertsArguments(), AlertAnswer(many=True))
    def alerts(self, organisation_id: str, limit: int = 20) -> list[dict[str, Any]]:
        found, _ = self.alerts_.page(organisation_id, limit)
        names = self.keys_client.names(organisation_id, {alert.key_id for alert in found})
        return [asdict(alert) | {"key_name": names.get(alert.key_id)} for alert in found]

    def _require_own(self, key_id: str, organisation_id: str) -> None:
        if not self.known_keys.belongs_to(key_id, organisation_id):
            raise NotFound("no such key")

    @procedure(ChannelsArguments(), ChannelAnswer(many=True))
    def channels(self, organisation_id: str) -> tuple[Channel, ...]:
        return self.channels_.page(organisation_id, CHANNELS_MAX)[0]

    @hears("usage", "auth", "RequestMetered")
    def request_metered(self, body: Any) -> None:
        self.intake.take(body, self.sender)
        self.alerting_scheduler.evaluate()

    @hears("usage", "sensors", "ExportEnded")
    def export_ended(self, body: Any) -> None:
        self.export_notices.take(msgspec.convert(body, type=ExportEnded))

    @follows("usage", "keys")
    def keys_changed(self, envelopes: list[Any]) -> None:
        self.keys.hear(envelopes)

    @timer(interval=PULL_SECONDS, eager=True)
    def catch_up(self) -> None:
        self.keys.catch_up()

    @timer(interval=EVALUATION_SECONDS)
    def evaluate_rules(self) -> None:
        self.alerting_scheduler.evaluate()

    @timer(interval=ALERTING_SECONDS)
    def maintain_alerts(self) -> None:
        self.alerting_scheduler.each_second()

    @timer(interval=KEY_USED_SECONDS)
    def publish_key_used(self) -> None:
        try:
            for used in self.recent_uses.take():
                self.publisher.publish("KeyUsed", msgspec.to_builtins(used))
        except BusUnavailable as error:
            _log.warning("key_used_not_told", detail=str(error))

    @timer(interval=ROLLUP_SECONDS)
    def roll_up_minutes(self) -> None:
        try:
            self.rollup.run()
        except Exception:
            _log.exception("rollup_failed")  # as for retention, below

    @timer(interval=WATCH_SECONDS, eager=True)
    def watch_clock(self) -> None:
        self.clock_watch.tick()

    @timer(interval=RETENTION_SECONDS, eager=True)
    def apply_retention(self) -> None:
        try:
            self.retention.run()
        except Exception:
            # Whatever it was: the next tick tries again.
            _log.exception("retention_failed")


def _members(of: Any) -> dict[str, Any]:
    """Of a dataclass, as they are: `asdict` would copy each number of a page."""
    return {field.name: getattr(of, field.name) for field in fields(of)}
