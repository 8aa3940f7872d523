"""What COCO's results and AlphaPose's have in common: a list of entries, one per person and image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hanet.formats.base import FormatError, ReadOptions
from hanet.formats.documents import Document
from hanet.formats.image_names import MAX_FRAME, number_images, parts, split
from hanet.formats.keypoint_sets import choose
from hanet.formats.linking import Person, Video
from hanet.formats.people import Addition
from hanet.poses.skeletons import Skeleton

ImageId = str | int
_SUFFIX = "_keypoints"
"""What OpenPose puts behind the frame number."""
IMAGE_NAME = re.compile(r".*\.(?:jpe?g|png|bmp|tiff?|webp)", re.IGNORECASE)
"""An image's name with ending, as AlphaPose writes it; Ultralytics leaves the ending out."""


def places_of(
    ids: Iterable[tuple[ImageId, str]], *, default: str, order: bool, remedy: str
) -> dict[ImageId, tuple[str, int]]:
    """Video and frame of each image: a name is taken apart, a number is the frame of `default`.

    Args:
        ids: (image id, place in the file for messages).
        default: the video where the id does not name it.
        order: True numbers the images in their order.
        remedy: what to do about a number that is no frame.

    Raises:
        FormatError: as `number_images`; a negative number, one beyond any frame, or names and numbers mixed.
    """
    found = dict(ids)
    if order:
        return {image: (default, frame) for frame, image in enumerate(found)}
    for image, where in found.items():
        if isinstance(image, int) and not 0 <= image < MAX_FRAME:
            raise FormatError(
                f"{where}: image_id {image} is no frame number, expected 0 to {MAX_FRAME - 1}; {remedy}"
            )
    names = {str(image): where for image, where in found.items()}
    if len(names) < len(found):
        twice = next(image for image in found if isinstance(image, int) and str(image) in found)
        raise FormatError(f"{found[twice]}: image_id {twice} comes as a number and as text; {remedy}")
    numbered = number_images(names.items(), default=default)
    return {image: numbered[str(image)] for image in found}


def places_of_files(
    path: Path, documents: Mapping[str, Document], options: ReadOptions
) -> dict[str, tuple[str, int]]:
    """Video and frame of each file of a folder by its name; a single file is frame 0.

    Raises:
        FormatError: as `number_images`.
    """
    if "" in documents:
        return {"": (options.name or path.stem.removesuffix(_SUFFIX), 0)}
    images = {name: name.removesuffix(Path(name).suffix).removesuffix(_SUFFIX) for name in documents}
    numbered = number_images(
        ((image, str(documents[name].path)) for name, image in images.items()),
        default=options.name or path.absolute().name,
        order=options.frames == "order",
    )
    return {name: numbered[image] for name, image in images.items()}


def place_people(
    videos: dict[str, Video],
    people: Sequence[tuple[ImageId, Person]],
    places: Mapping[ImageId, tuple[str, int]],
    size: tuple[int, int] | None,
) -> None:
    """Add people to their videos, which are made where they are not there yet."""
    for image, person in people:
        video, frame = places[image]
        videos.setdefault(video, Video(video, size)).add(frame, person)


def common_set(
    videos: Iterable[Video],
    sets: dict[int, tuple[Skeleton, ...]],
    options: ReadOptions,
    notes: list[str],
) -> Skeleton:
    """The set of keypoints of all people, see `hanet.formats.keypoint_sets.choose`.

    Raises:
        FormatError: people with different counts of keypoints, or as `choose`.
    """
    people = [person for video in videos for person in video.people]
    if not people:
        notes.append("nobody in any frame")
        return next(iter(sets.values()))[0]
    counts = {len(person.keypoints): person for person in reversed(people)}
    if len(counts) > 1:
        first = people[0]
        other = next(p for p in people if len(p.keypoints) != len(first.keypoints))
        raise FormatError(
            f"{other.where}: {len(other.keypoints)} keypoints, expected {len(first.keypoints)} as in "
            f"{first.where}; give a file for each set of keypoints"
        )
    skeleton, note = choose(
        [person.known for person in people],
        len(people[0].keypoints),
        sets=sets,
        asked=options.skeleton,
        where=people[0].where,
    )
    if note:
        notes.append(note)
    return skeleton


def image_for(like: ImageId, frame: int) -> ImageId | None:
    """The id of another frame's image, named like this one; None where this one has no number."""
    if isinstance(like, int):
        return frame
    taken = split(like)
    if taken is None:
        return None
    name = parts(like)[-1]
    start = like.rindex(name)
    head, number, tail = re.fullmatch(rf"(.*?)({taken[2]})(\D.*)?", name).groups("")  # type: ignore[union-attr]
    width = len(number) if number.startswith("0") else 0
    return f"{like[:start]}{head}{frame:0{width}}{tail}"


def add_to_list(entries: list[Any], addition: Addition, *, index: int, image: ImageId) -> None:
    """Put the person's entry behind that of the track's last detection, with no score and a box of its own.

    Args:
        entries: the list in the document.
        addition: the person.
        index: of the last detection's entry.
        image: id of the frame's image.
    """
    entry = addition.entry
    entry["image_id"] = image
    if "score" in entry:
        entry["score"] = 0.0
    low, high = np.nanmin(addition.values, axis=0), np.nanmax(addition.values, axis=0)
    for key in ("box", "bbox"):
        if entry.get(key):
            entry[key] = [*low.tolist(), *(high - low).tolist()]
    if isinstance(entry.get("id"), int):
        entry["id"] = 1 + max(
            e["id"] for e in entries if isinstance(e, dict) and isinstance(e.get("id"), int)
        )
    entries.insert(index + 1, entry)
