"""What a project declares for its functions to read is there under `faas run`, as far as it is to be had."""

from __future__ import annotations

from pathlib import Path

from faas_runtime.declaring.spec import Description, FunctionSpec, Trigger

from faas.cli.dev.project_state import load_project, make_desired
from faas.project.manifests.podspec import Overrides

PYPROJECT = """
[project]
name = "shop"
[tool.faas.secrets.db]
PASSWORD = {env = "DB_PASSWORD"}
[tool.faas.secrets.prod]
TOKEN = {env = "ONLY_IN_PRODUCTION"}
[tool.faas.config.limits]
MAX = "5"
RULES = {file = "rules.json"}
"""


def test_a_secret_that_is_not_to_be_had_is_told_and_holds_up_nothing(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "rules.json").write_text("{}")
    function = FunctionSpec(name="f", target="main:f", service="f", triggers=(Trigger(kind="http"),))

    project = load_project(tmp_path, None, {"DB_PASSWORD": "hunter2"})
    desired = make_desired(
        project, Description(functions=(function,)), images=tmp_path / "images", namespace="default",
        overrides=Overrides(), variables={},
    )  # fmt: skip

    assert project.missing == ("secret prod, key TOKEN: the variable ONLY_IN_PRODUCTION is not set",)
    assert [secret["metadata"]["name"] for secret in desired.objects.secrets] == ["db"]
    assert [config["data"] for config in desired.objects.config_maps] == [{"MAX": "5", "RULES": "{}"}]
    assert "hunter2" not in repr((project, desired))
