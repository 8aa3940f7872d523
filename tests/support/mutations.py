"""Damage to files, from a generator with a fixed seed: the same seed gives the same damage."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable
from copy import deepcopy
from typing import Any

Mutation = Callable[[random.Random, bytes], bytes]

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 4 * 10**18, 10**400, -0.0, 1e-300, 1e300, 1e12),
    *(float("nan"), float("inf"), float("-inf"), "", "text", "../../x", "\x00", "\ud800", "é" * 300),
    *([], {}, [[]], [None], {"": 0}, [1, 2, 3], ["a"] * 50),
)
"""What stands in the place of a value of JSON or YAML."""
_DTYPES = (b"<f4", b"<f8", b"<i8", b"|b1", b"<c8", b"|O", b"<U9", b"|S3", b"<M8", b">f2", b"|V8", b"<f9")
_ST_DTYPES = (b"F32", b"F64", b"F16", b"BF16", b"I64", b"I8", b"BOOL", b"U8", b"F8_E4M3", b"XYZ")


def flip_bit(data: bytes, bit: int) -> bytes:
    """One bit flipped."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def flip_bits(rng: random.Random, data: bytes) -> bytes:
    """One to four bits flipped."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        bit = rng.randrange(8 * len(changed))
        changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def truncate(rng: random.Random, data: bytes) -> bytes:
    """Cut off somewhere."""
    return data[: rng.randrange(len(data))]


def overwrite(rng: random.Random, data: bytes) -> bytes:
    """A block of equal or random bytes."""
    start, length = rng.randrange(len(data)), rng.choice((1, 4, 8, 64, 512))
    block = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))
    return data[:start] + block + data[start + length :]


def repeat_block(rng: random.Random, data: bytes) -> bytes:
    """A block that comes twice."""
    start = rng.randrange(len(data))
    stop = min(len(data), start + rng.choice((1, 8, 100, 4096)))
    return data[:stop] + data[start:stop] + data[stop:]


def drop_block(rng: random.Random, data: bytes) -> bytes:
    """A block that is missing."""
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.choice((1, 8, 100, 4096)) :]


def odd_size(rng: random.Random, data: bytes) -> bytes:
    """A four- or eight-byte number that is very large or negative."""
    start = rng.randrange(len(data))
    value = rng.choice((struct.pack("<q", 4 * 10**18), struct.pack("<i", -1), struct.pack("<I", 2**31)))
    return data[:start] + value + data[start + len(value) :]


def swap_dtype(rng: random.Random, data: bytes) -> bytes:
    """Another dtype in a header of NumPy or safetensors; flipped bits where there is none."""
    for names in (_DTYPES, _ST_DTYPES):
        there = [name for name in names if name in data]
        if there:
            return data.replace(rng.choice(there), rng.choice(names), 1)
    return flip_bits(rng, data)


def odd_digit(rng: random.Random, data: bytes) -> bytes:
    """A digit of text that is another, a sign, or many."""
    places = [i for i, byte in enumerate(data[:100_000]) if 48 <= byte <= 57]
    if not places:
        return overwrite(rng, data)
    place = rng.choice(places)
    return data[:place] + rng.choice((b"9", b"-", b"e9", b"nan", b"9" * 30, b".", b" ")) + data[place + 1 :]


BYTES: tuple[Mutation, ...] = (
    *(flip_bits, flip_bits, truncate, overwrite, repeat_block, drop_block, odd_size, swap_dtype, odd_digit),
)


def edit_tree(rng: random.Random, tree: Any) -> Any:
    """A document of JSON or YAML with one or two entries changed, removed, repeated or moved."""
    tree = json.loads(json.dumps(tree))
    for _ in range(rng.randint(1, 2)):
        holder, key = _place(rng, tree)
        if holder is None:
            return _odd_value(rng)
        match rng.randrange(5):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[f"{key}x"] = holder.pop(key)
            case 2 if isinstance(holder, list):
                holder.insert(key, holder[key])
            case 3:
                other, place = _place(rng, tree)
                holder[key] = json.loads(json.dumps(other[place] if other else tree))
            case _:
                holder[key] = _odd_value(rng)
    return tree


def _odd_value(rng: random.Random) -> Any:
    """One of `ODD_VALUES`, which later edits may change without changing these."""
    return deepcopy(rng.choice(ODD_VALUES))


def edit_json(rng: random.Random, data: bytes) -> bytes:
    """`edit_tree` of a JSON document, or of one of its lines; sometimes nested very deeply."""
    if rng.random() < 0.02:
        return rng.choice((b"[" * 100_000, b'{"a":' * 100_000, b"null", b"[]", b"{}", b"1e999", b""))
    lines = data.split(b"\n") if data.count(b"\n{") else [data]
    number = rng.randrange(len(lines))
    try:
        tree = json.loads(lines[number])
    except ValueError:
        return flip_bits(rng, data)
    lines[number] = json.dumps(edit_tree(rng, tree)).encode("utf-8", "surrogatepass")
    return b"\n".join(lines)


def edit_safetensors(rng: random.Random, data: bytes) -> bytes:
    """A safetensors file whose header is edited, its length put right or not."""
    size = int.from_bytes(data[:8], "little")
    header = edit_json(rng, data[8 : 8 + size])
    length = len(header) if rng.random() < 0.8 else rng.choice((0, size, 2**40, 2**63))
    return length.to_bytes(8, "little") + header + data[8 + size :]


def _place(rng: random.Random, tree: Any) -> tuple[Any, Any]:
    """A container in a document and a key in it; None where the document is no container with an entry."""
    holder, key, node = None, None, tree
    while isinstance(node, dict | list) and node:
        holder = node
        key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        node = holder[key]
        if rng.random() < 0.25:
            break
    return holder, key
