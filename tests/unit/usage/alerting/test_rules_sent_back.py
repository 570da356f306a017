"""Any rule that is sent back as it was shown stays as it is, also one from before a check of today."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.usage.alerting.api import _edited, _shown
from services.usage.alerting.rules.rule import (
    PARAMETERS,
    ErrorRateParameters,
    ExpiringParameters,
    Kind,
    QuotaParameters,
    Rule,
    VolumeParameters,
)
from services.usage.alerting.schema import EditRuleSchema
from shared.web.merge_patch.read_only import check_fixed
from tests.examples import NOON

percents = st.integers(1, 100)
PARAMETERS_OF: dict[Kind, st.SearchStrategy[Any]] = {kind: st.builds(shape) for kind, shape in PARAMETERS.items()} | {
    Kind.QUOTA: st.builds(
        QuotaParameters,
        thresholds_percent=st.sets(percents, min_size=1, max_size=5).map(sorted).map(tuple),
    ),
    Kind.ERROR_RATE: st.builds(ErrorRateParameters, threshold_percent=percents, requests_min=st.integers(1, 1_000_000)),
    Kind.VOLUME: st.builds(VolumeParameters, factor=st.integers(2, 1000), requests_min=st.integers(1, 1_000_000)),
    Kind.KEY_EXPIRING: st.builds(ExpiringParameters, days=st.integers(1, 14)),
}
ids = st.lists(st.from_regex(r"key_[a-z]{3}", fullmatch=True), min_size=1, max_size=3).map(tuple)
# Invisible characters and other forms of a letter, which no label may have that is given today.
values = st.text("aZ\u200b\u0308u\u202e ", max_size=9)
subjects = st.one_of(
    st.fixed_dictionaries({"key_ids": st.none(), "label": st.none()}),
    st.fixed_dictionaries({"key_ids": ids, "label": st.none()}),
    st.fixed_dictionaries({"key_ids": st.none(), "label": values.map("env:{}".format)}),
)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    kind = draw(st.sampled_from(Kind))
    return Rule(
        id="rul_1",
        organisation_id="org_1",
        kind=kind,
        parameters=draw(PARAMETERS_OF[kind]),
        channels=draw(st.just(()) | ids),
        muted=draw(st.booleans()),
        revision=draw(st.integers(1, 9)),
        created_at=NOON,
        **draw(subjects),
    )


@given(rule=rules())
def test_a_rule_sent_back_as_it_was_shown_stays_as_it_is(rule: Rule) -> None:
    shown: Any = msgspec.json.decode(msgspec.json.encode(_shown(rule) | {"warnings": ["nobody is told"]}))
    body = EditRuleSchema().load(shown)
    check_fixed(body.fixed, rule)
    assert _edited(rule, body) == rule
