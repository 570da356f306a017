"""Prometheus's own judgement of the alert rules: each fires by the series of its fault, and none by sound ones."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
RULES = ROOT / "ops/prometheus/rules"
ALERTS = [rule for group in yaml.safe_load((RULES / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
MINUTES = 70  # longer than most windows; what the longest lack is in both sides of their ratios
STILL, RISING = f"7x{MINUTES}", f"0+60x{MINUTES}"


def rising(by: float) -> str:
    return f"0+{by}x{MINUTES}"


def receipts(within_a_second: int | str) -> dict[str, str]:
    """Of 1,000 receipts a minute: how many of each minute, or the series."""
    timely = within_a_second if isinstance(within_a_second, str) else rising(within_a_second)
    return {
        'grillo_receipt_seconds_bucket{le="0.5"}': timely,
        'grillo_receipt_seconds_bucket{le="1.0"}': timely,
        'grillo_receipt_seconds_bucket{le="2.5"}': rising(1000),
        'grillo_receipt_seconds_bucket{le="+Inf"}': rising(1000),
        "grillo_receipt_seconds_count": rising(1000),
    }


SOUND = {
    'up{job="grillo", service="keys"}': f"1x{MINUTES}",
    'up{job="grillo", service="console"}': f"1x{MINUTES}",  # which has no gate
    'grillo_gate_fresh_until_timestamp_seconds{service="keys"}': f"9+60x{MINUTES}",
    'grillo_measured{service="usage", of="follower"}': f"1x{MINUTES}",
    'grillo_requests_total{service="keys", status_class="2xx"}': rising(1000),
    'grillo_requests_total{service="keys", status_class="5xx"}': STILL,
    'grillo_gate_refusals_total{problem="gate-not-fresh"}': STILL,
    **receipts(1000),
    'grillo_unproved_total{service="usage", kind="push"}': STILL,
    'grillo_unproved_total{service="usage", kind="push_unfinished"}': RISING,
    'grillo_messages_refused_total{service="usage", reason="batch-of-another"}': STILL,
    'grillo_gates_refused_total{service="keys", reason="foreign"}': STILL,
    'grillo_internal_refused_total{service="keys", reason="unknown-token"}': STILL,
    'grillo_parked_events{service="auth", follower="auth"}': f"0x{MINUTES}",
    'grillo_dead_letters{service="auth", queue="auth.follows.keys.dead"}': f"0x{MINUTES}",
    'grillo_database_up{service="auth"}': f"1x{MINUTES}",
    'grillo_broker_up{service="auth"}': f"1x{MINUTES}",
    'grillo_usage_batches_total{outcome="counted"}': RISING,
    'grillo_usage_batches_total{outcome="parked"}': STILL,
    'grillo_meter_unmetered_total{service="sensors"}': STILL,
    'grillo_meter_spool_bytes{service="sensors"}': f"1000000x{MINUTES}",
    'grillo_meter_spool_oldest_timestamp_seconds{service="sensors", of="requests"}': f"-2+60x{MINUTES}",
    'grillo_meter_spool_oldest_timestamp_seconds{service="keys", of="requests"}': f"+Inf+0x{MINUTES}",
    'grillo_quota_on_shares{service="keys"}': f"0x{MINUTES}",
    'grillo_slots_on_shares{service="keys"}': f"0x{MINUTES}",
    'grillo_usage_delivery_attempts_total{status="failed"}': STILL,
    "grillo_usage_evaluations_failed_total": STILL,
    'grillo_rpc_calls_total{service="keys", method="show", outcome="failed"}': STILL,
    'grillo_log_diverged_total{service="keys"}': STILL,
    'grillo_damaged_rows_total{service="auth"}': STILL,
    'grillo_log_position{log="keys"}': RISING,
    'grillo_relay_position{log="keys"}': RISING,
    'grillo_follower_position{follower="auth"}': RISING,
    'grillo_disk_free_bytes{service="keys", of="spool"}': f"5000000000x{MINUTES}",
    'grillo_disk_free_files{service="keys", of="spool"}': f"5000000x{MINUTES}",
}
# Fault → what is then otherwise, and the alerts that fire.
FAULTS: dict[str, tuple[dict[str, str], set[str]]] = {
    "nothing": ({}, set()),
    "a service is down": ({'up{job="grillo", service="keys"}': f"0x{MINUTES}"}, {"GrilloServiceDown"}),
    "pulls fail": (
        {'grillo_gate_fresh_until_timestamp_seconds{service="keys"}': f"9x{MINUTES}"},
        {"GrilloGateStale"},
    ),
    "web processes are gone": (
        {'grillo_gate_fresh_until_timestamp_seconds{service="keys"}': f"9+60x{MINUTES - 10} stale"},
        {"GrilloGatesGone"},
    ),
    "a database hangs": ({'grillo_measured{service="usage", of="follower"}': f"0x{MINUTES}"}, {"GrilloNotMeasured"}),
    "a few receipts are slow": (receipts(980), {"GrilloRevocationSlow"}),
    "one receipt in twelve is late": (receipts(920), {"GrilloRevocationSlow", "GrilloReceiptsLateSlow"}),
    "one receipt in five is late": (
        receipts(800),
        {"GrilloRevocationSlow", "GrilloReceiptsLateSlow", "GrilloReceiptsLateFast"},
    ),
    "seven requests in a thousand get no verdict": (
        {'grillo_gate_refusals_total{problem="gate-not-fresh"}': rising(7)},
        {"GrilloNoVerdictSlow"},
    ),
    "one request in fifty gets no verdict": (
        {'grillo_gate_refusals_total{problem="gate-not-fresh"}': rising(20)},
        {"GrilloNoVerdictSlow", "GrilloNoVerdictFast"},
    ),
    "handlers fail": (
        {'grillo_requests_total{service="keys", status_class="5xx"}': rising(50)},
        {"GrilloHandlersFailing"},
    ),
    "a forged push": ({'grillo_unproved_total{service="usage", kind="push"}': RISING}, {"GrilloUnproved"}),
    "a forged batch": (
        {'grillo_messages_refused_total{service="usage", reason="batch-of-another"}': RISING},
        {"GrilloMessageRefused"},
    ),
    "a forged gate": (
        {'grillo_gates_refused_total{service="keys", reason="foreign"}': RISING},
        {"GrilloForeignGate"},
    ),
    "tokens are tried": (
        {'grillo_internal_refused_total{service="keys", reason="unknown-token"}': RISING},
        {"GrilloInternalDoorRefused"},
    ),
    "an event cannot be applied": (
        {'grillo_parked_events{service="auth", follower="auth"}': f"1x{MINUTES}"},
        {"GrilloEventsParked"},
    ),
    "a message cannot be read": (
        {'grillo_dead_letters{service="auth", queue="auth.follows.keys.dead"}': f"1x{MINUTES}"},
        {"GrilloDeadLetters"},
    ),
    "the database is away": ({'grillo_database_up{service="auth"}': f"0x{MINUTES}"}, {"GrilloServerAway"}),
    "the broker is away": ({'grillo_broker_up{service="auth"}': f"0x{MINUTES}"}, {"GrilloServerAway"}),
    "a batch cannot be counted": ({'grillo_usage_batches_total{outcome="parked"}': RISING}, {"GrilloBatchesParked"}),
    "the spool's disk is full": ({'grillo_meter_unmetered_total{service="sensors"}': RISING}, {"GrilloUnmetered"}),
    "usage counts nothing": (
        {'grillo_meter_spool_bytes{service="sensors"}': f"0+1000000x{MINUTES}"},
        {"GrilloSpoolGrowing"},
    ),
    "one batch is not counted": (
        {'grillo_meter_spool_oldest_timestamp_seconds{service="sensors", of="requests"}': f"-2x{MINUTES}"},
        {"GrilloSpoolOld"},
    ),
    "Redis is away": ({'grillo_quota_on_shares{service="keys"}': f"1x{MINUTES}"}, {"GrilloLimitsOnShares"}),
    "Redis knows too little of slots": (
        {'grillo_slots_on_shares{service="keys"}': f"1x{MINUTES}"},
        {"GrilloLimitsOnShares"},
    ),
    "a receiver is gone": (
        {'grillo_usage_delivery_attempts_total{status="failed"}': RISING},
        {"GrilloWebhooksFailing"},
    ),
    "rules fail": ({"grillo_usage_evaluations_failed_total": RISING}, {"GrilloAlertRulesFailing"}),
    "the bus is away": ({'grillo_relay_position{log="keys"}': STILL}, {"GrilloRelayStuck"}),
    "a follower stands still": ({'grillo_follower_position{follower="auth"}': STILL}, {"GrilloFollowerStuck"}),
    "the bus is slow": ({'grillo_relay_position{log="keys"}': rising(30)}, {"GrilloLagGrowing"}),
    "a follower is slow": ({'grillo_follower_position{follower="auth"}': rising(30)}, {"GrilloLagGrowing"}),
    "a backlog is worked off": (
        {'grillo_log_position{log="keys"}': f"3000+60x{MINUTES}"}
        | dict.fromkeys(
            ('grillo_relay_position{log="keys"}', 'grillo_follower_position{follower="auth"}'), f"0+90x{MINUTES}"
        ),
        set(),
    ),
    "a disk is nearly full": (
        {'grillo_disk_free_bytes{service="keys", of="spool"}': f"500000000x{MINUTES}"},
        {"GrilloDiskFilling"},
    ),
    "a disk takes few files more": (
        {'grillo_disk_free_files{service="keys", of="spool"}': f"500x{MINUTES}"},
        {"GrilloDiskFilling"},
    ),
    "somebody sets a clock": ({'grillo_clock_in_doubt{service="usage"}': f"1x{MINUTES}"}, {"GrilloClockInDoubt"}),
    "the log was put back": ({'grillo_log_diverged_total{service="keys"}': RISING}, {"GrilloLogDiverged"}),
    "a row is damaged": ({'grillo_damaged_rows_total{service="auth"}': RISING}, {"GrilloDamagedRows"}),
    "calls fail": (
        {'grillo_rpc_calls_total{service="keys", method="show", outcome="failed"}': RISING},
        {"GrilloRpcFailing"},
    ),
}

# Where the two windows of an error budget disagree: what has just begun is not in the long one yet, and what is over is
# no more in the short one. Neither wakes anybody.
BURNS: dict[str, tuple[dict[str, str], set[str]]] = {
    "verdicts have been missing for twelve minutes": (
        {'grillo_gate_refusals_total{problem="gate-not-fresh"}': "0x57 20+20x12"},
        set(),
    ),
    "verdicts were missing until 40 minutes ago": (
        {'grillo_gate_refusals_total{problem="gate-not-fresh"}': "0+100x30 3000x40"},
        set(),
    ),
    "receipts have been late for twelve minutes": (receipts("0+1000x57 57800+800x12"), {"GrilloRevocationSlow"}),
    "receipts were late until 40 minutes ago": (receipts("0x30 1000+1000x40"), set()),
}
BUDGETS = [alert for alert in ALERTS if " and grillo:" in alert["expr"]]


def test_prometheus_takes_the_rules_and_its_configuration() -> None:
    _promtool("check", "rules", *map(str, sorted(RULES.glob("*.yml"))))
    _promtool("check", "config", "--syntax-only", str(ROOT / "ops/prometheus/prometheus.yml"))


def test_each_alert_fires_by_its_fault_and_no_other(tmp_path: Path) -> None:
    assert {alert["alert"] for alert in ALERTS} == set().union(*(names for _, names in FAULTS.values()))
    _promtool("test", "rules", _test_file(tmp_path, FAULTS | BURNS, RULES / "alerts.yml"))


@pytest.mark.parametrize("window", [0, 1], ids=["short", "long"])
@pytest.mark.parametrize("budget", BUDGETS, ids=lambda alert: alert["alert"])
def test_neither_window_of_an_error_budget_can_be_left_out(tmp_path: Path, budget: dict[str, str], window: int) -> None:
    one_left = budget | {"expr": budget["expr"].split(" and ")[1 - window]}
    alerts = tmp_path / "alerts.yml"
    alerts.write_text(json.dumps({"groups": [{"name": "one", "rules": [one_left]}]}))
    scenes = {name: (series, names & {budget["alert"]}) for name, (series, names) in BURNS.items()}
    done = _run_promtool("test", "rules", _test_file(tmp_path, scenes, alerts))
    assert done.returncode != 0
    assert budget["alert"] in done.stdout + done.stderr


def test_what_rules_count_is_there_before_the_first_case() -> None:
    """A series that begins with it shows no rise. Not: requests, whose faults last; calls, by their entrypoints."""
    program = "from shared.observability.exposition import exposition; print(exposition().decode())"
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    texts = "".join(path.read_text() for path in RULES.glob("*.yml"))
    counted = re.findall(r"(?:increase|rate)\((grillo_\w+_total)(?:\{(.*?)\})?\[", texts)
    assert len(counted) > 12
    missing = []
    for name, matchers in counted:
        values = [
            f'{label}="{value}"'
            for label, told_values in re.findall(r'(\w+)=~?"([^"]*)"', matchers)
            for value in told_values.split("|")
        ]
        missing += [(name, value) for value in values or [""] if not re.search(rf"^{name}\b.*{value}", told, re.M)]
    later = {"grillo_requests_total", "grillo_rpc_calls_total"}
    assert [one for one in missing if one[0] not in later] == []


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_each_alert_has_its_runbook(alert: dict[str, dict[str, str]]) -> None:
    page, _, anchor = alert["annotations"]["runbook"].partition("#")
    assert f"### {alert['alert']}\n" in (ROOT / page).read_text()
    assert anchor == str(alert["alert"]).lower()


def test_no_runbook_is_of_an_alert_that_is_gone() -> None:
    headings = {line[4:] for line in (ROOT / "docs/operations.md").read_text().splitlines() if line.startswith("### G")}
    assert headings == {alert["alert"] for alert in ALERTS}


def _test_file(folder: Path, scenes: dict[str, tuple[dict[str, str], set[str]]], alerts: Path) -> str:
    told = [_scene(name, SOUND | series, names) for name, (series, names) in scenes.items()]
    rules = [str(RULES / "recording.yml"), str(alerts)]
    file = folder / "scenes.yml"
    file.write_text(json.dumps({"rule_files": rules, "evaluation_interval": "1m", "tests": told}))
    return str(file)


def _scene(fault: str, series: dict[str, str], firing: set[str]) -> dict[str, object]:
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(firing)]
    return {
        "name": fault,
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{MINUTES}m",
                "exp_samples": samples,
            }
        ],
    }


def _promtool(*arguments: str) -> None:
    done = _run_promtool(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def _run_promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)  # noqa: S607
