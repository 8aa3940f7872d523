"""Shared factories. Shapes and types of public arrays are checked at run time in every test."""

from jaxtyping import install_import_hook

install_import_hook("hanet", "beartype.beartype")

import numpy as np  # noqa: E402
import pytest  # noqa: E402


@pytest.fixture
def rng() -> np.random.Generator:
    """A fixed generator."""
    return np.random.default_rng(4321)
