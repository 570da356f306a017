"""Nothing of a key's pattern survives in anything that is recorded, however deep or in whatever it is wrapped."""

import contextlib
import errno
import io
import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.observability import logs
from shared.sql.database import Database
from tests.examples import SECRET

PATTERN = re.compile(r"grl_[0-9A-Za-z]{49}")
log = structlog.get_logger(__name__)


@dataclass
class Holder:
    secret: str


class Stranger:
    def __repr__(self) -> str:
        return f"<Stranger with {SECRET}>"


class Disk(io.StringIO):
    """That standard error is kept on."""

    refuses_with = 0

    def write(self, text: str) -> int:
        if self.refuses_with:
            raise OSError(self.refuses_with, os.strerror(self.refuses_with))
        return super().write(text)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """What comes out on standard error; afterwards logging is as it was."""
    out = Disk()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", out)
    logs.configure()
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f"Bearer {SECRET}",
        {"deep": [{"deeper": (SECRET, 1)}]},
        {SECRET: "as a name"},
        [SECRET],
        {SECRET},
        frozenset({SECRET}),
        SECRET.encode(),
        Path("/v1") / SECRET,
        Holder(SECRET),
        Stranger(),
        ValueError(SECRET),
        SECRET.upper().replace("GRL_", "grl_"),
    ],
    ids=repr,
)
def test_a_key_is_in_no_line_of_log_whatever_it_is_wrapped_in(lines: io.StringIO, value: Any) -> None:
    structlog.contextvars.bind_contextvars(bound=value)
    log.info("event", value=value)
    log.info(f"as the event itself: {value}")
    log.bind(bound=value).warning("bound")
    logging.getLogger("library").warning("formatted %s", value)
    logging.getLogger("library").warning(value)
    assert len(lines.getvalue().splitlines()) == 5
    for line in lines.getvalue().splitlines():
        json.loads(line)
        assert "grl_7" not in line
        assert "777777" not in line


@pytest.mark.parametrize("name", ["structlog", "library"])
def test_a_key_is_in_no_traceback_nor_in_the_causes_of_one(lines: io.StringIO, name: str) -> None:
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as cause:
            cause.add_note(f"noted {SECRET}")
            raise RuntimeError(f"while {SECRET}") from cause
    except RuntimeError:
        (log if name == "structlog" else logging.getLogger(name)).exception("failed")
    (line,) = lines.getvalue().splitlines()
    assert "RuntimeError: while grl_[redacted]" in json.loads(line)["exception"]
    assert "KeyError" in json.loads(line)["exception"]
    assert "777777" not in line


def test_a_line_is_one_json_object_with_its_level_time_and_logger(lines: io.StringIO) -> None:
    log.info("first\nsecond", value="третий")
    (line,) = lines.getvalue().splitlines()
    logged = json.loads(line)
    assert (logged["event"], logged["value"], logged["level"]) == ("first\nsecond", "третий", "info")
    assert {"timestamp", "logger"} <= logged.keys()


def test_a_value_that_is_no_text_does_not_stop_a_line(lines: io.StringIO) -> None:
    log.info("half of a pair", value="\ud800")
    assert json.loads(lines.getvalue())["event"] == "half of a pair"


@pytest.mark.parametrize("logger", [log, logging.getLogger("kombu.mixins")], ids=["ours", "a library's"])
def test_a_warning_that_repeats_itself_is_dropped_and_who_gave_it_goes_on(lines: io.StringIO, logger: Any) -> None:
    for _ in range(3):
        logger.warning("Broker connection error, trying again in 1.0 seconds")
    assert len(lines.getvalue().splitlines()) == 1


@pytest.mark.parametrize("refusal", [errno.ENOSPC, errno.EDQUOT])
def test_a_log_on_a_full_disk_ends_nothing_and_goes_on_once_there_is_room(lines: Disk, refusal: int) -> None:
    lines.refuses_with = refusal
    log.error("while it is full", detail=os.strerror(refusal))
    lines.refuses_with = 0
    log.error("once there is room", detail=os.strerror(refusal))
    assert [json.loads(line)["event"] for line in lines.getvalue().splitlines()] == ["once there is room"]


def test_a_connection_that_its_server_ended_is_no_line(lines: Disk, tmp_path: Path) -> None:
    """With a database of many connections it would be hundreds."""
    database = Database.sqlite(tmp_path / "ended.db")
    with contextlib.suppress(SQLAlchemyError), database.reading() as tx:
        tx.invalidate()
    database.close()
    assert lines.getvalue() == ""
