"""Summary of an import: what became of every sample offered, by sensor and by file, for people and as JSON."""

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from services.sensors.accounting.account import Account, Differing
    from services.sensors.ingest.importer import Imported
    from services.sensors.ingest.recording import RejectedLine

_SHOWN_MAX = 5


class Summary:
    """What became of all files together."""

    def __init__(self) -> None:
        self.lines_read = 0
        self.epochs = 0
        self.files: dict[str, Account] = {}
        self.sensors: dict[str, Account] = {}
        self.rejected: list[tuple[str, RejectedLine]] = []
        self.remarks: list[tuple[str, str]] = []
        self.failed: list[tuple[str, str]] = []
        self.differing: dict[str, list[Differing]] = {}
        self.uncertainties: dict[str, dict[int, int]] = {}

    def add(self, name: str, imported: "Imported") -> None:
        self.lines_read += imported.lines_read
        self.epochs += imported.epochs
        self._add_to(self.files, name, imported.account)
        for sensor_id, account in imported.accounts.items():
            self._add_to(self.sensors, sensor_id, account)
        self.rejected += [(name, one) for one in imported.rejected]
        self.remarks += [(name, remark) for remark in imported.warnings]

    def add_decided(self, sensor_id: str, account: "Account") -> None:
        """What had waited until the last file was read."""
        self._add_to(self.sensors, sensor_id, account)
        if account.offered:
            self._add_to(self.files, "", account)

    @property
    def total(self) -> "Account":
        from services.sensors.accounting.account import Account

        return sum(self.files.values(), Account())

    def show(self, *, as_json: bool) -> None:
        if as_json:
            typer.echo(json.dumps(self._as_json()))
            return
        total = self.total
        typer.echo(
            f"{len([name for name in self.files if name])} files, {len(self.sensors)} sensors: "
            f"{total.offered:,} samples offered: {total.new:,} new, {total.repeated:,} repeated, "
            f"{total.differing:,} differing, {total.rejected:,} rejected "
            f"with {len(self.rejected):,} of {self.lines_read:,} lines."
        )
        self._list([_rejected(file, one) for file, one in self.rejected], "rejected")
        self._list([f"{file}: {remark}" for file, remark in self.remarks], "remarks")
        for _, reason in self.failed:
            typer.echo(f"grillo: {reason}", err=True)

    @staticmethod
    def _add_to(accounts: "dict[str, Account]", name: str, account: "Account") -> None:
        accounts[name] = accounts[name] + account if name in accounts else account

    @staticmethod
    def _list(texts: list[str], what: str) -> None:
        for text in texts[:_SHOWN_MAX]:
            typer.echo(f"  {text}", err=True)
        if len(texts) > _SHOWN_MAX:
            typer.echo(f"  … and {len(texts) - _SHOWN_MAX} more {what}: see --json", err=True)

    def _as_json(self) -> dict[str, Any]:
        return {
            "files": [{"file": name or None, **_shown(account)} for name, account in self.files.items()],
            "sensors": {
                sensor_id: {
                    **_shown(account),
                    "eras": [
                        {"era": era, "uncertainty_ms": round(uncertainty_ns / 1e6, 1)}
                        for era, uncertainty_ns in sorted(self.uncertainties.get(sensor_id, {}).items())
                    ],
                    "differences": [_difference(one) for one in self.differing.get(sensor_id, [])],
                }
                for sensor_id, account in sorted(self.sensors.items())
            },
            "samples": _shown(self.total),
            "lines_read": self.lines_read,
            "epochs": self.epochs,
            "rejected": [
                {
                    "file": file,
                    "line": one.line,
                    "sensor": one.sensor_id,
                    "reason": one.reason,
                    "samples": one.samples,
                }
                for file, one in self.rejected
            ],
            "remarks": [{"file": file, "remark": remark} for file, remark in self.remarks],
            "failed": [{"file": file, "reason": reason} for file, reason in self.failed],
        }


def _rejected(file: str, one: "RejectedLine") -> str:
    line = "" if one.line is None else f", line {one.line}"
    sensor = "" if one.sensor_id is None else f", sensor {one.sensor_id}"
    return f"{file}{line}{sensor}: {one.reason}"


def _shown(account: "Account") -> dict[str, int]:
    return {
        "offered": account.offered,
        "new": account.new,
        "repeated": account.repeated,
        "differing": account.differing,
        "rejected": account.rejected,
    }


def _difference(one: "Differing") -> dict[str, Any]:
    from shared.values.timestamps import from_nanoseconds, rfc3339

    return {
        "axis": one.axis,
        "start": rfc3339(from_nanoseconds(one.start_ns)),
        "end": rfc3339(from_nanoseconds(one.end_ns)),
        "samples": one.samples,
        "kept": {"least": one.kept[0], "greatest": one.kept[1]},
        "offered": {"least": one.offered[0], "greatest": one.offered[1]},
        "source": one.source,
    }
