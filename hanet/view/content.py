"""What a page holds: coordinates of bounded size, gaps, leaps and confidence of every person.

Axes: T frames, J joints, D coordinates (2 or 3).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np

from hanet.formats.missing import present
from hanet.metrics.gaps import gaps, leaps
from hanet.metrics.smoothness import mean_acceleration
from hanet.poses.bones import drawn_bones
from hanet.poses.sequence import PoseSequence
from hanet.view.people import People, Person, upward

MOST_NUMBERS = 2_000_000
"""Coordinates of a page at most, about 11 MB; of longer files every second, third, … frame is shown."""
MOST_TRACKS = 200
"""Tracks of a page at most: those with most frames."""
_MOST_LEAPS = 20_000


def content(people: People, title: str, *, most_numbers: int = MOST_NUMBERS) -> dict[str, Any]:
    """What `hanet.view.page` writes into a page, as JSON values.

    Arrays are base64 of little-endian float32 (coordinates, NaN where missing) and uint8 (confidence), frames
    by joints by coordinates. Numbers of gaps and leaps count all frames, also where only some are shown.

    Args:
        people: from `hanet.view.people.pair`.
        title: of the page.
        most_numbers: bound of the coordinates.
    """
    notes = list(people.notes)
    chosen = _most_frames(people.each, notes)
    step = _step(chosen, most_numbers)
    if step > 1:
        notes.append(
            f"The page shows every {_ordinal(step)} frame, to stay small; the table and the marks of leaps "
            "count all frames."
        )
    first = chosen[0].raw
    tracks = [_track(person, step) for person in chosen if _rows(person.raw, step)]
    if len(tracks) < len(chosen):
        notes.append(f"{len(chosen) - len(tracks)} tracks without such a frame are left out.")
    return {
        "title": title,
        "fps": people.fps,
        "unit": people.unit,
        "dims": int(first.values.shape[2]),
        "up": upward([person.raw for person in chosen]).tolist() if people.unit == "m" else None,
        "skeleton": first.skeleton.name,
        "joints": list(first.skeleton.joints),
        "joint": _shown_first(chosen[0]),
        "bones": [list(bone) for bone in drawn_bones(first.skeleton)],
        "step": step,
        "notes": notes,
        "refined": any(person.refined is not None for person in chosen),
        "tracks": tracks,
    }


def _shown_first(person: Person) -> int:
    """The joint whose curves are shown first: moved most by the refiner, else known in most frames."""
    raw, refined = person.raw, person.refined
    known = np.asarray(present(raw.values))
    if refined is not None:
        both = known & present(refined.values)
        moved = np.where(both, np.linalg.norm(refined.values - raw.values, axis=2), 0).sum(axis=0)
        if moved.any():
            return int(moved.argmax())
    return int(known.sum(axis=0).argmax())


def _most_frames(people: Sequence[Person], notes: list[str]) -> list[Person]:
    if len(people) <= MOST_TRACKS:
        return list(people)
    notes.append(f"The page shows the {MOST_TRACKS} longest of {len(people)} tracks.")
    longest = sorted(range(len(people)), key=lambda i: -len(people[i].raw))[:MOST_TRACKS]
    return [people[i] for i in sorted(longest)]


def _step(people: Sequence[Person], most: int) -> int:
    numbers = sum(person.raw.values.size * (1 if person.refined is None else 2) for person in people)
    return max(1, ceil(numbers / most))


def _ordinal(step: int) -> str:
    return {2: "second", 3: "third"}.get(step, f"{step}th")


def _rows(track: PoseSequence, step: int) -> range:
    """Rows of the frames whose numbers are multiples of `step`, so that tracks of one video fit together."""
    return range(-track.start % step, len(track), step)


def _track(person: Person, step: int) -> dict[str, Any]:
    raw, refined = person.raw, person.refined
    rows = _rows(raw, step)
    some = slice(rows.start, rows.stop, rows.step)
    leaping = np.argwhere(leaps(raw))[:_MOST_LEAPS]
    return {
        "video": raw.name,
        "number": raw.track,
        "start": raw.start + rows.start,
        "frames": len(rows),
        "size": None if raw.image_size is None else list(raw.image_size),
        "raw": _floats(raw.values[some]),
        "refined": None if refined is None else _floats(refined.values[some]),
        "scores": None if raw.scores is None else _scores(raw.scores[some]),
        "leaps": [[int(raw.start + row), int(joint)] for row, joint in leaping],
        "facts": _facts(raw, refined),
    }


def _facts(raw: PoseSequence, refined: PoseSequence | None) -> dict[str, Any]:
    """Numbers of a person's row in the table; None where there is none."""
    before = gaps(raw)
    known = present(raw.values)
    facts: dict[str, Any] = {
        "frames": len(raw),
        "missing": int((~known).sum()),
        "positions": int(known.size),
        "gaps": before.count,
        "longest": before.longest,
        "never": list(before.never),
        "leaps": before.leaps,
        "acceleration": _number(mean_acceleration(raw)),
    }
    if refined is not None:
        after = present(refined.values)
        moved = np.linalg.norm(refined.values - raw.values, axis=2)[known & after]
        facts |= {
            "filled": int((after & ~known).sum()),
            "left": int((~after).sum()),
            "leaps_after": gaps(refined).leaps,
            "acceleration_after": _number(mean_acceleration(refined)),
            "moved": _number(float(np.median(moved))) if moved.size else None,
        }
    return facts


def _number(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def _floats(values: np.ndarray) -> str:
    with np.errstate(over="ignore"):
        return b64encode(
            np.where(present(values)[..., None], values, np.nan).astype("<f4").tobytes()
        ).decode()


def _scores(scores: np.ndarray) -> str:
    """Confidence from 0 to 255, of scores up to 1; larger ones, of heat maps, are cut at 1."""
    known = np.nan_to_num(np.asarray(scores, dtype=np.float64), nan=0.0, posinf=1.0, neginf=0.0)
    return b64encode(np.round(255 * np.clip(known, 0, 1)).astype(np.uint8).tobytes()).decode()
