"""The order of a cache's rows: each track's frames rise, and neighbouring frames stand together."""

from __future__ import annotations

from itertools import pairwise

from hanet.cache.table import PoseTable

Key = tuple[str, int]


class RowOrder:
    """Checks row groups one after the other.

    A track may have gaps, and after a gap its rows may follow those of other tracks. Frames that fall, repeat
    or alternate with another track's would be read as many short tracks.
    """

    def __init__(self) -> None:
        self._ends: dict[Key, int] = {}
        self._latest: Key | None = None

    def check(self, group: PoseTable) -> None:
        """Refuse a row group that does not follow on those before.

        Raises:
            ValueError: naming sequence, track and frame.
        """
        offsets = group.offsets.tolist()
        for first, after in pairwise(offsets):
            name, track, start = group.row(first)
            key, end = (name, track), self._ends.get((name, track))
            where = f"{name}, track {track}"
            if start < 0:
                raise ValueError(f"{where}: frame numbers start at 0, got {start}")
            if end is not None and start <= end:
                raise ValueError(f"{where}: frames must rise, got frame {start} after frame {end}")
            if end is not None and start == end + 1 and key != self._latest:
                raise ValueError(
                    f"{where}: frames {end} and {start} must stand together, got rows of other tracks between"
                )
            self._ends[key], self._latest = int(group.frame[after - 1]), key
