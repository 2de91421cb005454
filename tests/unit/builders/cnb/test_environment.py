"""What a lifecycle hands over, in variables or, before Buildpack API 0.8, as arguments."""

from __future__ import annotations

from pathlib import Path

import pytest
from faas_builders.cnb.bindings import read_bindings
from faas_builders.cnb.environment import read_environment
from faas_builders.errors import BuildError

NEW = {
    "CNB_LAYERS_DIR": "/layers/ours",
    "CNB_PLATFORM_DIR": "/platform",
    "CNB_BP_PLAN_PATH": "/tmp/plan.toml",
    "CNB_BUILDPACK_DIR": "/cnb/buildpacks/ours",
}


def test_variables_of_the_lifecycle_and_of_the_user_are_read() -> None:
    user = {"BP_FAAS_FUNCTION": "main:hello", "BP_FAAS_GROUPS": "web, gpu", "BPE_COLOUR": "blue", "OTHER": "x"}

    given = read_environment(NEW | user, [], Path("/workspace"))

    assert (given.layers, given.platform) == (Path("/layers/ours"), Path("/platform"))
    assert (given.functions, given.groups, given.extras) == ("main:hello", ("web", "gpu"), ())
    assert given.env == {"COLOUR": "blue"}
    assert given.bindings is None


def test_an_old_lifecycle_says_it_in_arguments() -> None:
    environ = {"CNB_BUILDPACK_DIR": "/cnb", "FAAS_FUNCTION": "main"}

    given = read_environment(environ, ["/layers", "/platform", "/plan"], Path("/workspace"))

    assert (given.layers, given.platform, given.plan) == (Path("/layers"), Path("/platform"), Path("/plan"))
    assert given.functions == "main"


def test_without_a_lifecycle_the_error_says_who_runs_this() -> None:
    with pytest.raises(BuildError, match="CNB_PLATFORM_DIR is not set") as error:
        read_environment({}, [], Path("/workspace"))
    assert "pack build" in error.value.hint


def test_bindings_become_variables_of_uv_and_their_content_is_never_told(tmp_path: Path) -> None:
    _bind(tmp_path / "index", type="pypi\n", netrc="machine a password hunter2")
    _bind(tmp_path / "more", type="faas", **{"index-url": "https://me:hunter2@index/simple\n", "unknown": "x"})
    _bind(tmp_path / "database", type="postgresql", netrc="not ours")
    said: list[str] = []

    found = read_bindings(tmp_path, said.append)

    assert found == {
        "NETRC": str(tmp_path / "index/netrc"),
        "UV_DEFAULT_INDEX": "https://me:hunter2@index/simple",
    }
    assert said == ["binding index: netrc", "binding more: index-url"]
    assert read_bindings(None, said.append) == {}


def _bind(folder: Path, **files: str) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
