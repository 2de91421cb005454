"""A damaged file of letters: what can be read of it goes on, the file is kept, and a death in between costs nothing."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faas.inbox.damage import files_set_aside, is_damage, open_letters
from faas.inbox.letters import Choice, Letter, Letters

MAX_BYTES = 100_000_000
COUNT = 400


def letter(number: int) -> Letter:
    return Letter(1000 * number, "default", "on-order", "", f"id-{number}", "order", b'{"n":"%s"}' % (b"x" * 900))


def filled(folder: Path, count: int = COUNT) -> Path:
    path = folder / "letters.db"
    with closing(open_letters(path, MAX_BYTES)) as letters:
        letters.add([[letter(number)] for number in range(count)])
    return path


def kept_in(letters: Letters) -> list[Letter]:
    return letters.oldest(Choice(), 10_000, until=letters.last_sequence())


def numbers(letters: Letters) -> list[int]:
    return [int(each.id.removeprefix("id-")) for each in kept_in(letters)]


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size * 3 // 5 // 4096 * 4096)


def truncate_within_a_page(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 100)


def spoil_the_middle(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(os.urandom(8 * 4096))


@pytest.mark.parametrize(
    ("spoil", "saved"),
    [
        pytest.param(truncate, 150, id="truncated"),
        pytest.param(truncate_within_a_page, 150, id="truncated within a page"),
        pytest.param(spoil_the_middle, 300, id="garbage in the middle"),
        pytest.param(lambda path: path.write_bytes(b"garbage" * 10_000), 0, id="garbage"),
        pytest.param(lambda path: path.write_bytes(b""), 0, id="empty"),
    ],
)
def test_what_can_be_read_of_a_damaged_file_is_in_the_one_begun_anew(
    tmp_path: Path, spoil: Callable[[Path], object], saved: int
) -> None:
    path = filled(tmp_path)
    spoil(path)

    with closing(open_letters(path, MAX_BYTES, check=True)) as letters:
        kept = numbers(letters)
        assert [each.sequence for each in kept_in(letters)] == [number + 1 for number in kept]
        assert letters.add([[letter(COUNT)]]) == [None]
        assert numbers(letters) == [*kept, COUNT]

    (aside,) = files_set_aside(path)
    assert saved <= len(kept) < COUNT
    assert aside.saved == len(kept)
    assert Path(aside.file).stat().st_size == aside.size_bytes
    assert aside.reason


def test_a_file_that_is_whole_stays(tmp_path: Path) -> None:
    path = filled(tmp_path)

    with closing(open_letters(path, MAX_BYTES, check=True)) as letters:
        assert len(numbers(letters)) == COUNT
    assert files_set_aside(path) == []


def test_a_death_before_the_exchange_finds_the_damaged_file_again(tmp_path: Path) -> None:
    path = filled(tmp_path)
    truncate(path)
    path.with_name("letters.db.anew").write_bytes(b"half of it")

    with closing(open_letters(path, MAX_BYTES, check=True)) as letters:
        assert len(numbers(letters)) > 100
    assert len(files_set_aside(path)) == 1


def test_a_death_within_the_exchange_goes_on_with_the_other_file(tmp_path: Path) -> None:
    path = filled(tmp_path)
    anew = path.with_name("letters.db.anew")
    path.rename(anew)
    path.with_name("letters.db-wal").write_bytes(b"of the damaged one")

    with closing(open_letters(path, MAX_BYTES, check=True)) as letters:
        assert len(numbers(letters)) == COUNT
    assert not anew.exists()


@settings(max_examples=30, deadline=None)
@given(position=st.integers(0, 2**30), garbage=st.binary(min_size=1, max_size=9000))
def test_whatever_is_written_into_it_letters_are_taken_afterwards(
    tmp_path_factory: pytest.TempPathFactory, position: int, garbage: bytes
) -> None:
    path = filled(tmp_path_factory.mktemp("letters"), 60)
    with path.open("r+b") as file:
        file.seek(position % path.stat().st_size)
        file.write(garbage)

    with closing(open_letters(path, MAX_BYTES, check=True)) as letters:
        damage = trouble_with(letters)
    with closing(open_letters(path, MAX_BYTES, damaged=damage)) as letters:  # found when it is in the way
        letters.add([[letter(1000)]])
        assert "id-1000" in {each.id for each in kept_in(letters)}  # what was in the others may be anything


def trouble_with(letters: Letters) -> str:
    """What SQLite finds to be damaged where a check has found nothing; "" when nothing is."""
    try:
        letters.add([[letter(1001)]])
        kept_in(letters)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return str(error)
    return ""
