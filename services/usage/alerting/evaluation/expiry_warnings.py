"""Warnings of keys that a key will expire, as rules meet them: those that what was counted does not belie."""

from collections.abc import Sequence

from sqlalchemy import Connection

from services.usage.alerting.alerts.facts import Met
from services.usage.alerting.evaluation.conditions import UNUSED, met_by_warning
from services.usage.alerting.evaluation.measurements import Rules
from services.usage.alerting.evaluation.observation import ExpiryWarning
from services.usage.counters.last_use import used_since
from shared.contracts.keys import UNUSED_AT_LEAST


def met_by_warnings(tx: Connection, warnings: Sequence[ExpiryWarning], rules: Rules) -> list[Met]:
    """The facts that meet a rule. Not of unused keys that were used before keys had heard of it."""
    of_unused = {one.key_id: one.warned_at - UNUSED_AT_LEAST for one in warnings if one.reason == UNUSED}
    used = used_since(tx, of_unused)
    return [
        one
        for warning in warnings
        if warning.reason != UNUSED or warning.key_id not in used
        for rule in rules.get(warning.organisation_id, ())
        if rule.names(warning.key_id)
        for one in met_by_warning(rule, warning)
    ]
