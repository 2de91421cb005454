"""References to images, cut into their parts and put together again."""

from __future__ import annotations

import pytest
from faas_builders.oci.references import Reference, Written, by_digest, split
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.text("abc0-.", min_size=1, max_size=8)
REPOSITORIES = st.builds(
    lambda host, names: "/".join([*host, *names]),
    st.lists(st.sampled_from(["localhost:5000", "ghcr.io", "[::1]:5000"]), max_size=1),
    st.lists(NAMES, min_size=1, max_size=3),
)


@given(REPOSITORIES, st.one_of(st.just(""), NAMES), st.sampled_from(["", "sha256:1"]))
def test_a_reference_is_cut_where_it_was_put_together(repository: str, tag: str, digest: str) -> None:
    reference = repository + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")

    assert split(reference) == Written(repository, tag, digest)


@pytest.mark.parametrize(
    ("reference", "keep_tag", "expected"),
    [
        pytest.param("faas.local/hello:v1", False, "faas.local/hello@sha256:1", id="a tag"),
        pytest.param("localhost:5000/base", False, "localhost:5000/base@sha256:1", id="a port"),
        pytest.param("localhost:5000/base:2@sha256:2", False, "localhost:5000/base@sha256:1", id="both"),
        pytest.param("localhost:5000/base:2@sha256:2", True, "localhost:5000/base:2@sha256:1", id="the tag stays"),
        pytest.param("python", True, "python@sha256:1", id="no tag to keep"),
    ],
)
def test_a_digest_takes_the_place_of_the_one_before(reference: str, keep_tag: bool, expected: str) -> None:
    assert by_digest(reference, "sha256:1", keep_tag=keep_tag) == expected


def test_an_image_of_this_machine_is_named_by_digest_alone() -> None:
    assert str(Reference("faas.local", "hello", tag="v1", digest="sha256:2").with_digest("sha256:1")) == (
        "faas.local/hello@sha256:1"
    )
