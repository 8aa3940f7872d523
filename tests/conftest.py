"""Shared factories. Shapes and types of public arrays are checked at run time in every test."""

import signal

import jaxtyping

jaxtyping.install_import_hook("hanet", "beartype.beartype")

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

# A shell starts what is in its background deaf to interrupts, and what tests start would be deaf too.
signal.signal(signal.SIGINT, signal.default_int_handler)
# A busy machine is no fault of the code.
hypothesis.settings.register_profile("hanet", deadline=None)
hypothesis.settings.load_profile("hanet")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of slow tests first, so that the last one does not run alone while other workers have nothing."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def rng() -> np.random.Generator:
    """A fixed generator."""
    return np.random.default_rng(4321)


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run-time type checks off, as for users: so that a value of a wrong type reaches our own refusal."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
