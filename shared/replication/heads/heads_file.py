"""File of heads that AUDIT_HEADS wrote, read again: what an operator kept elsewhere, to compare a log with.

A line that is missing is no fault: those before and after it say as much. One that was edited is named.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from shared.eventsourcing.audit import Anchor, Finding
from shared.replication.heads.checked_heads import fault_of, verifiers_of
from shared.replication.heads.sent_elsewhere import SEND_SECONDS, SentHead
from shared.replication.kept_heads import anchor_of
from shared.values.timestamps import from_rfc3339

# A head is sent each minute. Between two that are further apart some are missing, or the server was away.
_APART_MAX = timedelta(seconds=2.5 * SEND_SECONDS)
_FAULTS_TOLD_MAX = 20
_LOGS = ("keys", "sensors")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadsOfLog:
    """Of one log: the places to compare it with, each once; what is wrong with lines; how often some are missing."""

    anchors: tuple[Anchor, ...]
    findings: tuple[Finding, ...]
    lines: int
    gaps: int


def heads_of_log(lines: Iterable[bytes], log: str, name: str, public_keys: Mapping[str, str]) -> HeadsOfLog:
    """`name`: of the file. `public_keys`: of the log's service, thumbprint → base64."""
    verifiers = verifiers_of(public_keys)
    anchors: dict[tuple[str, int, str], Anchor] = {}
    faults: list[Finding] = []
    count = gaps = 0
    before = None
    for number, line in enumerate(lines, start=1):
        sent = _read(line)
        if sent is None:
            faults.append(Finding(position=0, problem=f"{name}: line {number} is no head: it was edited or cut"))
            continue
        if sent.log != log:
            continue
        count += 1
        anchor = anchor_of(name, sent.head)
        fault = fault_of(anchor, verifiers)
        if fault is not None:
            position = sent.head.position
            faults.append(Finding(position=position, problem=f"{name}: line {number}: {fault}"))
            continue
        anchors.setdefault((sent.head.epoch, sent.head.position, sent.head.hash), anchor)
        signed_at = from_rfc3339(sent.head.signed_at)
        gaps += before is not None and signed_at - before > _APART_MAX
        before = signed_at
    return HeadsOfLog(
        anchors=tuple(anchors.values()), findings=tuple(faults[:_FAULTS_TOLD_MAX]), lines=count, gaps=gaps
    )


def _read(line: bytes) -> SentHead | None:
    try:
        sent = msgspec.json.decode(line, type=SentHead)
    except msgspec.DecodeError:
        return None
    return sent if sent.log in _LOGS else None
