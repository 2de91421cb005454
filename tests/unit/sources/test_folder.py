from __future__ import annotations

from pathlib import Path

import pytest

from faas.sources.adapters.files.folder import Found, Mark, Settling, Wanted, look_at, survey

ONE, TWO = Mark(1, 100), Mark(2, 200)


@pytest.mark.parametrize(
    ("patterns", "name", "wanted"),
    [
        ([], "a.txt", True), ([], "deep/a.txt", True), ([], ".a.txt", False), ([], "deep/.a.txt", False),
        (["*.csv"], "a.csv", True), (["*.csv"], "deep/a.csv", True), (["*.csv"], "a.txt", False),
        (["*.csv"], ".a.csv", False), ([".*"], ".a.csv", True), (["in/*.csv"], "in/a.csv", True),
        (["in/*.csv"], "out/a.csv", False), (["*.csv", "*.txt"], "a.txt", True), (["*.CSV"], "a.csv", False),
    ],
)  # fmt: skip
def test_patterns(patterns: list[str], name: str, wanted: bool) -> None:
    assert Wanted(patterns)(name) is wanted


def test_a_file_is_told_once_it_has_been_the_same_for_long_enough() -> None:
    settling = Settling(1.0)
    assert settling.judge({"a": ONE}, {}, now_s=0.0) == []
    assert settling.judge({"a": ONE}, {}, now_s=0.9) == []
    assert settling.judge({"a": TWO}, {}, now_s=1.0) == []  # it still grows
    assert settling.judge({"a": TWO}, {}, now_s=1.9) == []
    assert settling.judge({"a": TWO}, {}, now_s=2.0) == [Found("a", "created", TWO)]
    assert len(settling) == 0


def test_a_known_file_was_modified_or_removed() -> None:
    settling = Settling(0.0)
    known = {"a": str(ONE), "b": str(ONE), "c": str(ONE)}
    settling.judge({"a": TWO}, known, now_s=0.0)
    found = settling.judge({"a": TWO, "b": None, "c": ONE, "never": None}, known, now_s=0.0)
    assert found == [Found("b", "removed", None), Found("a", "modified", TWO)]


def test_a_file_that_is_gone_before_it_settled_was_never_there() -> None:
    settling = Settling(1.0)
    settling.judge({"a": ONE}, {}, now_s=0.0)
    assert settling.judge({"a": None}, {}, now_s=5.0) == []
    assert settling.names() == set()


def test_a_survey_finds_files_and_follows_no_circle(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_text("12")
    (tmp_path / "b").write_text("1")
    (tmp_path / "deep" / "circle").symlink_to(tmp_path)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert {name: mark.size for name, mark in survey(tmp_path, recursive=True).items()} == {"b": 1, "deep/a": 2}
    assert set(survey(tmp_path, recursive=False)) == {"b"}
    assert look_at(tmp_path, ["gone", "deep", "b/c"]) == {"gone": None, "deep": None, "b/c": None}


def test_marks_are_read_back() -> None:
    assert Mark.parse(str(Mark(12, 34))) == Mark(12, 34)
