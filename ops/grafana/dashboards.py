"""Grafana's dashboards: `python -m ops.grafana.dashboards` writes each as JSON into ops/grafana/dashboards."""

from pathlib import Path

from ops.grafana.frame import RUNBOOKS, Dashboard, Panel, model, runbooks, text_of

INTO = Path(__file__).with_name("dashboards")
_RATE = "[$__rate_interval]"


def rate(metric: str, *by: str, where: str = "") -> str:
    """Of a counter, a second, by these labels."""
    return f"sum by ({', '.join(by)}) (rate({metric}{{{where}}}{_RATE}))"


def quantiles(metric: str, *by: str, where: str = "") -> dict[str, str]:
    """p50 and p99 of a histogram."""
    summed = rate(f"{metric}_bucket", *by, "le", where=where)
    legend = "".join(f"{{{{{label}}}}} " for label in by)
    return {f"histogram_quantile({share}, {summed})": legend + name for share, name in ((0.5, "p50"), (0.99, "p99"))}


_ALL = rate("grillo_requests_total", "service")
_FIVES = rate("grillo_requests_total", "service", where='status_class="5xx"')
# Where nothing failed yet there is no series of failures: a share of 0.
_FAILED = f"({_FIVES} or 0 * {_ALL})"
DASHBOARDS = (
    Dashboard(
        uid="grillo-usage",
        title="Grillo: usage",
        shows="Who uses what: what the product's people watch.",
        panels=(
            Panel(
                title="Requests a minute, heaviest keys",
                shows="The twenty keys with most requests in the last whole minute; all others together.",
                unit="short",
                queries={"grillo_usage_requests_last_minute": "{{organisation}} {{key}}"},
                width=24,
                by_key=True,
            ),
            Panel(
                title="Requests a minute, heaviest organisations",
                shows="The same by organisation.",
                unit="short",
                queries={"grillo_usage_organisation_requests_last_minute": "{{organisation}}"},
            ),
            Panel(
                title="Share of the day's limit spent",
                shows="Keys that run out today are above the line. Keys without a day's limit are not here.",
                unit="percentunit",
                queries={"grillo_usage_day_share": "{{organisation}} {{key}}"},
                red_from=0.9,
                by_key=True,
            ),
            Panel(
                title="What runs out today",
                shows="Keys that have spent most of their day's limit, now. Keys without one are not here.",
                unit="percentunit",
                queries={"grillo_usage_day_share": "{{organisation}} {{key}}"},
                red_from=0.9,
                by_key=True,
                is_table=True,
            ),
            Panel(
                title="Last used",
                shows="Seconds since the keys that these panels name were last used. Refusals are no uses.",
                unit="s",
                queries={"time() - grillo_usage_last_used_timestamp_seconds": "{{organisation}} {{key}}"},
                by_key=True,
                is_table=True,
            ),
            Panel(
                title="Refused for their limits",
                shows="Requests a second that were answered 429; address-slowed: for guessing.",
                unit="reqps",
                queries={
                    rate(
                        "grillo_gate_refusals_total", "problem", where='problem=~"quota-exceeded|address-slowed"'
                    ): "{{problem}}"
                },
            ),
            Panel(
                title="Alerts raised",
                shows="Alerts of organisations' own rules an hour, muted ones too.",
                unit="short",
                queries={"sum(increase(grillo_usage_alerts_total[1h]))": "raised"},
            ),
        ),
    ),
    Dashboard(
        uid="grillo-requests",
        title="Grillo: requests",
        shows="What the gates answer, how fast, and what they refuse.",
        panels=(
            Panel(
                title="Requests by service and status",
                shows="Answered through a gate. Preflights and unknown paths are not here.",
                unit="reqps",
                queries={rate("grillo_requests_total", "service", "status_class"): "{{service}} {{status_class}}"},
            ),
            Panel(
                title="Verdicts",
                shows="Admitted, or why not, by all gates together.",
                unit="reqps",
                queries={"sum by (outcome) (grillo:verdicts:rate1m)": "{{outcome}}"},
            ),
            Panel(
                title="Busiest routes",
                shows="The ten routes with most requests.",
                unit="reqps",
                queries={
                    f"topk(10, {rate('grillo_requests_total', 'service', 'method', 'route')})": (
                        "{{service}} {{method}} {{route}}"
                    )
                },
            ),
            Panel(
                title="Latency, p50 and p99",
                shows="From the gate's first look to the meter's record; not the wire, nor the server's queue.",
                unit="s",
                queries=quantiles("grillo_request_seconds", "service"),
            ),
            Panel(
                title="Refusals by problem",
                shows="What gates refuse, by problem. Handlers' own refusals are not here.",
                unit="reqps",
                queries={rate("grillo_gate_refusals_total", "problem"): "{{problem}}"},
            ),
            Panel(
                title="Share without a verdict",
                shows="503 of gates without a lease or a log: the month's budget is one in a thousand.",
                unit="percentunit",
                queries={f"grillo:no_verdict:ratio_rate{w}": w for w in ("5m", "1h")},
                red_from=0.0144,
                alert="GrilloNoVerdictFast",
            ),
            Panel(
                title="Requests that fail",
                shows="Share of 5xx answers by service.",
                unit="percentunit",
                queries={f"{_FAILED} / {_ALL}": "{{service}}"},
                red_from=0.01,
                alert="GrilloHandlersFailing",
            ),
            Panel(
                title="Threads that answer",
                shows="Share that is busy, on average over a minute: past the line, requests queue for one.",
                unit="percentunit",
                queries={"grillo:web_threads:busy_ratio": "{{service}}"},
                red_from=0.8,
            ),
            Panel(
                title="Connections to databases",
                shows="In use, of those that a service's processes may have. Who asks for one more waits.",
                unit="percentunit",
                queries={
                    "sum by (service) (grillo_database_connections) / "
                    "(sum by (service) (grillo_database_connections_max) > 0)": "{{service}}"
                },
                red_from=0.8,
            ),
            Panel(
                title="Requests at the same time, and allowances",
                shows="Requests that hold one of their key's slots, and keys for which gates hold part of a limit.",
                unit="short",
                queries={
                    "sum by (service) (grillo_slots_in_use)": "{{service}} slots",
                    "sum by (service) (grillo_quota_allowances)": "{{service}} allowances",
                },
            ),
            Panel(
                title="Calls over RPC",
                shows="By service, method and outcome, a second.",
                unit="reqps",
                queries={
                    rate("grillo_rpc_calls_total", "service", "method", "outcome"): "{{service}}.{{method}} {{outcome}}"
                },
                alert="GrilloRpcFailing",
            ),
        ),
    ),
    Dashboard(
        uid="grillo-keys",
        title="Grillo: keys and revocations",
        shows="How long a revocation takes to hold everywhere, and whether every gate follows.",
        panels=(
            Panel(
                title="Receipts",
                shows="From a change being committed to every gate having confirmed, or been counted out.",
                unit="s",
                queries=quantiles("grillo_receipt_seconds"),
                red_from=1.0,
                alert="GrilloRevocationSlow",
            ),
            Panel(
                title="Applied at one gate",
                shows="From a change being committed to one gate's word, of each gate of each receipt.",
                unit="s",
                queries=quantiles("grillo_gate_applied_seconds"),
                red_from=1.0,
                alert="GrilloRevocationSlow",
            ),
            Panel(
                title="Gates counted out",
                shows="Gates that a receipt waited for in vain, until their lease was over; in five minutes.",
                unit="short",
                queries={"sum(increase(grillo_gates_counted_out_total[5m]))": "gates"},
                red_from=1,
                alert="GrilloRevocationSlow",
            ),
            Panel(
                title="Late receipts",
                shows="Share of the receipts that took more than a second: the month's budget is one in a hundred.",
                unit="percentunit",
                queries={f"grillo:late_receipts:ratio_rate{w}": w for w in ("5m", "1h")},
                red_from=0.144,
                alert="GrilloReceiptsLateFast",
            ),
            Panel(
                title="Lease left at the gates",
                shows="Seconds until the gate with least left would refuse everything. Falls when pulls fail.",
                unit="s",
                queries={"grillo_gate_fresh_until_timestamp_seconds - time()": "{{service}} {{gate}}"},
                alert="GrilloGateStale",
            ),
            Panel(
                title="Events that gates have not applied",
                shows="The log's last position less that of the gate furthest behind.",
                unit="short",
                queries={'scalar(max(grillo_log_position{log="keys"})) - grillo_gate_replica_position': "{{gate}}"},
            ),
            Panel(
                title="Keys that gates know",
                shows="Dead ones among them. Gates that differ for long do not follow the same log.",
                unit="short",
                queries={"grillo_gate_grants": "{{service}} {{gate}}"},
            ),
            Panel(
                title="Expiries put off",
                shows="Unused admin keys that stay because they are an organisation's last.",
                unit="short",
                queries={"sum(increase(grillo_keys_expiries_skipped_total[1h]))": "put off"},
            ),
        ),
    ),
    Dashboard(
        uid="grillo-queues",
        title="Grillo: events and queues",
        shows="What waits: for the bus, for a follower, for usage, for a receiver.",
        panels=(
            Panel(
                title="Events not yet published",
                shows="The log's last position less what the bus took.",
                unit="short",
                queries={"grillo:relay:lag": "{{log}}"},
                alert="GrilloRelayStuck",
            ),
            Panel(
                title="Events not yet applied",
                shows="The keys log's last position less each follower's.",
                unit="short",
                queries={"grillo:follower:lag": "{{follower}}"},
                alert="GrilloFollowerStuck",
            ),
            Panel(
                title="Behind, in seconds",
                shows="Since the first event that the bus lacks, and since a follower last had all: a second is usual.",
                unit="s",
                queries={"grillo:relay:lag_seconds": "log of {{log}}", "grillo:follower:lag_seconds": "{{follower}}"},
                alert="GrilloFollowerStuck",
            ),
            Panel(
                title="Parked events",
                shows="Events that could not be applied, those that wait behind them, and whose they are.",
                unit="short",
                queries={"grillo_parked_events": "{{follower}}", "grillo_parked_streams": "{{follower}}, streams"},
                red_from=1,
                alert="GrilloEventsParked",
            ),
            Panel(
                title="Dead letters",
                shows="Messages that no consumer could take.",
                unit="short",
                queries={"grillo_dead_letters": "{{queue}}"},
                red_from=1,
                alert="GrilloDeadLetters",
            ),
            Panel(
                title="Databases and broker",
                shows="1: it answers that service. Nothing: it hangs, or the service is away.",
                unit="short",
                queries={"grillo_database_up": "database of {{service}}", "grillo_broker_up": "broker, {{service}}"},
                alert="GrilloServerAway",
            ),
            Panel(
                title="Metered, not yet counted",
                shows="Bytes on the gates' disks that usage has not confirmed.",
                unit="bytes",
                queries={"sum by (service) (grillo_meter_spool_bytes)": "{{service}}"},
                red_from=64 * 2**20,
                alert="GrilloSpoolGrowing",
            ),
            Panel(
                title="Oldest request not yet counted",
                shows="Seconds since it was answered. Nothing where none waits.",
                unit="s",
                queries={
                    "time() - (min by (service) (grillo_meter_spool_oldest_timestamp_seconds) < +Inf)": "{{service}}"
                },
                red_from=60,
                alert="GrilloSpoolOld",
            ),
            Panel(
                title="Batches at usage",
                shows="By what became of them, a second.",
                unit="cps",
                queries={rate("grillo_usage_batches_total", "outcome"): "{{outcome}}"},
                alert="GrilloBatchesParked",
            ),
            Panel(
                title="Deliveries to channels",
                shows="Waiting and held ones.",
                unit="short",
                queries={"grillo_usage_deliveries": "{{status}}"},
                alert="GrilloWebhooksFailing",
            ),
            Panel(
                title="Disk left",
                shows="Where a gate spools what it meters, or an embedded server keeps everything.",
                unit="bytes",
                queries={"grillo_disk_free_bytes": "{{service}} {{of}}"},
                alert="GrilloDiskFilling",
            ),
            Panel(
                title="Files left",
                shows="How many more can be made there (inodes).",
                unit="short",
                queries={"grillo_disk_free_files": "{{service}} {{of}}"},
                alert="GrilloDiskFilling",
            ),
            Panel(
                title="Served and not metered",
                shows="Requests whose record the spool's disk did not take, in five minutes.",
                unit="short",
                queries={"sum by (service) (increase(grillo_meter_unmetered_total[5m]))": "{{service}}"},
                red_from=1,
                alert="GrilloUnmetered",
            ),
            Panel(
                title="Clock in doubt",
                shows="1: the wall clock is not believed; retention, sweeps and expiries for good stand still.",
                unit="short",
                queries={"grillo_clock_in_doubt": "{{service}}"},
                red_from=1,
                alert="GrilloClockInDoubt",
            ),
            Panel(
                title="Clocks",
                shows="Wall clock of each gate's host less that of keys' database. It decides nothing at a gate.",
                unit="s",
                queries={"abs(grillo_clock_offset_seconds)": "{{service}} {{gate}}"},
                alert="GrilloClockInDoubt",
            ),
            Panel(
                title="Gates that count alone",
                shows="Gates on their share of each limit: Redis is away, or what was spent today is not known yet.",
                unit="short",
                queries={
                    "sum by (service) (grillo_quota_on_shares)": "{{service}}",
                    "sum by (service) (grillo_slots_on_shares)": "{{service}}, at the same time",
                },
                red_from=1,
                alert="GrilloLimitsOnShares",
            ),
        ),
    ),
    Dashboard(
        uid="grillo-sensors",
        title="Grillo: sensors",
        shows="The service of the data: its requests and its log.",
        panels=(
            Panel(
                title="Requests",
                shows="Answered by sensors, by status.",
                unit="reqps",
                queries={rate("grillo_requests_total", "status_class", where='service="sensors"'): "{{status_class}}"},
            ),
            Panel(
                title="Latency, p50 and p99",
                shows="From the gate's first look to the meter's record.",
                unit="s",
                queries=quantiles("grillo_request_seconds", where='service="sensors"'),
            ),
            Panel(
                title="Samples offered, by what became of them",
                shows="Ever; differing: the first value was kept. Samples of records that wait are not here.",
                unit="short",
                queries={"grillo_samples": "{{outcome}}"},
            ),
            Panel(
                title="Live readings, by account",
                shows="Samples that bridges ever sent, by what became of them. 0: none has.",
                unit="short",
                queries={"sum by (account, outcome) (grillo_readings_samples) or vector(0)": "{{account}} {{outcome}}"},
            ),
            Panel(
                title="Rejected, by reason",
                shows="Messages, lines and traces ever rejected. 0: none was.",
                unit="short",
                queries={"sum by (reason) (grillo_rejected_messages) or vector(0)": "{{reason}}"},
            ),
            Panel(
                title="Records that wait",
                shows="For the records that tell when theirs were taken.",
                unit="short",
                queries={"grillo_held_records": "records"},
            ),
            Panel(
                title="Seismic events",
                shows="Those there are, of all sources.",
                unit="short",
                queries={"grillo_catalogue_events": "events"},
            ),
            Panel(
                title="Hours sealed",
                shows="Hours of an axis made into files; put-off and failed ones are tried again.",
                unit="cps",
                queries={rate("grillo_sensors_hours_sealed_total", "outcome"): "{{outcome}}"},
            ),
            Panel(
                title="Hours to seal",
                shows="Hours that are over and could be sealed now. It rises when sealers stand still.",
                unit="short",
                queries={"grillo_sensors_hours_due": "hours"},
            ),
            Panel(
                title="Registered and configured",
                shows="Events in the log of sensors.",
                unit="short",
                queries={'grillo_log_position{log="sensors"}': "events"},
            ),
        ),
    ),
    Dashboard(
        uid="grillo-trust",
        title="Grillo: trust",
        shows="Who tries what he may not. Everything here is flat on a good day.",
        panels=(
            Panel(
                title="Told and not proved",
                shows="Pushes, pulls and snapshots that changed nothing because nobody signed them.",
                unit="short",
                queries={"sum by (service, kind) (increase(grillo_unproved_total[5m]))": "{{service}} {{kind}}"},
                red_from=1,
                alert="GrilloUnproved",
            ),
            Panel(
                title="Messages refused",
                shows="Messages that their account may not send.",
                unit="short",
                queries={
                    "sum by (service, reason) (increase(grillo_messages_refused_total[5m]))": "{{service}} {{reason}}"
                },
                red_from=1,
                alert="GrilloMessageRefused",
            ),
            Panel(
                title="Gates refused",
                shows="Acknowledgements in another gate's name, and gates beyond the most there may be.",
                unit="short",
                queries={"sum by (reason) (increase(grillo_gates_refused_total[5m]))": "{{reason}}"},
                red_from=1,
                alert="GrilloForeignGate",
            ),
            Panel(
                title="Internal doors",
                shows="Requests without a token that the door knows, or for what its account may not ask.",
                unit="short",
                queries={
                    "sum by (service, reason) (increase(grillo_internal_refused_total[5m]))": "{{service}} {{reason}}"
                },
                alert="GrilloInternalDoorRefused",
            ),
            Panel(
                title="Damaged rows, and a log that was put back",
                shows="Rows that are not as they were written; pulls that hold more than the log has.",
                unit="short",
                queries={
                    "sum by (service, table) (increase(grillo_damaged_rows_total[5m]))": "{{service}} {{table}}",
                    "sum(increase(grillo_log_diverged_total[5m]))": "diverged",
                },
                red_from=1,
                alert="GrilloLogDiverged",
            ),
            Panel(
                title="Guesses",
                shows="Addresses that are slowed down for invalid keys, a minute each.",
                unit="short",
                queries={"sum(increase(grillo_gate_authentication_failed_total[5m]))": "addresses"},
            ),
            Panel(
                title="Dead keys still used",
                shows="Requests a second with a key that was revoked, suspended or expired.",
                unit="reqps",
                queries={rate("grillo_gate_refusals_total", "problem", where='problem=~"key-.+"'): "{{problem}}"},
            ),
        ),
    ),
)


def made() -> dict[str, str]:
    """Each dashboard's JSON, by its uid."""
    return {one.uid: text_of(model(one)) for one in DASHBOARDS} | {RUNBOOKS: text_of(runbooks())}


def main() -> None:
    INTO.mkdir(exist_ok=True)
    for uid, text in made().items():
        (INTO / f"{uid}.json").write_text(text)


if __name__ == "__main__":
    main()
