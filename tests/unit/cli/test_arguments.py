"""Labels and times as arguments of commands."""

import pytest
import typer

from services.cli.arguments import label_of, time_text


def test_a_label_is_spelled_as_in_the_api_and_an_older_script_s_way_is_taken() -> None:
    assert label_of("env:prod") == label_of("env=prod") == ("env", "prod")
    assert label_of("url:https://a?b=c") == ("url", "https://a?b=c")
    with pytest.raises(typer.BadParameter, match="env:prod"):
        label_of("prod")


def test_a_time_that_is_none_is_refused_before_anything_is_asked() -> None:
    assert time_text(None) is None
    assert time_text("2026-11-23t08:17:00z") == "2026-11-23t08:17:00z"
    with pytest.raises(typer.BadParameter, match="such as 2026-11-23T08:17:00Z"):
        time_text("yesterday")
