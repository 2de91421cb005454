"""The letters themselves: what is chosen, in which order, and how much there may be."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.inbox.letters import Choice, Letter, Letters, StoreFull


def letter(number: int, broker: str = "default", trigger: str = "on-order", type: str = "order") -> Letter:
    return Letter(1000 * number, broker, trigger, "", f"id-{number}", type, b'{"n":%d}' % number)


@pytest.fixture
def letters(tmp_path: Path) -> Letters:
    return Letters(tmp_path / "letters.db", 1_000_000)


def ids(letters: Letters, choice: Choice = Choice(), newest: int = 10) -> list[str]:
    after = letters.before_newest(choice, newest)
    return [each.id for each in letters.oldest(choice, 10, after=after, until=letters.last_sequence())]


def test_the_newest_come_oldest_first(letters: Letters) -> None:
    letters.add([[letter(1), letter(2)], [letter(3)]])

    assert ids(letters, newest=2) == ["id-2", "id-3"]
    assert letters.count() == 3


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        pytest.param(Choice(broker="default"), ["id-1", "id-2", "id-4"], id="of a broker, and those of none"),
        pytest.param(Choice(trigger="on-order"), ["id-1", "id-3", "id-4"], id="of a trigger"),
        pytest.param(Choice(type="paid"), ["id-2"], id="of a type"),
        pytest.param(Choice(sequences=(1, 3)), ["id-1", "id-3"], id="by number"),
        pytest.param(Choice(until_ms=2500), ["id-1", "id-2"], id="older"),
        pytest.param(Choice(trigger="on-order", id="id-3"), ["id-3"], id="all that is said has to hold"),
    ],
)
def test_letters_are_chosen(letters: Letters, choice: Choice, expected: list[str]) -> None:
    letters.add(
        [[letter(1), letter(2, trigger="on-paid", type="paid"), letter(3, broker="other"), letter(4, broker="")]]
    )

    assert ids(letters, choice) == expected
    assert letters.count(choice) == len(expected)
    assert letters.delete(choice) == len(expected)
    assert letters.count() == 4 - len(expected)


def test_a_group_for_which_there_is_no_room_is_refused_whole_and_others_are_not(tmp_path: Path) -> None:
    letters = Letters(tmp_path / "letters.db", 3 * letter(1).size_bytes)

    outcomes = letters.add([[letter(1), letter(2)], [letter(3), letter(4)], [letter(5)]])

    assert [type(outcome) for outcome in outcomes] == [type(None), StoreFull, type(None)]
    assert ids(letters) == ["id-1", "id-2", "id-5"]


def test_what_was_deleted_makes_room_and_its_number_is_never_given_again(tmp_path: Path) -> None:
    letters = Letters(tmp_path / "letters.db", letter(1).size_bytes)
    letters.add([[letter(1)]])
    letters.delete(Choice(sequences=(1,)))

    assert letters.add([[letter(2)]]) == [None]
    assert letters.last_sequence() == 2


def test_another_start_finds_them_and_knows_their_size(tmp_path: Path) -> None:
    first = Letters(tmp_path / "letters.db", 1_000_000)
    first.add([[letter(1), letter(2)]])
    size_bytes = first.size_bytes
    first.close()

    again = Letters(tmp_path / "letters.db", 1_000_000)

    assert again.size_bytes == size_bytes == 2 * letter(1).size_bytes
    assert again.last_sequence() == 2


@given(st.lists(st.integers(1, 5), max_size=30), st.integers(1, 7))
def test_pages_have_every_letter_once_and_in_order(groups: list[int], page: int) -> None:
    with TemporaryDirectory() as folder, closing(Letters(Path(folder) / "letters.db", 1_000_000)) as letters:
        letters.add([[letter(number) for number in range(size)] for size in groups])
        found: list[int] = []
        until = letters.last_sequence()
        while chunk := letters.oldest(Choice(), page, after=found[-1] if found else 0, until=until):
            found += [each.sequence for each in chunk]
    assert found == list(range(1, sum(groups) + 1))
