"""An operator's file of heads: a missing line is no fault, an edited one is named, one of another log does not fit."""

from collections.abc import Sequence

import msgspec
import pytest

from shared.eventsourcing.audit import audit
from shared.eventsourcing.event_store import MemoryEventStore
from shared.eventsourcing.event_types import Encoded
from shared.replication.heads.heads_file import HeadsOfLog, heads_of_log
from shared.replication.heads.sent_elsewhere import SentElsewhere
from shared.replication.proof.receipt_proof import thumbprint
from shared.replication.proof.signatures import Signer, new_private_key
from shared.replication.proof.signed_heads import HeadSigner, SignedHead
from shared.runtime.clock import ManualClock
from tests.examples import NOON

NAME = "heads.jsonl"


class Log:
    """A log that grows by a row a minute, with its head sent elsewhere each minute."""

    def __init__(self, epoch: str = "0123456789abcdef", name: str = "keys") -> None:
        self.store, self.clock, self.lines = MemoryEventStore(epoch), ManualClock(NOON), list[bytes]()
        self._elsewhere = SentElsewhere(name, self._signed, self)
        self.signers: list[Signer] = []
        self.replace_signer()

    def replace_signer(self) -> None:
        self.signers.append(Signer(new_private_key()))
        self._heads = HeadSigner(self.signers[-1], self.clock)

    def send(self, line: bytes) -> None:
        self.lines.append(line)

    def grow(self, minutes: int = 5, events: int = 1) -> "Log":
        for _ in range(minutes):
            for _ in range(events):
                with self.store.transaction() as tx:
                    version = len(self.store.stream(tx, "key_a"))
                    event = Encoded(type="Noted", schema_version=1, data="{}")
                    self.store.append(tx, "key_a", version, [event], "{}", "2026-11-23T12:00:00.000000Z")
            self.clock.advance(60)
            self._elsewhere.tick()
        return self

    def compare(self, lines: Sequence[bytes]) -> tuple[HeadsOfLog, list[str]]:
        public_keys = {thumbprint(signer.public_key): signer.public_key for signer in self.signers}
        read = heads_of_log(lines, "keys", NAME, public_keys)
        found = audit(self.store, read.anchors).with_findings(read.findings)
        return read, [finding.problem for finding in found.findings]

    def _signed(self) -> SignedHead:
        with self.store.reading() as tx:
            return self._heads.latest(self.store.head(tx))


def test_what_was_sent_fits_also_where_the_log_stood_still_and_the_signing_key_was_replaced() -> None:
    log = Log().grow(3).grow(2, events=0)
    log.replace_signer()
    read, problems = log.grow(3).compare(log.lines)
    assert (problems, read.lines, read.gaps) == ([], 8, 0)
    assert len(read.anchors) == 6


def test_a_missing_line_is_no_fault_and_is_told() -> None:
    log = Log().grow(9)
    read, problems = log.compare([*log.lines[:3], *log.lines[6:]])
    assert (problems, read.lines, read.gaps) == ([], 6, 1)


@pytest.mark.parametrize("member", ["hash", "position", "signed_at", "epoch", "signature", "signer"])
def test_an_edited_line_is_named(member: str) -> None:
    log = Log().grow(5)
    sent = msgspec.json.decode(log.lines[2])
    value = sent["head"][member]
    sent["head"][member] = (
        value + 1 if member == "position" else value[:9] + ("0" if value[9] != "0" else "1") + value[10:]
    )
    _, problems = log.compare([*log.lines[:2], msgspec.json.encode(sent), *log.lines[3:]])
    assert [problem.startswith(f"{NAME}: line 3: a kept head ") for problem in problems] == [True]


@pytest.mark.parametrize("line", [b"", b"{}", b"junk", b'{"log": "kyes", "head": {}}', b'{"log": "keys"'])
def test_a_line_that_is_no_head_is_named(line: bytes) -> None:
    log = Log().grow(3)
    _, problems = log.compare([*log.lines[:2], line, *log.lines[2:]])
    assert problems == [f"{NAME}: line 3 is no head: it was edited or cut"]


def test_a_file_of_another_log_of_the_same_signer_does_not_fit() -> None:
    log, other = Log().grow(5), Log(epoch="another")
    other.signers = log.signers
    other._heads = HeadSigner(log.signers[0], other.clock)
    _, problems = log.compare(other.grow(5).lines)
    assert problems == [f"{NAME} followed a log of another epoch"]


def test_heads_of_another_service_s_log_in_the_same_file_are_passed_over() -> None:
    log, sensors = Log().grow(3), Log(name="sensors").grow(3)
    read, problems = log.compare([*sensors.lines, *log.lines])
    assert (problems, read.lines) == ([], 3)


def test_a_log_that_was_cut_is_found_by_the_heads_beyond_its_end() -> None:
    log = Log().grow(5)
    shorter = MemoryEventStore("0123456789abcdef")
    shorter._rows = log.store._rows[:3]
    log.store = shorter
    _, problems = log.compare(log.lines)
    assert problems == [f"{NAME} has seen this row; it is gone"]
