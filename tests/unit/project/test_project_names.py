"""A project's name as a label: what two projects in a namespace are told apart by."""

from __future__ import annotations

import pytest

from faas.project.pyproject.settings import image_name


@pytest.mark.parametrize(
    ("name", "label"), [("shop", "shop"), ("My.Project", "my-project"), ("a,!b", "a-b"), ("x" * 70, "x" * 63)]
)
def test_a_name_becomes_a_label(name: str, label: str) -> None:
    assert image_name(name) == label


def test_names_without_a_latin_letter_are_told_apart() -> None:
    assert len({image_name("订单"), image_name("支付"), image_name("…")}) == 3
    assert image_name("订单").startswith("project-")
