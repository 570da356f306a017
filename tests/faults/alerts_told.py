"""Which alerts tell of which fault: all that fire within two minutes (tests/unit/ops/test_alert_faults.py)."""

from collections.abc import Mapping

from tests.faults import alert_faults as faults
from tests.faults.alert_faults import Fault

# Alert → labels by which it tells of the fault.
Told = Mapping[str, Mapping[str, str]]
# Services look at their clocks each minute, so this one lasts while the others come and go.
ALONG: dict[Fault, Told] = {faults.a_clock_is_set: {"GrilloClockInDoubt": {"service": "sensors"}}}
# At the same time: faults that hide none of one another. Slow receipts first, before there are many quick ones in the
# long window of their budget; what ends late not last.
ROUNDS: tuple[dict[Fault, Told], ...] = (
    {
        faults.a_gate_is_slow: {"GrilloRevocationSlow": {}, "GrilloReceiptsLateFast": {}, "GrilloReceiptsLateSlow": {}},
        faults.a_receiver_is_gone: {"GrilloWebhooksFailing": {}},
        faults.rules_meet_what_they_cannot_read: {"GrilloAlertRulesFailing": {}},
        faults.a_forged_push: {"GrilloUnproved": {"kind": "push"}},
        faults.a_message_in_another_s_name: {
            "GrilloMessageRefused": {"service": "usage", "reason": "event-of-another"}
        },
        faults.a_gate_in_another_s_name: {"GrilloForeignGate": {"reason": "foreign"}},
        faults.tokens_are_tried: {"GrilloInternalDoorRefused": {"service": "usage"}},
        faults.a_message_that_nobody_can_read: {
            "GrilloDeadLetters": {"queue": "usage.follows.sensors.ExportEnded.dead"}
        },
        faults.a_batch_of_another_s_segment: {"GrilloBatchesParked": {"outcome": "foreign"}},
        faults.an_event_cannot_be_applied: {"GrilloEventsParked": {"follower": "auth.grants"}},
        faults.a_row_is_damaged: {"GrilloDamagedRows": {"service": "auth"}},
        faults.redis_is_out_of_memory: {"GrilloLimitsOnShares": {"service": "sensors"}},
        faults.sensors_may_not_read_its_tables: {
            "GrilloHandlersFailing": {"service": "sensors"},
            "GrilloNotMeasured": {"service": "sensors", "of": "events"},
            "GrilloRpcFailing": {"service": "sensors", "method": "networks_of"},
        },
        faults.the_relay_is_slow: {"GrilloLagGrowing": {"log": "keys"}},
    },
    {faults.keys_stands_still: {"GrilloServiceDown": {"service": "keys"}, "GrilloGateStale": {"service": "sensors"}}},
    {
        faults.the_broker_is_away: {"GrilloServerAway": {"service": "keys"}, "GrilloRelayStuck": {"log": "keys"}},
        faults.the_log_was_put_back: {
            "GrilloLogDiverged": {"service": "keys"},
            "GrilloNoVerdictFast": {},
            "GrilloNoVerdictSlow": {},
        },
    },
    {
        faults.usage_counts_nothing: {
            "GrilloSpoolGrowing": {"service": "usage"},
            "GrilloSpoolOld": {"service": "usage"},
            "GrilloDiskFilling": {"service": "usage"},
            "GrilloUnmetered": {"service": "usage"},
        },
        faults.web_processes_are_gone: {"GrilloGatesGone": {"service": "sensors"}},
        faults.a_follower_waits_for_a_lock: {"GrilloFollowerStuck": {"follower": "auth.grants"}},
    },
)
