"""One file, two homes: the repository's faas/__init__.py is the runtime wheel's."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_facade_is_the_same_in_both_places() -> None:
    for name in ("__init__.py", "py.typed", "testing.py"):
        assert (ROOT / "faas" / name).read_bytes() == (ROOT / "runtime/facade/faas" / name).read_bytes()
