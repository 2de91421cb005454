"""What streams and subjects are called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.broker.jetstream.naming import names_of, text_of, token


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("reading", "reading", id="plain"),
        pytest.param("com.acme.order", "com=2Eacme=2Eorder", id="dots"),
        pytest.param("a b*>", "a=20b=2A=3E", id="what means something to NATS"),
        pytest.param("größe", "gr=C3=B6=C3=9Fe", id="not ASCII"),
        pytest.param("a=2Eb", "a=3D2Eb", id="what looks encoded"),
        pytest.param("", "=", id="empty"),
    ],
)
def test_a_type_is_one_part_of_a_subject(text: str, expected: str) -> None:
    assert token(text) == expected


@given(st.text(max_size=400))
def test_any_text_is_a_part_that_nats_takes(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_=~-]{1,160}", token(text))


@given(st.text(max_size=12))
def test_a_short_text_can_be_told_from_its_part(text: str) -> None:
    assert text_of(token(text)) == text


@given(st.text(min_size=100, max_size=300), st.text(min_size=100, max_size=300))
def test_different_texts_have_different_parts(one: str, other: str) -> None:
    assert (token(one) == token(other)) == (one == other)


def test_a_broker_made_anew_has_other_streams() -> None:
    old, new = names_of("default/orders", "uid-1"), names_of("default/orders", "uid-2")
    assert set(old).isdisjoint(new)
    assert old.events.startswith("FAAS_EVENTS_default_orders_")
    assert old == names_of("default/orders", "uid-1")


def test_brokers_whose_keys_look_alike_have_different_streams() -> None:
    assert names_of("a/b-c", "u").events != names_of("a-b/c", "u").events
    assert names_of("a/b.c", "u").events != names_of("a/b_c", "u").events
