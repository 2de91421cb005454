from __future__ import annotations

import pytest
from faas_builders.registry.challenges import Challenge, parse_challenges
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("headers", "challenges"),
    [
        pytest.param(
            ['Bearer realm="https://auth.test/token",service="r.test",scope="repository:a:pull,push"'],
            [("bearer", {"realm": "https://auth.test/token", "service": "r.test", "scope": "repository:a:pull,push"})],
            id="a token with commas in quotes",
        ),
        pytest.param(['Basic realm="test"'], [("basic", {"realm": "test"})], id="basic"),
        pytest.param(["Digest", 'basic Realm="x"'], [("digest", {}), ("basic", {"realm": "x"})], id="two headers"),
        pytest.param(
            ['Basic realm="a", Bearer realm="b" , service=c'],
            [("basic", {"realm": "a"}), ("bearer", {"realm": "b", "service": "c"})],
            id="two in one header",
        ),
        pytest.param([r'Basic realm="say \"hi\""'], [("basic", {"realm": 'say "hi"'})], id="quotes in quotes"),
        pytest.param(
            ["Bearer realm=https://auth.test/token,service=x"],
            [("bearer", {"realm": "https://auth.test/token", "service": "x"})],
            id="a URL without quotes",
        ),
        pytest.param(["", "="], [], id="nothing"),
    ],
)  # fmt: skip
def test_what_a_registry_asks_for(headers: list[str], challenges: list[tuple[str, dict[str, str]]]) -> None:
    assert parse_challenges(headers) == tuple(Challenge(*challenge) for challenge in challenges)


@given(st.lists(st.text(alphabet='abc "=,\\/:', max_size=60), max_size=3))
def test_any_header_can_be_read(headers: list[str]) -> None:
    parse_challenges(headers)
