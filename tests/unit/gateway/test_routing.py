"""From host and path to target and revision, as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faas.engine.contract.dataplane import Split, Table, Target
from faas.engine.gateway.http.host import is_valid_host
from faas.engine.gateway.routing import Resolution, Router, choose, strip_prefix

PUBLIC = Target("default", "hello", "hello", "", (Split("default/hello-1", 100),), public=True)
LOCAL = Target("default", "inner", "inner", "", (Split("default/inner-1", 100),), public=False)
OPENED = Target("default", "inner", "inner", "", (Split("default/inner-1", 100),), public=True)
ROUTER = Router(
    Table(
        1,
        hosts={"hello.default.localhost": "default/hello", "inner.default.localhost": "default/inner"},
        targets={"default/hello": PUBLIC, "default/inner": LOCAL},
        domains={
            "shop.example.com": "default/hello",
            "inner.example.com": "default/inner",
            "hello.default.localhost": "default/inner",
            "inner.default.localhost": "default/hello",
            "192.0.2.7": "default/hello",
            "gone.example.com": "default/gone",
        },
    ),
    own_hosts=("faas.example",),
)


@pytest.mark.parametrize(
    ("host", "target", "public", "expected"),
    [
        pytest.param(b"hello.default.localhost", b"/", True, Resolution(PUBLIC, b""), id="host"),
        pytest.param(b"HELLO.default.LocalHost.:8080", b"/", True, Resolution(PUBLIC, b""), id="case, dot and port"),
        pytest.param(b"inner.default.localhost", b"/", True, None, id="cluster-local from outside"),
        pytest.param(b"inner.default.localhost", b"/", False, Resolution(LOCAL, b""), id="cluster-local from inside"),
        pytest.param(
            b"127.0.0.1:8080", b"/_/default/hello/x?y", True, Resolution(PUBLIC, b"/_/default/hello"), id="path form"
        ),
        pytest.param(
            b"[::1]:8080", b"/_/default/hello?y", True, Resolution(PUBLIC, b"/_/default/hello"), id="path form, IPv6"
        ),
        pytest.param(
            b"faas.example", b"/_/default/hello", True, Resolution(PUBLIC, b"/_/default/hello"), id="our own host"
        ),
        pytest.param(b"evil.example", b"/_/default/hello/", True, None, id="a rebound name"),
        pytest.param(
            b"any.example", b"/_/default/inner/", False, Resolution(LOCAL, b"/_/default/inner"), id="any name inside"
        ),
        pytest.param(b"127.0.0.1", b"/_/default/inner/", True, None, id="cluster-local by path from outside"),
        pytest.param(b"127.0.0.1", b"/_/default", True, None, id="half a path form"),
        pytest.param(b"127.0.0.1", b"/", True, None, id="nothing at the root"),
        pytest.param(b"Shop.Example.com.:443", b"/_/x/y", True, Resolution(PUBLIC, b""), id="a domain"),
        pytest.param(b"shop.example.com", b"/", False, Resolution(PUBLIC, b""), id="a domain from inside"),
        pytest.param(b"inner.example.com", b"/", True, Resolution(OPENED, b""), id="a domain of a cluster-local one"),
        pytest.param(b"gone.example.com", b"/", True, None, id="a domain of what is gone"),
        pytest.param(b"www.shop.example.com", b"/", True, None, id="below a domain"),
        pytest.param(b"192.0.2.7:8080", b"/x", True, Resolution(PUBLIC, b""), id="an address as a domain"),
        pytest.param(
            b"192.0.2.7", b"/_/default/hello/x", True, Resolution(PUBLIC, b"/_/default/hello"), id="path form there"
        ),
        pytest.param(
            b"192.0.2.7", b"/_/default/inner/x", True, Resolution(PUBLIC, b""), id="cluster-local by path there"
        ),
    ],
)
def test_requests_find_their_target(host: bytes, target: bytes, public: bool, expected: Resolution | None) -> None:
    assert ROUTER.resolve(host, target, public=public) == expected


@pytest.mark.parametrize(
    ("target", "stripped"), [(b"/_/a/b/c?d", b"/c?d"), (b"/_/a/b", b"/"), (b"/_/a/b?d", b"/?d"), (b"/_/a/b/", b"/")]
)
def test_the_prefix_is_taken_off_and_a_slash_stays(target: bytes, stripped: bytes) -> None:
    assert strip_prefix(target, b"/_/a/b") == stripped


@pytest.mark.parametrize("host", [b"a", b"a.b:80", b"[::1]:80", b"", b"xn--a.b"])
def test_good_hosts(host: bytes) -> None:
    assert is_valid_host(host)


@pytest.mark.parametrize("host", [b"a b", b"a@b", b"a/b", b"a:b", b"[::1", b"a\tb", b"a#b", b"a" * 300, b"\xe4"])
def test_bad_hosts(host: bytes) -> None:
    assert not is_valid_host(host)


percents = st.lists(st.integers(0, 100), min_size=1, max_size=6).map(
    lambda parts: [*(min(part, 100 - min(100, sum(parts[:index]))) for index, part in enumerate(parts))]
)


@given(percents.filter(lambda parts: sum(parts) == 100), st.data())
def test_a_split_gives_each_revision_exactly_its_share_of_the_points(parts: list[int], data: st.DataObject) -> None:
    splits = tuple(Split(f"r{index}", percent) for index, percent in enumerate(parts))
    chosen = [choose(splits, (point + 0.5) / 100) for point in range(100)]
    assert [chosen.count(split.revision) for split in splits] == parts
    assert choose(splits, data.draw(st.floats(0, 1, exclude_max=True))) in {s.revision for s in splits if s.percent}


def test_nothing_is_chosen_while_nothing_is_assigned() -> None:
    assert choose((), 0.5) is None
    assert choose((Split("a", 0),), 0.5) is None
