"""Signatures, times and ids of those who call us."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.sources.ledger import Ledger
from faas.sources.replays import Replays, is_fresh
from faas.sources.signatures import verify

BODY, SECRET = b'{"a": 1}', "s"
HEX = hmac.new(b"s", BODY, hashlib.sha256).hexdigest()
B64 = base64.b64encode(bytes.fromhex(HEX)).decode()
NOW = datetime(2026, 12, 5, 12, 0, tzinfo=UTC)
NOW_S = int(NOW.timestamp())


def test_githubs_own_example() -> None:
    given = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert verify("It's a Secret to Everybody", b"Hello, World!", given, prefix="sha256=")


@pytest.mark.parametrize(
    ("given", "prefix", "good"),
    [
        (HEX, "", True), (HEX.upper(), "", True), (B64, "", True), (f"sha256={HEX}", "sha256=", True),
        (f"v1,{B64}", "v1,", True), (f"v1,AAAA v1,{B64}", "v1,", True), (f"t=1,v1={HEX}", "v1=", True),
        (f"v1=00, v1={HEX}", "v1=", True),
        (f"v1a,{B64}", "v1,", False), (HEX, "sha256=", False), ("", "", False), ("sha256=", "sha256=", False),
        (HEX[:-1], "", False), ("ä", "", False), (f"sha1={HEX}", "sha256=", False),
    ],
)  # fmt: skip
def test_signatures_as_their_senders_write_them(given: str, prefix: str, good: bool) -> None:
    assert verify(SECRET, BODY, given, prefix=prefix) is good


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
def test_each_algorithm(algorithm: Literal["sha1", "sha256", "sha384", "sha512"]) -> None:
    given = hmac.new(b"s", BODY, algorithm).hexdigest()
    assert verify(SECRET, BODY, given, algorithm=algorithm)


@given(st.text(), st.binary(), st.text())
def test_nothing_made_up_is_let_in_or_breaks_it(secret: str, content: bytes, signature: str) -> None:
    assert not verify(secret, content, signature)


@pytest.mark.parametrize(
    ("timestamp", "fresh"),
    [
        (str(NOW_S), True), (str(NOW_S - 300), True), (str(NOW_S - 301), False), (str(NOW_S + 301), False),
        (str(NOW_S * 1000), True), ("2026-12-05T12:01:00Z", True), ("2026-12-05T13:00:00+01:00", True),
        ("2026-12-04T12:00:00Z", False), ("", False), ("nan", False), ("inf", False), ("soon", False),
    ],
)  # fmt: skip
def test_times_within_five_minutes_are_fresh(timestamp: str, fresh: bool) -> None:
    assert is_fresh(timestamp, now=NOW) is fresh


def test_an_id_is_taken_once_and_free_again_when_it_was_not() -> None:
    replays = Replays(Ledger(None, "ids"))
    assert replays.reserve("a")
    assert not replays.reserve("a")
    replays.release("a", taken=False)
    assert replays.reserve("a")
    replays.release("a", taken=True)
    assert replays.is_taken("a")
