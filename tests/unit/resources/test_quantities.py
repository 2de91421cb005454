"""Kubernetes quantities."""

from __future__ import annotations

from decimal import Decimal

import pytest

from faas.resources import quantities


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("500m", "0.5"), ("2", "2"), (2, "2"), ("1.5Gi", "1610612736"), ("128M", "128000000"), ("1e3", "1000"),
        ("1E", "1000000000000000000"), ("1Ei", "1152921504606846976"), ("-1k", "-1000"), ("100n", "1e-7"),
        (".5", "0.5"),
    ],
)  # fmt: skip
def test_reads_a_quantity(quantity: str | int, number: str) -> None:
    assert quantities.parse(quantity) == Decimal(number)


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "1.2.3", "1GiB", "0x10", "abc", "1_000", "1e9999"])
def test_refuses_what_is_none(text: str) -> None:
    with pytest.raises(quantities.QuantityError, match="quantities must match the regular expression"):
        quantities.parse(text)


def test_bytes_and_millicores_round_up() -> None:
    assert quantities.bytes_of("1500m") == 2
    assert quantities.bytes_of("64Mi") == 67108864
    assert quantities.millis_of("0.0001") == 1
    assert quantities.millis_of("1.5") == 1500
