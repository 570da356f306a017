"""Record on the start page: `python ops/draw_seismogram.py` draws the earthquake that ObsPy ships, as an SVG path.

Run by hand; each column has the least and the most of its samples, so that no peak is lost.
"""

from pathlib import Path

import numpy as np
import obspy

TARGET = Path(__file__).parents[1] / "services/keys/console/templates/public/seismogram.svg"
_COLUMNS, _STEP, _HALF_HEIGHT = 260, 4, 76


def main() -> None:
    trace = obspy.read().select(channel="EHZ")[0].detrend("demean")
    columns = np.array_split(trace.data, _COLUMNS)
    scale = _HALF_HEIGHT / np.abs(trace.data).max()
    points = [
        (column * _STEP + part * _STEP // 2, round(_HALF_HEIGHT - value * scale))
        for column, samples in enumerate(columns)
        for part, value in enumerate((samples.min(), samples.max()))
    ]
    path = "M" + " ".join(f"{x} {y}" for x, y in points)
    box = f"0 -2 {_COLUMNS * _STEP} {2 * _HALF_HEIGHT + 4}"
    TARGET.write_text(f'<svg viewBox="{box}" aria-hidden="true" focusable="false"><path d="{path}"/></svg>\n')


if __name__ == "__main__":
    main()
