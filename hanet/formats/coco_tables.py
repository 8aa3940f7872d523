"""COCO's tables: which image is which frame of which video, who is a person, and how keypoints are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, PositiveInt, StrictInt, StrictStr

from hanet.formats.base import FormatError, ReadOptions
from hanet.formats.documents import place
from hanet.formats.entries import ImageId, places_of
from hanet.formats.image_names import default_video, number_images
from hanet.formats.keypoint_sets import WHOLEBODY133, from_names
from hanet.formats.linking import Person
from hanet.poses.skeletons import Skeleton

_REMEDY = "name the images by an annotation file (--images)"
_PEOPLE = ("person", "people", "human", "pedestrian")


class Image(BaseModel):
    id: StrictInt | StrictStr
    file_name: str
    width: PositiveInt | None = None
    height: PositiveInt | None = None


class Category(BaseModel):
    id: StrictInt
    name: str | None = None
    keypoints: list[str] | None = None


class Tables(BaseModel):
    images: list[Image]
    categories: list[Category] = []


def person_categories(used: set[int], tables: Tables | None) -> tuple[set[int], str | None]:
    """The categories of people, and a note if the file does not name them."""
    named = [] if tables is None else tables.categories
    people = {c.id for c in named if (c.name or "").lower() in _PEOPLE}
    if not people:
        with_keypoints = {c.id for c in named if c.keypoints}
        people = with_keypoints if len(with_keypoints) == 1 else set()
    if people & used or not used:
        return people, None
    if len(used) == 1:
        (only,) = used
        return (
            used,
            None if only == 1 else f"category {only}, the only one with keypoints, was taken for people",
        )
    chosen = 1 if 1 in used else min(used)
    return {chosen}, None if chosen == 1 else f"category {chosen} of {len(used)} was taken for people"


def places(
    people: Sequence[tuple[ImageId, Person]],
    path: Path,
    tables: Tables | None,
    tables_path: Path | None,
    options: ReadOptions,
) -> tuple[dict[ImageId, tuple[str, int]], dict[str, tuple[int, int]]]:
    """Video and frame of each image by its id, and the images' size by video."""
    default, order = options.name or default_video(path), options.frames == "order"
    if tables is None or tables_path is None:
        ids = ((image, person.where) for image, person in people)
        return places_of(ids, default=default, order=order, remedy=_REMEDY), {}
    names: dict[ImageId, str] = {}
    at: dict[str, str] = {}
    for i, image in enumerate(tables.images):
        where = place(tables_path, ("images", i))
        if image.id in names:
            raise FormatError(f"{where}: image {image.id} comes twice; number the images in order")
        if image.file_name in at:
            raise FormatError(f"{where}: {image.file_name} comes twice; list each image once")
        names[image.id], at[image.file_name] = image.file_name, where
    numbered = number_images(at.items(), default=default, order=order)
    found = {image: numbered[name] for image, name in names.items()}
    for image, person in people:
        if image not in found:
            raise FormatError(f"{person.where}: image {image} is not in {tables_path}; give its own file")
    return found, _sizes(tables, tables_path, found, options)


def _sizes(
    tables: Tables, path: Path, places: Mapping[ImageId, tuple[str, int]], options: ReadOptions
) -> dict[str, tuple[int, int]]:
    sizes: dict[str, tuple[int, int] | None] = {}
    for i, image in enumerate(tables.images):
        video, _ = places[image.id]
        size = None if image.width is None or image.height is None else (image.width, image.height)
        if sizes.setdefault(video, size) != size:
            raise FormatError(
                f"{place(path, ('images', i))}: {image.file_name} is of size {size}, other images of {video} "
                f"are {sizes[video]}; give each video its own folder"
            )
        if options.image_size is not None and size not in (None, options.image_size):
            raise ValueError(
                f"{place(path, ('images', i))}: images are {size[0]}×{size[1]} pixels, --image-size says "
                f"{options.image_size[0]}×{options.image_size[1]}; leave it out"
            )
    return {video: size for video, size in sizes.items() if size is not None}


def named_skeleton(
    people: Sequence[tuple[ImageId, Person]],
    wanted: set[int],
    tables: Tables | None,
    tables_path: Path | None,
    options: ReadOptions,
) -> Skeleton | None:
    """The keypoints that the `wanted` categories name; None where none does and their count has to tell."""
    named = [] if tables is None else [c for c in tables.categories if c.keypoints and c.id in wanted]
    counts = {len(person.keypoints): person for _, person in reversed(people)}
    if options.skeleton is not None or not named:
        return None
    fits = [c for c in named if counts.keys() == {len(c.keypoints or ())}] or named[:1]
    names = fits[0].keypoints or []
    if counts.keys() == {len(WHOLEBODY133)} and len(names) == 17:
        return WHOLEBODY133
    for count, person in counts.items():
        if count != len(names):
            raise FormatError(
                f"{person.where}: {count} keypoints, but {tables_path} names {len(names)}; give its own file"
            )
    try:
        return from_names(names, f"coco-{fits[0].name or fits[0].id}")
    except ValueError as error:
        raise FormatError(f"{tables_path}, entry categories: {error}") from None
