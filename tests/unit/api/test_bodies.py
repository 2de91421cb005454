"""Bodies that a client may send and that must cost no more than their refusal."""

from __future__ import annotations

import pytest

from faas.client.errors import BadRequest
from faas.engine.api.wire.media import parse_body

_LEVELS = "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9))


@pytest.mark.parametrize(
    ("media", "body", "why"),
    [
        pytest.param("application/yaml", f"a: &a [x]\n{_LEVELS}", "aliases make more than", id="aliases of aliases"),
        pytest.param("application/yaml", "a: &a\n  b: *a\n", "a part of", id="an alias of itself"),
        pytest.param("application/yaml", "a:\n" + "- " * 5000, "", id="deep YAML"),
        pytest.param("application/yaml", "? [a]\n: b\n", "", id="a list as a key"),
        pytest.param("application/yaml", "!!python/object/apply:os.getpid []", "could not determine", id="a tag"),
        pytest.param("application/json", '{"a":' * 500 + "1" + "}" * 500, "within one another", id="deep JSON"),
        pytest.param("application/json", "[" * 100_000, "recursion", id="deeper JSON"),
        pytest.param("application/json", '{"a": "\\ud800"}', "surrogates not allowed", id="half a pair"),
        pytest.param("application/json", '{"\\ud800": 1}', "surrogates not allowed", id="half a pair as a name"),
    ],
)
def test_a_body_that_cannot_be_an_object_is_refused(media: str, body: str, why: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_body(media, body.encode())

    assert why in str(refused.value)


def test_yaml_keeps_aliases_and_texts_that_look_like_dates() -> None:
    body = b"labels: &l {since: 2020-01-01}\nagain: *l\nyes: on\n"

    assert parse_body("application/yaml", body)[0] == {
        "labels": {"since": "2020-01-01"},
        "again": {"since": "2020-01-01"},
        True: True,
    }
