"""Names of images and videos: which frame of which video an image is, and which names mean the same video.

A number at the end of an image's name is its frame, but not every such number: times, dates and hashes are
refused, because a track over frame numbers 101559 and 101600 would have a gap that the video has not.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from hanet.formats.base import FormatError

MAX_FRAME = 10_000_000
"""Frame numbers from here on are times or identifiers: at 100 frames per second a day has 8.64 million."""
_NUMBERED = re.compile(r"(.*?)[_\-. ]?(\d+)")
_HASH = re.compile(
    r"(?:.*[^0-9a-z])?(?:(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
    re.IGNORECASE,
)
_DATE = r"(?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3])[-_.:h]?[0-5]\d"
_DATED = re.compile(rf"(?:.*\D)?{_DATE}\D{{0,2}}")
_TO_THE_MINUTE = re.compile(rf"(?:.*\D)?(?:{_DATE}\D{{0,2}})?{_CLOCK}")
_DATED_TO_THE_MINUTE = re.compile(rf"(?:.*\D)?{_DATE}\D{{0,2}}{_CLOCK}")
_TO_THE_SECOND = re.compile(rf"(?:.*\D)?(?:{_DATE}\D{{0,2}}{_CLOCK}[-_.:m]?[0-5]\d|1\d{{9}})")
_SECOND_OF_DAY = re.compile(r"(?:0[1-9]|1\d|2[0-3])[0-5]\d[0-5]\d")
_WORDS_FOR_IMAGE = ("frame", "frames", "image", "images", "img", "im", "pic", "photo", "color", "rgb")
_RENAME = (
    "rename the images to <video>_<frame number>, or give --frames order if they are consecutive frames "
    "in the order of the file"
)
_ENDINGS = re.compile(
    r"\.(?:jpe?g|png|bmp|tiff?|webp|gif|mp4|avi|mov|mkv|webm|m4v|mpe?g|json|txt)$", re.IGNORECASE
)


def without_ending(name: str) -> str:
    """The name without an image's or a video's ending; ``cam01.0000`` keeps its number."""
    return _ENDINGS.sub("", name)


def parts(name: str) -> tuple[str, ...]:
    """Folders and name, whatever the system: ``C:\\a\\b`` is ``a``, ``b``."""
    path = PurePosixPath(re.sub(r"^[A-Za-z]:", "", name.replace("\\", "/")))
    return tuple(part for part in path.parts if part not in ("/", "."))


def split(image: str) -> tuple[str, str, str] | None:
    """(folder, what stands before the number, number) of an image; None where the name ends in no number."""
    match = _NUMBERED.fullmatch(_stem(image))
    return None if match is None else ("/".join(parts(image)[:-1]), match[1], match[2])


def _stem(image: str) -> str:
    return without_ending((parts(image) or ("",))[-1])


def _not_frames(found: Sequence[tuple[str, str, str]]) -> str | None:
    """What the numbers of a folder's images are if not frames; None if they may be frames.

    Args:
        found: (name without ending, what stands before the number, number as written) of each image.
    """
    stems, prefixes, numbers = ([row[i] for row in found] for i in range(3))
    several = len(set(prefixes)) > 1
    if sum(_HASH.fullmatch(stem) is not None for stem in stems) * 2 > len(stems):
        return "a hash"
    if any(int(number) >= MAX_FRAME for number in numbers):
        return f"a number of {MAX_FRAME} or more"
    if all(re.fullmatch(rf"(?:.*\D)?{_DATE}", stem) for stem in stems):
        return "a date"
    if all(map(_SECOND_OF_DAY.fullmatch, numbers)):
        steps = set(map(int, numbers))
        if all(map(_DATED.fullmatch, prefixes)) or any(n % 100 == 59 and n + 41 in steps for n in steps):
            return "a time"
    to_the_minute = _TO_THE_MINUTE if several else _DATED_TO_THE_MINUTE
    if all(map(to_the_minute.fullmatch, prefixes)) and all(re.fullmatch(r"[0-5]\d", n) for n in numbers):
        return "a time"
    if several and all(map(_TO_THE_SECOND.fullmatch, prefixes)):
        return "a time"
    if not several and _are_milliseconds(sorted(set(map(int, numbers)))):
        return "a time in milliseconds"
    if len(set(prefixes)) > 3 and len(found) < 2 * len(set(prefixes)):
        return "a number after names that differ from image to image"
    return None


def _are_milliseconds(numbers: Sequence[int]) -> bool:
    """Whether rising numbers are times: steps of 33, 33, 34 ms, where every third frame has 3, 3, 3."""
    steps = [b - a for a, b in itertools.pairwise(numbers)]
    if len(steps) < 4:
        return False
    usual = sorted(steps)[len(steps) // 2]
    close = [step for step in steps if abs(step - usual) <= 1]
    uneven = sum(step != usual for step in close)
    return usual >= 8 and uneven >= 2 and len(close) >= 0.8 * len(steps)


def number_images(
    images: Iterable[tuple[str, str]], *, default: str, order: bool = False
) -> dict[str, tuple[str, int]]:
    """Video and frame of each image by its name.

    The video is the folder, or the folder and what stands before the number where a folder holds several of
    these, or without a folder what stands before the number, or `default`. Before the number, words for
    "image" name no video.

    Args:
        images: (name, place in the file for messages); a name may come several times.
        default: the video of images whose names are bare numbers.
        order: True numbers the images of each folder from 0 on in their order here.

    Raises:
        FormatError: a name without frame number, one whose number is a time or a hash, or two images of the
            same frame.
    """
    places = dict(images)
    if order:
        return _by_order(places, default)
    found: dict[str, tuple[str, str, int]] = {}
    folders: dict[str, list[tuple[str, str, str]]] = {}
    first: dict[str, str] = {}
    for image, where in places.items():
        taken = split(image)
        if taken is None:
            reason = "a hash" if _HASH.fullmatch(_stem(image)) else "no frame number"
            raise FormatError(f"{where}: {image!r} ends in {reason}; {_RENAME}")
        folder, prefix, number = taken
        found[image] = (folder, prefix, int(number))
        folders.setdefault(folder, []).append((_stem(image), prefix, number))
        first.setdefault(folder, image)
    for folder, names in folders.items():
        if (reason := _not_frames(names)) is not None:
            image = first[folder]
            raise FormatError(f"{places[image]}: {image!r} ends in {reason}; {_RENAME}")
    prefixes = {folder: {prefix for _, prefix, _ in names} for folder, names in folders.items()}
    result: dict[str, tuple[str, int]] = {}
    taken_by: dict[tuple[str, int], str] = {}
    for image, (folder, prefix, frame) in found.items():
        if folder:
            video = folder if len(prefixes[folder]) == 1 else f"{folder}/{prefix}"
        else:
            video = "" if prefix.lower() in _WORDS_FOR_IMAGE else prefix
        place = (video or default, frame)
        if taken_by.setdefault(place, image) != image:
            raise FormatError(
                f"{places[image]}: {image} and {taken_by[place]} are both frame {frame} of {place[0]}; give "
                "each video its own folder"
            )
        result[image] = place
    return result


def _by_order(places: Mapping[str, str], default: str) -> dict[str, tuple[str, int]]:
    counts: dict[str, int] = {}
    result = {}
    for image in places:
        video = "/".join(parts(image)[:-1]) or default
        result[image] = (video, counts.get(video, 0))
        counts[video] = counts.get(video, 0) + 1
    return result


def match_videos(wanted: Sequence[str], found: Sequence[str]) -> dict[str, str]:
    """For each of the `found` names that means a video of `wanted`, that video's name.

    Names mean the same if they are equal or one ends in the other, folder by folder: ``images/val/walk``,
    ``C:\\data\\walk`` and ``walk.mp4`` are ``walk``. Of several the one with most folders in common is taken.

    Raises:
        ValueError: two wanted videos fit a found one equally well, or two found ones the same wanted one.
    """
    exact = set(wanted) & set(found)
    result = {name: name for name in exact}
    keys = {name: _key(name) for name in wanted if name not in exact}
    for name in dict.fromkeys(found):
        if name in exact:
            continue
        key = _key(name)
        shared = {w: n for w, k in keys.items() if (n := _common(k, key)) == min(len(k), len(key)) and n}
        best = [w for w, n in shared.items() if n == max(shared.values())]
        if len(best) > 1:
            raise ValueError(
                f"video {name!r} of the files may be {' or '.join(best)}; name files and images as the data "
                "set names its sequences"
            )
        if best:
            result[name] = best[0]
    for video in set(result.values()):
        names = [name for name, other in result.items() if other == video]
        if len(names) > 1:
            raise ValueError(
                f"videos {' and '.join(sorted(names))} of the files may both be {video}; give one's files"
            )
    return result


def _key(name: str) -> tuple[str, ...]:
    *folders, last = parts(name) or ("",)
    return (*folders, without_ending(last))


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    """Number of equal parts from the end."""
    count = 0
    for x, y in zip(reversed(a), reversed(b), strict=False):
        if x != y:
            break
        count += 1
    return count


def default_video(path: Path) -> str:
    """The name of a video that its file does not name: the file's, without ending."""
    return without_ending(path.name)
