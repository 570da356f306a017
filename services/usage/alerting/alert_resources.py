"""HTTP resources of alerts: list and show."""

from typing import Any

import msgspec

from services.usage.alerting.alerts.alert import Alert, AlertStore
from services.usage.alerting.schema import AlertListSchema, AlertQuery, AlertQuerySchema, AlertSchema
from services.usage.http.problem_mapping import as_problems
from shared.web.operation import Answer, Call, operation
from shared.web.pagination import page_answer
from shared.web.route import Route


def routes(alerts: AlertStore) -> list[Route]:
    return [
        Route("/v1/alerts", AlertCollection(alerts)),
        Route("/v1/alerts/{alert_id}", AlertItem(alerts)),
    ]


class AlertCollection:
    def __init__(self, alerts: AlertStore) -> None:
        self._alerts = alerts

    @operation(
        "List alerts, newest first", tag="Alerts", permission="admin", query=AlertQuerySchema, answers=AlertListSchema
    )
    def on_get(self, call: Call[AlertQuery, None]) -> Answer:
        query = call.query
        alerts, place = self._alerts.page(
            call.caller.organisation_id,
            query.limit,
            query.after(int, str),
            key_id=query.key_id,
            rule_id=query.rule_id,
            kind=query.kind,
            is_open=query.is_open(),
            start=query.from_,
            end=query.to,
        )
        return page_answer(map(_shown, alerts), place, query)


class AlertItem:
    def __init__(self, alerts: AlertStore) -> None:
        self._alerts = alerts

    @operation("Show an alert", tag="Alerts", permission="admin", answers=AlertSchema, problems=("not-found",))
    def on_get(self, call: Call[None, None], alert_id: str) -> Answer:
        with as_problems():
            return Answer(body=_shown(self._alerts.get(call.caller.organisation_id, alert_id)))


def _shown(alert: Alert) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(alert)
    del body["organisation_id"]
    return body
