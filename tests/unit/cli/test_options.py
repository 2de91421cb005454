"""Options that several commands have."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from faas.cli.options import Time


@click.command()
@click.option("--wait-timeout", type=Time(), default="600s")
def waiting(wait_timeout: float) -> None:
    click.echo(repr(wait_timeout))


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        pytest.param([], "600.0", id="the default"),
        pytest.param(["--wait-timeout", "20"], "20.0", id="a number of seconds"),
        pytest.param(["--wait-timeout", "1m30s"], "90.0", id="as kubectl has it"),
        pytest.param(["--wait-timeout", "200ms"], "0.2", id="less than a second"),
    ],
)
def test_a_time_is_a_number_of_seconds_or_has_units(given: list[str], seconds: str) -> None:
    result = CliRunner().invoke(waiting, given)

    assert (result.exit_code, result.output.strip()) == (0, seconds)


@pytest.mark.parametrize("given", ["0", "-5s", "soon", "inf", "nan", "1 m", ""])
def test_what_is_no_time_is_refused_with_how_to_write_one(given: str) -> None:
    result = CliRunner().invoke(waiting, ["--wait-timeout", given])

    assert result.exit_code == 2
    assert "90s, 5m" in result.output or "x>=0.1s" in result.output
