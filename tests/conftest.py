"""Shared factories. Shapes and types of public arrays are checked at run time in every test."""

import gc
import os
import signal

import jaxtyping

jaxtyping.install_import_hook("hanet", "beartype.beartype")

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402

# Tests compare bits, also of what they start: no training measures how many threads pay.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell starts what is in its background deaf to interrupts, and what tests start would be deaf too.
signal.signal(signal.SIGINT, signal.default_int_handler)
# A quarter of the time of importing PyTorch, MLflow and Prefect goes into the search for cycles of objects.
THRESHOLDS = gc.get_threshold()
gc.set_threshold(50_000, 20, 100)
# A busy machine is no fault of the code.
hypothesis.settings.register_profile("hanet", deadline=None)
hypothesis.settings.load_profile("hanet")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of the slowest tests first, so that none runs alone while other workers have nothing."""

    def minutes(item: pytest.Item) -> float:
        marker = item.get_closest_marker("slow")
        return 0.0 if marker is None else marker.kwargs.get("minutes", 1.0)

    items.sort(key=minutes, reverse=True)


def pytest_collection_finish() -> None:
    """Collect garbage as usual from now on, without looking at what imports and collection made."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


@pytest.fixture
def rng() -> np.random.Generator:
    """A fixed generator."""
    return np.random.default_rng(4321)


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run-time type checks off, as for users: so that a value of a wrong type reaches our own refusal."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
