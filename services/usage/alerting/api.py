"""HTTP resources of alert rules; those of alerts are in alert_resources.py."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any

import marshmallow
import msgspec
from msgspec import UNSET, UnsetType

from services.usage.alerting import alert_resources
from services.usage.alerting.alerts.alert import AlertStore
from services.usage.alerting.rules.parameter_schemas import merged_parameters
from services.usage.alerting.rules.rule import PARAMETERS, RULE_PREFIX, Kind, Parameters, Rule, warnings
from services.usage.alerting.rules.rule_store import RULES_MAX, RuleStore, TooManyRules
from services.usage.alerting.schema import (
    CreateRuleBody,
    CreateRuleSchema,
    EditRuleBody,
    EditRuleSchema,
    RuleListSchema,
    RuleSchema,
)
from services.usage.http.problem_mapping import as_problems
from services.usage.http.usage_schema import DeletedSchema
from services.usage.known_keys.directory import ExistingKeys
from services.usage.notifications.channels.channel_store import CHANNELS_MAX, ChannelStore, NoSuchChannel
from shared.runtime.clock import Clock
from shared.values.identifiers import new_id
from shared.values.names import visible
from shared.web.merge_patch.read_only import check_fixed
from shared.web.operation import Answer, Call, operation
from shared.web.pagination import PageQuery, PageQuerySchema, page_answer
from shared.web.problems.catalogue import Problem
from shared.web.requests.texts import formed
from shared.web.route import Route
from shared.web.still_admitted import StillAdmitted


def routes(
    rules: RuleStore,
    alerts: AlertStore,
    channels: ChannelStore,
    existing_keys: ExistingKeys,
    clock: Clock,
    still: StillAdmitted,
) -> list[Route]:
    check, warned = _References(channels, existing_keys), _Warnings(channels)
    return [
        Route("/v1/alert-rules", RuleCollection(rules, check, warned, clock, still)),
        Route("/v1/alert-rules/{rule_id}", RuleItem(rules, check, warned, still)),
        *alert_resources.routes(alerts),
    ]


def _made_before(resource: "RuleCollection", call: Call[None, CreateRuleBody], rule_id: str) -> Answer:
    return resource.created_before(call, rule_id)


class RuleCollection:
    def __init__(
        self, rules: RuleStore, check: "_References", warned: "_Warnings", clock: Clock, still: StillAdmitted
    ) -> None:
        self._rules, self._check, self._warned, self._clock, self._still = rules, check, warned, clock, still

    @operation("List alert rules", tag="Alerts", permission="admin", query=PageQuerySchema, answers=RuleListSchema)
    def on_get(self, call: Call[PageQuery, None]) -> Answer:
        rules, place = self._rules.page(call.caller.organisation_id, call.query.limit, call.query.after(int, str))
        return page_answer(self._warned(call.caller.organisation_id, rules), place, call.query)

    @operation(
        "Create an alert rule, of 100 at most",
        tag="Alerts",
        permission="admin",
        body=CreateRuleSchema,
        answers=RuleSchema,
        status=201,
        problems=("conflict",),
        repeated=_made_before,
    )
    def on_post(self, call: Call[None, CreateRuleBody]) -> Answer:
        organisation_id, body = call.caller.organisation_id, call.body
        self._check(organisation_id, body.key_ids or (), body.channels or ())
        rule = Rule(
            id=new_id(RULE_PREFIX.rstrip("_")),
            organisation_id=organisation_id,
            kind=body.kind,
            parameters=_parameters(body.kind, PARAMETERS[body.kind](), body.parameters),
            key_ids=None if body.key_ids is None else tuple(body.key_ids),
            label=_label(body.label, None),
            channels=tuple(body.channels or ()),
            muted=body.muted,
            created_at=self._clock.now(),
        )
        try:
            self._rules.add(rule, self._still.check_of(call))
        except TooManyRules:
            detail = f"the organisation already has {RULES_MAX} alert rules, the most it may have: delete one first"
            raise Problem("conflict", detail) from None
        except NoSuchChannel:
            raise _deleted_meanwhile() from None
        return self._created(rule)

    def created_before(self, call: Call[None, CreateRuleBody], rule_id: str) -> Answer:
        with as_problems():
            return self._created(self._rules.get(call.caller.organisation_id, rule_id))

    def _created(self, rule: Rule) -> Answer:
        headers = {"Location": f"/v1/alert-rules/{rule.id}"}
        return Answer(status=201, body=self._warned.one(rule), headers=headers, revision=rule.revision)


class RuleItem:
    def __init__(self, rules: RuleStore, check: "_References", warned: "_Warnings", still: StillAdmitted) -> None:
        self._rules, self._check, self._warned, self._still = rules, check, warned, still

    @operation("Show an alert rule", tag="Alerts", permission="admin", answers=RuleSchema, problems=("not-found",))
    def on_get(self, call: Call[None, None], rule_id: str) -> Answer:
        with as_problems():
            rule = self._rules.get(call.caller.organisation_id, rule_id)
        return Answer(body=self._warned.one(rule), revision=rule.revision)

    @operation(
        "Change an alert rule, or mute it",
        tag="Alerts",
        permission="admin",
        body=EditRuleSchema,
        answers=RuleSchema,
        problems=("not-found", "conflict"),
        conditional=True,
    )
    def on_patch(self, call: Call[None, EditRuleBody], rule_id: str) -> Answer:
        organisation_id, body = call.caller.organisation_id, call.body
        check = self._still.check_of(call)
        with as_problems():
            before = self._rules.get(organisation_id, rule_id)
            # Asked before the transaction, which may not wait for others; the edit runs in it, under its lock.
            check_fixed(body.fixed, before)
            kept = {*before.channels, *(before.key_ids or ())}
            self._check(organisation_id, _given(body.key_ids), _given(body.channels), kept=kept)
            try:
                rule = self._rules.change(organisation_id, rule_id, lambda rule: _edited(rule, body), call.seen, check)
            except NoSuchChannel:
                raise _deleted_meanwhile() from None
        return Answer(body=self._warned.one(rule), revision=rule.revision)

    @operation(
        "Delete an alert rule; its alerts stay",
        tag="Alerts",
        permission="admin",
        answers=DeletedSchema,
        problems=("not-found",),
        conditional=True,
    )
    def on_delete(self, call: Call[None, None], rule_id: str) -> Answer:
        with as_problems():
            check = self._still.check_of(call)
            deleted_at = self._rules.delete(call.caller.organisation_id, rule_id, call.seen, check)
        return Answer(body={"id": rule_id, "deleted_at": deleted_at})


class _Warnings:
    """Rules as they are shown, each with its warnings: who hears of it depends on the channels there are now."""

    def __init__(self, channels: ChannelStore) -> None:
        self._channels = channels

    def __call__(self, organisation_id: str, rules: Iterable[Rule]) -> list[dict[str, Any]]:
        channels, _ = self._channels.page(organisation_id, CHANNELS_MAX)
        return [_shown(rule) | {"warnings": warnings(rule, channels)} for rule in rules]

    def one(self, rule: Rule) -> dict[str, Any]:
        return self(rule.organisation_id, [rule])[0]


class _References:
    """Check that the keys and channels that a rule names belong to the organisation."""

    def __init__(self, channels: ChannelStore, existing_keys: ExistingKeys) -> None:
        self._channels, self._existing_keys = channels, existing_keys

    def __call__(
        self, organisation_id: str, key_ids: Iterable[str], channels: Iterable[str], kept: Collection[str] = ()
    ) -> None:
        """Raises Problem, with an error for each unknown id. `kept`: ids that the rule names already."""

        def is_key(key_id: str) -> bool:
            return key_id in kept or self._existing_keys.belongs_to(key_id, organisation_id)

        def is_channel(channel_id: str) -> bool:
            if channel_id in kept:
                return True
            try:
                self._channels.get(organisation_id, channel_id)
            except NoSuchChannel:
                return False
            return True

        errors = _unknown("key_ids", "key", key_ids, is_key) | _unknown("channels", "channel", channels, is_channel)
        if errors:
            raise Problem("invalid-body", members={"errors": errors})


def _unknown(member: str, what: str, ids: Iterable[str], is_known: Callable[[str], bool]) -> dict[str, list[str]]:
    """JSON pointer → error, for each id that is unknown. `what`: key or channel."""
    return {f"/{member}/{at}": [f"there is no {what} with this id"] for at, one in enumerate(ids) if not is_known(one)}


def _given(ids: list[str] | UnsetType | None) -> list[str]:
    return [] if ids is None or ids is UNSET else ids


def _edited(rule: Rule, body: EditRuleBody) -> Rule:
    """The rule with the changes of `body`; giving key_ids unsets label, and the reverse. Raises Problem."""
    if body.key_ids is not UNSET:
        key_ids = None if body.key_ids is None else tuple(body.key_ids)
        rule = replace(rule, key_ids=key_ids, label=rule.label if key_ids is None else None)
    if body.label is not UNSET:
        rule = replace(rule, label=_label(body.label, rule.label), key_ids=rule.key_ids if body.label is None else None)
    if body.parameters is not UNSET:
        rule = replace(rule, parameters=_parameters(rule.kind, rule.parameters, body.parameters))
    if body.channels is not UNSET:
        rule = replace(rule, channels=tuple(body.channels or ()))
    if body.muted is not UNSET:
        rule = replace(rule, muted=body.muted)
    return rule


def _label(text: str | None, known: str | None) -> str | None:
    """As the labels of keys are kept, to which it is compared. Raises Problem."""
    return None if text is None else formed(text, known, visible, "label")


def _deleted_meanwhile() -> Problem:
    return Problem("conflict", "a channel that the rule would name was deleted meanwhile")


def _parameters(kind: Kind, before: Parameters, patch: dict[str, Any] | None) -> Parameters:
    """Raises Problem."""
    try:
        return merged_parameters(kind, before, patch)
    except marshmallow.ValidationError as error:
        messages: dict[str, Any] = dict(error.messages_dict)
        errors = {f"/parameters/{name}": _texts(found) for name, found in messages.items()}
        raise Problem("invalid-body", members={"errors": errors}) from None


def _texts(messages: Any) -> list[str]:
    """The messages about one parameter, with those about its items."""
    if isinstance(messages, dict):
        return [text for inner in messages.values() for text in _texts(inner)]
    return [str(message) for message in messages]


def _shown(rule: Rule) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(rule)
    del body["organisation_id"]
    return body
