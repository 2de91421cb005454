from __future__ import annotations

import pytest
from faas_builders.errors import ImageNameError
from faas_builders.registry.names import ImageName
from hypothesis import given
from hypothesis import strategies as st

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "whole", "host"),
    [
        ("python", "docker.io/library/python:latest", "registry-1.docker.io"),
        ("python:3.12-slim", "docker.io/library/python:3.12-slim", "registry-1.docker.io"),
        ("ann/shop", "docker.io/ann/shop:latest", "registry-1.docker.io"),
        ("docker.io/python", "docker.io/library/python:latest", "registry-1.docker.io"),
        ("index.docker.io/ann/shop:1", "docker.io/ann/shop:1", "registry-1.docker.io"),
        (f"python@{DIGEST}", f"docker.io/library/python@{DIGEST}", "registry-1.docker.io"),
        (f"python:3@{DIGEST}", f"docker.io/library/python:3@{DIGEST}", "registry-1.docker.io"),
        ("ghcr.io/ann/shop:1.0", "ghcr.io/ann/shop:1.0", "ghcr.io"),
        ("localhost/shop", "localhost/shop:latest", "localhost"),
        ("localhost:5000/shop", "localhost:5000/shop:latest", "localhost:5000"),
        ("registry:5000/a/b/c:1", "registry:5000/a/b/c:1", "registry:5000"),
        ("[::1]:5000/shop", "[::1]:5000/shop:latest", "[::1]:5000"),
        ("Registry/shop", "Registry/shop:latest", "Registry"),
        ("localhost:5000", "docker.io/library/localhost:5000", "registry-1.docker.io"),
        ("a.b/c__d-e--f.g:_x", "a.b/c__d-e--f.g:_x", "a.b"),
    ],
)
def test_a_name_is_read_as_docker_reads_it(text: str, whole: str, host: str) -> None:
    name = ImageName.parse(text)
    assert (str(name), name.host) == (whole, host)


@pytest.mark.parametrize(
    ("text", "complaint", "hint"),
    [
        ("", "it names no repository", "Write it as python:3.12-slim"),
        ("Python", "'Python' cannot be part", "lower case"),
        ("ghcr.io/", "it names no repository", ""),
        ("ghcr.io/ann//shop", "'' cannot be part", ""),
        ("a___b", "'a___b' cannot be part", ""),
        ("python:", "'' is not a tag", ""),
        ("python:-1", "'-1' is not a tag", "begins with none"),
        ("python:" + "1" * 129, "is not a tag", "128 at most"),
        ("python@sha256:12", "'sha256:12' is not a digest", "64 hex digits"),
        ("python@", "'' is not a digest", ""),
        ("python@md5:" + "0" * 32, "is not a digest", ""),
        ("https://ghcr.io/ann/shop", "'https:' is not the host", "Leave out https://."),
        ("-bad.host/shop", "'-bad.host' is not the host", "HOST:PORT/REPOSITORY"),
        ("ab" * 32, "the id of an image", ""),
        ("ghcr.io/" + "a" * 256, "256 characters, 255 at most", ""),
    ],
)
def test_what_is_no_name_is_said_to_be_none(text: str, complaint: str, hint: str) -> None:
    with pytest.raises(ImageNameError) as caught:
        ImageName.parse(text)
    assert complaint in caught.value.message
    assert hint in caught.value.hint


def test_by_digest_a_name_has_no_tag() -> None:
    name = ImageName.parse("ghcr.io/ann/shop:1.0")
    assert (name.reference, str(name.with_digest(DIGEST))) == ("1.0", f"ghcr.io/ann/shop@{DIGEST}")
    assert ImageName.parse(f"ghcr.io/ann/shop:1.0@{DIGEST}").reference == DIGEST


component = st.from_regex(r"[a-z0-9]+((\.|_|__|-{1,3})[a-z0-9]+){0,2}", fullmatch=True)
host = st.from_regex(r"([a-z0-9]{1,8}\.){1,2}[a-z]{2,5}(:[0-9]{2,5})?|localhost(:[0-9]{2,5})?", fullmatch=True)
tag = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
digest = st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True)


@given(
    host=st.one_of(st.just("docker.io"), host),
    path=st.lists(component, min_size=1, max_size=4).map("/".join),
    tag=st.one_of(st.just(""), tag.map(lambda tag: f":{tag}")),
    digest=st.one_of(st.just(""), digest.map(lambda digest: f"@{digest}")),
)
def test_a_whole_name_reads_back_as_itself(host: str, path: str, tag: str, digest: str) -> None:
    name = ImageName.parse(f"{host}/{path}{tag}{digest}")
    assert ImageName.parse(str(name)) == name
    assert name.repository.endswith(path.rpartition("/")[2])
    assert str(name).endswith((tag or ("" if digest else ":latest")) + digest)


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_one_error(text: str) -> None:
    try:
        name = ImageName.parse(text)
    except ImageNameError:
        return
    assert ImageName.parse(str(name)) == name
