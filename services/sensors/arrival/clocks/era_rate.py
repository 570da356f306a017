"""Rates of an era as they are kept in its row."""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row

from services.sensors.store.miniseed.codec import stated_rate
from services.sensors.store.timing import Rates
from services.sensors.timing.rate_epochs import Epoch
from services.sensors.timing.rates import Rate

_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(list[tuple[int, float]]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class EraRate:
    """`rate`: of its first two hours, held until the first of the `epochs`."""

    stated_hz: float
    rate: Rate
    epochs: tuple[Epoch, ...] = ()

    @classmethod
    def of_row(cls, row: Row[Any]) -> "EraRate":
        epochs = () if row.epochs is None else _decode(row.epochs)
        return cls(
            stated_hz=row.stated_hz,
            rate=Rate(device_hz=row.device_hz, true_hz=row.true_hz),
            epochs=tuple(Epoch(from_ns=from_ns, true_hz=true_hz) for from_ns, true_hz in epochs),
        )

    @property
    def rates(self) -> Rates:
        changes = tuple((epoch.from_ns, stated_rate(epoch.true_hz)) for epoch in self.epochs)
        return Rates(first_hz=stated_rate(self.rate.true_hz), changes=changes)

    def values(self) -> dict[str, Any]:
        epochs = [(epoch.from_ns, epoch.true_hz) for epoch in self.epochs]
        return {
            "stated_hz": self.stated_hz,
            "device_hz": self.rate.device_hz,
            "true_hz": self.rate.true_hz,
            "epochs": _encode(epochs).decode() if epochs else None,
        }
