"""Kubernetes quantities: 500m, 2, 1.5Gi, 128M, 1e3. Source: apimachinery, pkg/api/resource."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,3}))?", re.ASCII)

PATTERN = (  # as resource definitions have it
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)


class QuantityError(ValueError):
    """The text is no quantity."""


def parse(quantity: str | int) -> Decimal:
    """The number. Raises QuantityError with Kubernetes' words."""
    match = _QUANTITY.fullmatch(str(quantity))
    if match is None:
        raise QuantityError(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    number, binary, suffix, exponent = match.groups()
    if binary:
        return Decimal(number) * _BINARY[binary]
    if exponent:
        return Decimal(number).scaleb(int(exponent))
    return Decimal(number) * _DECIMAL[suffix or ""]


def bytes_of(quantity: str | int) -> int:
    """Whole bytes, rounded up as Kubernetes does. Raises QuantityError."""
    return int(parse(quantity).to_integral_value(ROUND_CEILING))


def millis_of(quantity: str | int) -> int:
    """Thousandths, rounded up: the millicores of a cpu quantity. Raises QuantityError."""
    return int((parse(quantity) * 1000).to_integral_value(ROUND_CEILING))
