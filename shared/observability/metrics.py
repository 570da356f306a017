"""Every metric, declared once: what it counts, its labels' values, and what it does not see.

What is in use of what there is only so much of is in saturation.py; what is measured at a scrape, beside what it is of.
"""

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from shared.observability.request_metrics import RequestMetrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped functions of a typed library

requests = Counter(
    "grillo_requests_total",
    "Requests answered through the gate. Not: preflights, unknown paths, the internal door.",
    ["service", "method", "route", "status_class"],  # route: as declared; status_class: 2xx 3xx 4xx 5xx
)
request_seconds = Histogram(
    "grillo_request_seconds",
    "From the gate's first look to the meter's record. Not: time in the server's queue or on the wire.",
    ["service"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
request_counts = RequestMetrics(requests, request_seconds)  # what feeds these two
refusals = Counter(
    "grillo_gate_refusals_total",
    "Requests the gate refused, by problem name (address-slowed: a 429 for guessing). Not: refusals by handlers.",
    ["problem"],
)
authentication_failed = Counter(
    "grillo_gate_authentication_failed_total",
    "AuthenticationFailed events: one a minute at most for each address slowed for guessing. Not: who guesses slowly.",
    ["outcome"],  # outcome: published lost
)
clock_in_doubt = Gauge(
    "grillo_clock_in_doubt",
    "1: the wall clock is in doubt, and nothing is deleted or expired. Not: clocks of hosts without a worker.",
    ["service"],
    multiprocess_mode="livemax",
)
fresh_until = Gauge(
    "grillo_gate_fresh_until_timestamp_seconds",
    "When the gate's lease ends, by the clock of keys' database: past it, it refuses everything. 0: no lease, or it"
    " was ended. Not: how far that clock is from Prometheus's, which rules compare it with.",
    ["gate"],  # a label, for a process without a gate would else show 0
    multiprocess_mode="livemin",
)
replica_position = Gauge(
    "grillo_gate_replica_position",
    "The last position of the keys log that this process's grants have applied."
    " Not: streams that it refuses, for it could not apply them.",
    ["gate"],
    multiprocess_mode="livemin",
)
grants_held = Gauge(
    "grillo_gate_grants",
    "Keys that the gate knows, dead ones too. Not: whether what it knows of them is fresh.",
    ["gate"],
    multiprocess_mode="livemax",
)
clock_offset = Gauge(
    "grillo_clock_offset_seconds",
    "The wall clock of a gate's host less that of keys' database, as of its last pull; it errs by what the pull took."
    " Not: how far that database's clock is from the truth.",
    ["gate"],
    multiprocess_mode="livemostrecent",
)
quota_redis_up = Gauge(
    "grillo_quota_redis_up",
    "Gates (web processes) whose last call to Redis was answered. Always 0 where there is no REDIS_URL."
    " Not: whether it counts for them.",
    multiprocess_mode="livesum",
)
quota_calls = Counter(
    "grillo_quota_calls_total",
    "Requests that Redis was asked about before they were decided. Not: those decided here and reported later.",
    ["outcome"],  # outcome: admitted refused; failed: also reports and attempts to join
)
quota_on_shares = Gauge(
    "grillo_quota_on_shares",
    "Gates that take their share of each limit while Redis is away or does not know enough. Not: without REDIS_URL.",
    multiprocess_mode="livesum",
)
slot_calls = Counter(
    "grillo_slot_calls_total",
    "Requests that Redis was asked for a slot for. Not: those that used a slot which their gate held already.",
    ["outcome"],  # outcome: granted refused; failed: also reports and attempts to join
)
slots_on_shares = Gauge(
    "grillo_slots_on_shares",
    "Gates that take their share of keys' slots while Redis is away or does not know enough. Not: without REDIS_URL.",
    multiprocess_mode="livesum",
)
parked_events = Gauge(
    "grillo_parked_events",
    "Events that a follower could not apply, and those of the same streams waiting behind them. Not: dead letters.",
    ["follower"],
    multiprocess_mode="livemostrecent",
)
parked_streams = Gauge(
    "grillo_parked_streams",
    "Streams of which events are parked: the keys (or organisations) that stand still at that follower. Not: which.",
    ["follower"],
    multiprocess_mode="livemostrecent",
)
caught_up = Gauge(
    "grillo_follower_caught_up_timestamp_seconds",
    "When a follower last had everything that the log had, by the clock of keys' database. Not: pushes since then.",
    ["follower"],
    multiprocess_mode="livemax",
)
heads_sent = Counter(
    "grillo_heads_sent_total",
    "Signed heads of the log sent elsewhere (AUDIT_HEADS); failed: attempts, after which all that waits is kept. Not:"
    " heads that other services keep.",
    ["outcome"],  # outcome: sent failed
)
damaged_rows = Counter(
    "grillo_damaged_rows_total",
    "Rows that give or take power and did not match their checksum when they were read, each time they were read."
    " Not: rows that nobody reads.",
    ["table"],  # table: grant checkpoint dead_secret organisation_tier
)
unproved = Counter(
    "grillo_unproved_total",
    "What a follower was told and did not believe for want of proof; always 0 without verify keys. push_unfinished:"
    " held in vain for its page's signature; genuine ones, too, if that was lost or went to another process."
    " Not: who said it.",
    ["kind"],  # kind: pull push push_unfinished snapshot head
)
log_diverged = Counter(
    "grillo_log_diverged_total",
    "Pulls answered that this log was put back to before what its followers hold. Not: what gates refuse by it, which"
    " grillo_gate_refusals_total counts as log-diverged.",
)
_RECEIPT_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 11)
receipt_seconds = Histogram(
    "grillo_receipt_seconds",
    "From a change that takes power away being committed to its receipt: every gate acknowledged or counted out."
    " Not: changes that give power.",
    buckets=_RECEIPT_BUCKETS,
)
gate_applied_seconds = Histogram(
    "grillo_gate_applied_seconds",
    "From a change that takes power away being committed to one gate's acknowledgement being read, of each gate of each"
    " receipt. Not: gates that were counted out, which grillo_gates_counted_out_total counts.",
    buckets=_RECEIPT_BUCKETS,
)
gates_counted_out = Counter(
    "grillo_gates_counted_out_total",
    "Gates that a receipt did not hear of, and waited for until their lease had run out; each gate of each receipt."
    " Not: which gate, which the receipt names.",
)
gates_refused = Counter(
    "grillo_gates_refused_total",
    "Acknowledgements and removals not taken; foreign: of another account's gate; cap: of a gate beyond GATES_MAX."
    " Not: those with the one token of all services, or over RPC without AMQP_ACCOUNTS: whose they are is not known.",
    ["reason"],  # reason: foreign cap
)
internal_refused = Counter(
    "grillo_internal_refused_total",
    "Requests that the internal door refused: with no token that it knows, or for what the account may not ask."
    " Not: who asked, which the log says.",
    ["reason"],  # reason: unknown-token not-allowed
)
spool_bytes = Gauge(
    "grillo_meter_spool_bytes",
    "Bytes of metered requests in this process's segment that are not known to be counted yet."
    " Not: of dead processes, until another takes them over.",
    multiprocess_mode="livesum",
)
spool_oldest = Gauge(
    "grillo_meter_spool_oldest_timestamp_seconds",
    "When the oldest request was answered that is not known to be counted yet; +Inf where none waits."
    " Not: of dead processes, until another takes them over.",
    ["of"],  # of: requests
    multiprocess_mode="livemin",
)
expiries_skipped = Counter(
    "grillo_keys_expiries_skipped_total",
    "Times that the last usable admin key of an organisation was due to expire for want of use, and did not; counted"
    " at each sweep. Not: expiries by a key's own time, which nothing holds up.",
)
batches_counted = Counter(
    "grillo_usage_batches_total",
    "Request batches that usage was sent; repeated: counted before, and not again; parked: cannot be counted now;"
    " overlapping: parked, too, for part of it was counted before, which no gate sends; foreign: dropped, for another"
    " account has sent of its segment. Not: those on their way.",
    ["outcome"],  # outcome: counted repeated parked overlapping foreign
)
alerts_raised = Counter(
    "grillo_usage_alerts_total",
    "Alerts raised, muted ones too. Not: facts met again while their alert stands.",
)
evaluations_failed = Counter(
    "grillo_usage_evaluations_failed_total",
    "Rounds of rule evaluation that failed; what they were about is looked at again."
    " Not: which rule, which the log says.",
)
deliveries = Counter(
    "grillo_usage_delivery_attempts_total",
    "Attempts to deliver to a channel, by what became of the delivery. Not: what the receiver made of it.",
    ["status"],  # status: delivered pending failed held
)
unmetered = Counter(
    "grillo_meter_unmetered_total",
    "Requests served and not metered, because the spool's disk would not take the record. Not: whose they were.",
)
refusals_counted = Counter(
    "grillo_meter_refusals_counted_total",
    "Refused requests beyond ten a second of one key or address, metered as a count. Not: a single one beyond.",
)
rpc_calls = Counter(
    "grillo_rpc_calls_total",
    "Calls that a service answered over RPC. Not: calls that nobody heard, which fail at the caller.",
    ["service", "method", "outcome"],  # outcome: answered refused invalid-arguments failed
)
messages_refused = Counter(
    "grillo_messages_refused_total",
    "Messages on the broker that were not believed, because of the account that sent them, or could not be read; they"
    " changed nothing. Not: what RabbitMQ itself refused.",
    # reason: no-account event-of-another answer-of-another call-not-allowed malformed-call batch-of-another
    # reading-of-another unreadable
    ["reason"],
)
hours_sealed = Counter(
    "grillo_sensors_hours_sealed_total",
    "Hours of an axis that a sealer worked on; put-off and failed ones are tried again. Not: the command `seal`'s.",
    ["outcome"],  # outcome: sealed changed failed
)

# Series that are there from the start, so that the first case is a rise from 0 and a dashboard shows a line before it.
for _counter, _values in (
    (refusals, ("gate-not-fresh", "unavailable", "log-diverged")),  # those of an error budget
    (authentication_failed, ("published", "lost")),
    (quota_calls, ("admitted", "refused", "failed")),
    (slot_calls, ("granted", "refused", "failed")),
    (unproved, ("pull", "push", "push_unfinished", "snapshot", "head")),
    (gates_refused, ("foreign", "cap")),
    (internal_refused, ("unknown-token", "not-allowed")),
    (batches_counted, ("counted", "repeated", "parked", "overlapping", "foreign")),
    (deliveries, ("delivered", "pending", "failed", "held")),
    (heads_sent, ("sent", "failed")),
    (damaged_rows, ("grant", "checkpoint", "dead_secret", "organisation_tier")),
    (hours_sealed, ("sealed", "changed", "failed")),
):
    for _value in _values:
        _counter.labels(_value)
for _reason in (
    *("no-account", "event-of-another", "answer-of-another"),
    *("call-not-allowed", "malformed-call", "batch-of-another", "reading-of-another", "unreadable"),
):
    messages_refused.labels(_reason)
