from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from faas_builders.deps.shipped import fit_for_image, without_deployment
from faas_builders.files import content_hash, project_files
from hypothesis import given
from hypothesis import strategies as st

SHOP = """\
[project]
name = "shop"   # as its image
version = "1.2"

[tool.faas]
modules = ["main"]

[tool.faas.environments.production]
min_scale = 1
[tool.faas.environments.production.functions.web]
cpu = "2"
[tool.faas . functions . web]
max_scale = 5
[[tool.faas.environments.production.more]]
one = 1

[tool.ruff]
line-length = 100
"""
LEFT = """\
[project]
name = "shop"   # as its image
version = "1.2"

[tool.faas]
modules = ["main"]

[tool.ruff]
line-length = 100
"""


def test_what_deploys_read_is_cut_and_the_rest_is_as_it_was_written() -> None:
    assert without_deployment(SHOP) == LEFT
    assert without_deployment(LEFT) == LEFT
    assert without_deployment("[tool.faas.build]\nbase = 'x'\n") == ""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('[tool.faas]\nenvironments = {a = {cpu = "1"}}\n', id="an inline table"),
        pytest.param('text = """\n[tool.faas.environments.a]\n"""\n', id="a header inside of a text"),
        pytest.param("[tool.faas.environments.a]\ncpu = \n[project]\n", id="not TOML"),
        pytest.param('[tool."faas".functions.web]\ncpu = "1"\n', id="quoted names"),
    ],
)
def test_what_cannot_be_cut_out_stays(text: str) -> None:
    assert without_deployment(text) == text


@given(st.lists(st.sampled_from(["project", "tool.faas", "tool.faas.secrets.a", "tool.faas.environments.b", "tool.x"]),
                unique=True))  # fmt: skip
def test_nothing_but_how_it_is_deployed_is_lost(tables: list[str]) -> None:
    text = "".join(f"[{table}]\nkey = 'of {table}'\n\n" for table in tables)
    document = tomllib.loads(without_deployment(text))
    for name in ("project", "tool.x", "tool.faas"):
        found: object = document
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        kept = found.get("key") if isinstance(found, dict) else None
        assert kept == (f"of {name}" if name in tables else None)


def test_a_stages_options_are_not_of_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = tmp_path / "shop"
    project.mkdir()
    (project / "main.py").write_text("x = 1\n")

    def hashed(text: str) -> str:
        (project / "pyproject.toml").write_text(text)
        return content_hash(fit_for_image(project_files(project)))

    assert hashed(SHOP) == hashed(SHOP.replace("min_scale = 1", "min_scale = 2")) == hashed(LEFT)
    assert hashed(SHOP) != hashed(SHOP.replace("1.2", "1.3"))
