from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from faas.sources.ledger import Ledger


def test_what_was_recorded_is_there_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "seen")
    ledger.record("a", "1")
    ledger.record("b")
    ledger.forget("a")
    ledger.record("c", "ä\n")
    again = Ledger(tmp_path, "seen")  # the first was never closed: as after kill -9
    assert dict(again) == {"b": "", "c": "ä\n"}
    ledger.close()
    again.close()


def test_the_oldest_leave_first(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "seen", limit=2)
    for key in ("a", "b", "a", "c"):
        ledger.record(key)
    assert list(ledger) == ["a", "c"]
    ledger.close()
    again = Ledger(tmp_path, "seen", limit=1)
    assert list(again) == ["c"]
    again.close()


def test_a_record_that_a_crash_cut_off_is_left_out(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "seen")
    ledger.record("a")
    ledger.record("b")
    ledger.close()
    file = tmp_path / "seen.jsonl"
    os.truncate(file, file.stat().st_size - 4)
    again = Ledger(tmp_path, "seen")
    again.record("c")
    assert list(again) == ["a", "c"]
    again.close()
    last = Ledger(tmp_path, "seen")
    assert list(last) == ["a", "c"]
    last.close()


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "seen", limit=10)
    for number in range(5000):
        ledger.record(str(number % 20))
    assert (tmp_path / "seen.jsonl").stat().st_size < 20_000
    ledger.close()


def test_without_a_folder_it_is_only_remembered() -> None:
    ledger = Ledger(None, "seen")
    ledger.record("a")
    ledger.close()
    assert "a" in ledger


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.one_of(st.none(), st.text(max_size=3)))), st.integers(1, 4))
def test_reading_it_again_gives_the_same_in_the_same_order(steps: list[tuple[str, str | None]], limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder), "seen", limit=limit)
        for key, value in steps:
            if value is None:
                ledger.forget(key)
            else:
                ledger.record(key, value)
        again = Ledger(Path(folder), "seen", limit=limit)
        assert list(again.items()) == list(ledger.items())
        assert len(again) <= limit
        ledger.close()
        again.close()
