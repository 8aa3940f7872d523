"""Hashes of the ready pairs: defaults of options, so stages see them resolved."""

from __future__ import annotations

PAIRS_SHA256 = {
    "m01.npz": "f6dc85ba97ce79faebadb609fa3744520417e64824fc05e11f218f6a71fce678",
    "m02.npz": "dbe67a869bf42d2b9b51cacd9fcf15a4923259c2b0e063fd124b074dc27f0758",
    "m03.npz": "148a68924397356d68265362f35bee6c5f17c4b83f6d2ffbc8fc115e98489e7d",
    "m04.npz": "3a75b0dc02e069bf69dbfd5c8b493635bbaf7fa26cc8c026c0f159821805672a",
    "m05.npz": "fa585d3c36d6d9a201901ba58e2d90da9d868af8361ed0cfa37ce9f4ac413ef5",
    "m06.npz": "9ffa411dbc44649c4a681e45d573744b2c250c3a5cf6e9da520c1bec8acec9ed",
    "m07.npz": "b6c791be9fcc130ea101ab15bfa0c2e4df45b6353db4f4e39acf8b30ca8f39f8",
    "m08.npz": "8daed16f8d56e2b7f88e6a2897011ec17a497aeb08fd8e5f486129bcf0f67e3f",
    "m09.npz": "7d7c5e80dabd37bad8056bbd0d17cf7a5ab7913ee35fe92b46837aae8fc5d21b",
    "m10.npz": "e64c155e5d80414c8c7e947cd2d8d144dcf5512db447771b4bd58af298095db2",
}
"""SHA-256 of each file of the ready pairs."""
