"""Usage's database with one organisation of two keys, the requests they make, and what is evaluated of them."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from services.usage import assembly, tables
from services.usage.alerting import tables as alerting
from services.usage.alerting.alerts.alert import Alert, AlertStore
from services.usage.alerting.evaluation.evaluator import Evaluator
from services.usage.alerting.rules.rule import Kind, Rule, default_id
from services.usage.alerting.rules.rule_store import RuleStore, make_defaults
from services.usage.intake.metering import Metering
from services.usage.notifications import tables as delivering
from services.usage.notifications.channel import Channel
from services.usage.notifications.channel import Kind as ChannelKind
from services.usage.notifications.channels.channel_store import ChannelStore
from shared.contracts.usage import RequestMetered
from shared.gate.grants.grant import Limits
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from tests.examples import NOON
from tests.service_database import migrated
from tests.usage_examples import record

ORGANISATION = "org_railway"
POLICY = {"standard": Limits(minute=10, day=100), "premium": Limits(minute=1000, day=None)}
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


@dataclass
class World:
    """Usage's database with one organisation of two keys and a channel, and what evaluates it."""

    database: Database
    clock: ManualClock
    labels: set[tuple[str, str]] = field(default_factory=set)
    batches: int = 0

    def __post_init__(self) -> None:
        migrated(self.database, assembly.MIGRATIONS)
        self.metering, self.alerts = Metering(self.database), AlertStore(self.database)
        self.rules, self.channels = RuleStore(self.database, self.clock), ChannelStore(self.database)
        self.evaluator = self.another_evaluator()
        with self.database.transaction() as tx:
            tx.execute(insert(tables.known_organisation).values(organisation_id=ORGANISATION, tier="standard"))
            for key_id in ("key_a", "key_b"):
                row = {"key_id": key_id, "organisation_id": ORGANISATION, "hint": "grl_abcd…wxyz"}
                tx.execute(insert(tables.known_key).values(row))
            make_defaults(tx, ORGANISATION, NOON)
        self.channels.add(channel())

    def another_evaluator(self) -> Evaluator:
        return Evaluator(self.database, POLICY, lambda _, key_id, label: (key_id, label) in self.labels, self.clock)

    def take_in(self, *moments: datetime, **different: Any) -> None:
        records = tuple(record(at=at, **{"address": "", "user_agent": ""} | different) for at in moments)
        self.batches += 1
        self.metering.take_in(RequestMetered(segment="s", start=self.batches, end=self.batches + 1, records=records))

    def see(self, *moments: datetime, **different: Any) -> list[Alert]:
        """The alerts raised by it, in no order."""
        known = {alert.id for alert in self.raised()}
        self.take_in(*moments, **different)
        self.evaluator.run()
        return [alert for alert in self.raised() if alert.id not in known]

    def raised(self, kind: Kind | None = None) -> list[Alert]:
        found, _ = self.alerts.page(ORGANISATION, limit=1000)
        return [alert for alert in found if kind in (None, alert.kind)]

    def told(self) -> list[dict[str, Any]]:
        with self.database.reading() as tx:
            query = select(delivering.delivery.c.payload).order_by(delivering.delivery.c.created_at)
            return [json.loads(payload) for payload in tx.execute(query).scalars()]

    def announced(self) -> list[str]:
        with self.database.reading() as tx:
            return list(tx.execute(select(alerting.announcement.c.type).order_by(alerting.announcement.c.id)).scalars())

    def change(self, kind: Kind, **different: Any) -> None:
        self.rules.change(ORGANISATION, default_id(ORGANISATION, kind), lambda rule: replace(rule, **different))

    def add_rule(self, kind: Kind, parameters: Any, **different: Any) -> None:
        fields: dict[str, Any] = {"id": f"rul_{kind}", "organisation_id": ORGANISATION, "created_at": NOON}
        self.rules.add(Rule(**fields | {"kind": kind, "parameters": parameters} | different))


def channel(**different: Any) -> Channel:
    fields: dict[str, Any] = {
        "id": "chn_1",
        "organisation_id": ORGANISATION,
        "kind": ChannelKind.WEBHOOK,
        "target": "https://hooks.example.org/grillo",
        "events": ("AlertRaised", "AlertResolved"),
        "created_at": NOON,
    }
    return Channel(**fields | different)


def evenly(count: int, seconds: float, *, until: datetime = NOON) -> list[datetime]:
    """`count` moments within the last `seconds`, the last of them at `until`."""
    return [until - timedelta(seconds=seconds * at / count) for at in range(count)]
