"""Shared factories. Shapes and types of public arrays are checked at run time in every test."""

import jaxtyping

jaxtyping.install_import_hook("hanet", "beartype.beartype")

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

# A busy machine is no fault of the code.
hypothesis.settings.register_profile("hanet", deadline=None)
hypothesis.settings.load_profile("hanet")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: else the longest runs alone at the end, where two run at a time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def rng() -> np.random.Generator:
    """A fixed generator."""
    return np.random.default_rng(4321)


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run-time type checks off, as for users: so that a value of a wrong type reaches our own refusal."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
