"""Where the Docker engine is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from faas.engine.instances.docker.place import DockerUnavailable, Place, find_place, unavailable

pytest.importorskip("docker")


def test_without_anything_it_is_the_usual_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)  # contexts look there themselves
    assert find_place({}).path == "/var/run/docker.sock"


def test_docker_host_names_another_socket() -> None:
    assert find_place({"DOCKER_HOST": "unix:///run/user/1000/docker.sock"}).path == "/run/user/1000/docker.sock"


def test_a_port_of_this_machine_will_do() -> None:
    place = find_place({"DOCKER_HOST": "tcp://127.0.0.1:2375"})
    assert (place.url, place.is_local, place.path) == ("http://127.0.0.1:2375", True, "")


def test_the_context_of_the_docker_command_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Contexts are kept by the SHA-256 of their names. Source: docker context create.
    digest = hashlib.sha256(b"mine").hexdigest()
    meta = tmp_path / "contexts" / "meta" / digest
    meta.mkdir(parents=True)
    endpoint = {"Host": "unix:///tmp/mine.sock", "SkipTLSVerify": False}
    (meta / "meta.json").write_text(json.dumps({"Name": "mine", "Metadata": {}, "Endpoints": {"docker": endpoint}}))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "mine"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert find_place({"DOCKER_CONTEXT": "mine"}).path == "/tmp/mine.sock"


@pytest.mark.parametrize("host", ["tcp://192.0.2.1:2376", "ssh://somebody@build.example"])
def test_an_engine_on_another_machine_is_refused_with_what_to_do(host: str) -> None:
    with pytest.raises(DockerUnavailable, match=r"not on this machine.*docker context use default"):
        find_place({"DOCKER_HOST": host})


def test_a_unix_socket_is_local() -> None:
    assert Place("unix:///var/run/docker.sock").is_local


def test_a_user_who_may_not_use_the_engine_learns_how_to() -> None:
    error = unavailable(Place("unix:///var/run/docker.sock"), PermissionError(13, "Permission denied"))
    assert str(error) == (
        "this user may not use the Docker engine at unix:///var/run/docker.sock: add it to the group docker and log in "
        "again, or name another engine with DOCKER_HOST"
    )
