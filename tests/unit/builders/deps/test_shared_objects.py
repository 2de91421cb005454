"""What extensions say of themselves."""

from __future__ import annotations

from pathlib import Path

import msgspec
from faas_builders.deps.shared_objects import SharedObject, read_shared_object
from faas_builders.target import Platform
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.made_distributions import elf


def test_a_real_extension_says_its_machine_and_its_libraries() -> None:
    found = read_shared_object(Path(msgspec._core.__file__))

    assert found is not None
    assert found.architecture == Platform.of_this_machine().architecture
    assert "libc.so.6" in found.needed
    assert found.glibc is not None
    assert (2, 2) <= found.glibc <= (2, 40)


def test_the_newest_of_its_symbols_counts(tmp_path: Path) -> None:
    path = tmp_path / "one.so"
    path.write_bytes(elf("arm64", glibc=(2, 34), needed=("libc.so.6", "libm.so.6")))

    assert read_shared_object(path) == SharedObject("arm64", ("libc.so.6", "libm.so.6"), (2, 34))


def test_a_script_is_none(tmp_path: Path) -> None:
    (tmp_path / "libc.so").write_text("/* GNU ld script */\n")

    assert read_shared_object(tmp_path / "libc.so") is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(cut=st.integers(4, 400), changes=st.lists(st.tuples(st.integers(4, 399), st.integers(0, 255)), max_size=6))
def test_damaged_files_are_no_surprise(tmp_path: Path, cut: int, changes: list[tuple[int, int]]) -> None:
    data = bytearray(elf("amd64", glibc=(2, 17)))
    for place, value in changes:
        data[place % len(data)] = value if place % len(data) >= 4 else data[place % len(data)]
    (tmp_path / "x.so").write_bytes(bytes(data[:cut]))

    assert isinstance(read_shared_object(tmp_path / "x.so"), SharedObject)
