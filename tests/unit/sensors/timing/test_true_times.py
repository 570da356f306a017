"""A simulated device's records get the era of their clock's setting, and times that are true within what is stated."""

import random
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest

from services.sensors.timing.eras import assign
from services.sensors.timing.hull import PIECE_NS, End, Piece, lowered, merged, piece_number, piece_of
from services.sensors.timing.line import line
from services.sensors.timing.rates import rate, spacing_hz
from tests.device_simulator import Device, Sent, outages, simulate

BATCH = 512
LINE_PIECES = 64


class Replay:
    """Eras as arrival keeps them: `of` each record, and their pieces."""

    def __init__(self, sent: Sequence[Sent]) -> None:
        self.pieces: dict[int, dict[int, Piece]] = {}
        self.of: dict[tuple[int, int], set[int]] = defaultdict(set)
        held: list[Sent] = []
        for first in range(0, len(sent), BATCH):
            batch = [*held, *sent[first : first + BATCH]]
            assigned = assign(
                self.pieces,
                [one.record.point for one in batch],
                newest=max(self.pieces, default=0),
                due=range(len(batch)) if first + BATCH >= len(sent) else (),
            )
            held = []
            for one, era in zip(batch, assigned.eras, strict=True):
                if era is None:
                    held.append(one)
                else:
                    self._add(one, era)

    def _add(self, one: Sent, era: int) -> None:
        number, of_era = piece_number(one.record.device_ns), self.pieces.setdefault(era, {})
        if era in self.of[one.setting, one.record.device_ns]:
            of_era[number] = lowered(of_era[number], one.record.point)
        else:
            of_era[number] = merged(
                of_era.get(number), piece_of(one.record.device_ns, one.record.cloud_ns, one.record.count)
            )
        self.of[one.setting, one.record.device_ns].add(era)


@pytest.mark.parametrize(("seed", "jitter", "shuffled"), [(1, 0.05, False), (2, 0.5, True), (3, 2.0, False)])
def test_each_setting_is_an_era_and_each_time_is_within_its_uncertainty(
    seed: int, jitter: float, shuffled: bool
) -> None:
    draw = random.Random(seed)
    device = Device(
        seed=seed,
        hours=4.5,
        jitter=jitter,
        ppm=draw.uniform(-100, 100),
        wander_ppm=3,
        outages=outages(draw, 4.5, 4),
        settings=[(draw.uniform(7500, 8500), draw.choice((-1, 1)) * draw.uniform(60, 3600))],
        repeated=0.02,
        missing=0.005,
    )
    simulation = simulate(device)
    sent = list(simulation.sent)
    if shuffled:
        draw.shuffle(sent)
    replay = Replay(sent)
    eras = {
        setting: {era for (of, _), found in replay.of.items() if of == setting for era in found} for setting in (0, 1)
    }
    assert [len(found) for found in eras.values()] == [1, 1]
    assert eras[0] != eras[1]
    for setting, (era,) in eras.items():
        truth = sorted((ns, one.true_ns) for (of, ns), one in simulation.distinct.items() if of == setting)
        device_ns, true_ns = np.array(truth, dtype=np.int64).T
        for block in np.unique(device_ns // (PIECE_NS * LINE_PIECES)).tolist():
            drawn = line(replay.pieces[era], block * LINE_PIECES, (block + 1) * LINE_PIECES - 1)
            inside = device_ns // (PIECE_NS * LINE_PIECES) == block
            error_ns = drawn.true_ns(device_ns[inside]) - true_ns[inside] - round(device.least_delay * 1e9)
            assert np.abs(error_ns).max() <= drawn.uncertainty_ns <= 16_000_000
        spacing = spacing_hz((End(ns, 32) for ns, _ in truth), 31.25)
        assert spacing
        measured = rate(replay.pieces[era], spacing)
        assert measured.device_hz == pytest.approx(device.device_hz, rel=1e-6)
        true_hz = device.device_hz / (1 + device.ppm * 1e-6)
        assert measured.true_hz == pytest.approx(true_hz, rel=4e-6)
