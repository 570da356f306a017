"""The alert rules with their times divided, so that a test can wait for what an operator would be told in minutes."""

import re
from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).parents[2] / "ops/prometheus/rules"
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_WINDOW = re.compile(r"(?<=\[)(\d+)([smh])(?=\])")


def scaled_rules(folder: Path, divisor: int) -> Path:
    """Writes the files of ops/prometheus there: each `for` and each window is that much shorter, all else is the same.

    Which seconds an expression compares with stays, and which series a rule writes.
    """
    folder.mkdir()
    for file in RULES.glob("*.yml"):
        document: dict[str, Any] = yaml.safe_load(file.read_text())
        for rule in (rule for group in document["groups"] for rule in group["rules"]):
            rule["expr"] = _WINDOW.sub(lambda window: _divided(window[1], window[2], divisor), rule["expr"])
            if "for" in rule:
                rule["for"] = _divided(rule["for"][:-1], rule["for"][-1], divisor)
        (folder / file.name).write_text(yaml.safe_dump(document))
    return folder


def alerts() -> dict[str, int]:
    """How long each must hold before it fires, in seconds."""
    groups = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    return {rule["alert"]: _seconds(rule.get("for", "0s")) for rule in rules}


def _divided(number: str, unit: str, divisor: int) -> str:
    return f"{max(1, _seconds(number + unit) // divisor)}s"


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * _SECONDS[duration[-1]]
