"""The steps of a build and of a deploy."""

from __future__ import annotations

import pytest

from faas.deploy.steps import Steps


def told(steps: Steps) -> list[tuple[str, str, float | None, list[str]]]:
    return [(step.name, step.state, step.took_s, step.lines) for step in steps.done]


def make_steps() -> Steps:
    seconds = iter(range(100))
    return Steps(clock=lambda: float(next(seconds)))


def test_what_a_builder_reports_becomes_steps_that_last_until_the_next_one() -> None:
    steps = make_steps()

    with steps.reported() as report:
        report("resolve", "two packages")
        report("layers", "deps 3.0 MB")
        report("layers", "app 0.1 MB")
        report("config", "faas.local/shop")

    assert told(steps) == [
        ("resolve", "done", 1.0, ["two packages"]),
        ("layers", "done", 1.0, ["deps 3.0 MB", "app 0.1 MB", "faas.local/shop"]),
    ]


def test_the_step_that_fails_is_the_one_that_was_reported_last() -> None:
    steps = make_steps()

    def build() -> None:
        with steps.reported() as report:
            report("base", "python:3.12-slim")
            report("write", "layers")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        build()

    assert [(name, state) for name, state, _, _ in told(steps)] == [("base", "done"), ("write", "failed")]


def test_steps_that_nobody_needs_to_see_are_left_out() -> None:
    steps = make_steps()

    with steps.reported("resolve") as report:
        report("resolve", "two packages")
        report("config", "faas.local/shop")

    assert told(steps) == [("config", "done", 1.0, ["faas.local/shop"])]
