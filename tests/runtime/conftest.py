"""Each test declares its own functions; none sees another's."""

from collections.abc import Iterator

import pytest
from faas_runtime.declaring.registry import REGISTRY


@pytest.fixture(autouse=True)
def _own_declarations() -> Iterator[None]:
    before = (dict(REGISTRY.functions), list(REGISTRY.hooks), list(REGISTRY.shadowed))
    REGISTRY.clear()
    yield
    REGISTRY.clear()
    REGISTRY.functions.update(before[0])
    REGISTRY.hooks.extend(before[1])
    REGISTRY.shadowed.extend(before[2])
