"""What Secrets and ConfigMaps hold."""

from __future__ import annotations

import pytest

from faas.resources.payloads import can_be_variable, texts_of


def test_a_secret_is_decoded_and_what_is_no_text_cannot_be_a_variable() -> None:
    texts = texts_of({"kind": "Secret", "data": {"word": "b3Blbg==", "key": "/w=="}})

    assert texts == {"word": "open", "key": "\udcff"}
    assert {name: can_be_variable(text) for name, text in texts.items()} == {"word": True, "key": False}


def test_a_config_map_has_text_and_bytes() -> None:
    assert texts_of({"kind": "ConfigMap", "data": {"a": "1"}, "binaryData": {"b": "Mg=="}}) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_one_without_data_is_empty(kind: str) -> None:
    assert texts_of({"kind": kind}) == {}


def test_nothing_with_a_nul_can_be_a_variable() -> None:
    assert not can_be_variable("a\0b")
