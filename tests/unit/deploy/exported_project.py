"""A project with two stages that differ in all that stages can differ in, for what is exported of it."""

from __future__ import annotations

from pathlib import Path

DIGEST = "sha256:" + "0a" * 32
PROGRAMS = f"registry.example.org/team/faas-sources@{DIGEST}"

MAIN = """
from faas import Event, function


@function.http("/", secrets=["mail"], config=["texts"], env={"GREETING": "hello", "LEVEL": "info"}, max_scale=3)
def web(name: str = "you") -> str:
    return name


@function.event(type="order.paid", env={"LEVEL": "info"})
def book(event: Event) -> None: ...


@function.schedule("*/5 * * * *", data={"id": 1})
def tick(event: Event) -> None: ...
"""

PYPROJECT = """
[project]
name = "shop"
version = "1"
dependencies = []

[tool.faas.secrets.mail]
password = {env = "MAIL_PASSWORD"}

[tool.faas.config.texts]
motto = "one at a time {{ nobody }}"

[tool.faas.environments.staging]
namespace = "shop-staging"
registry = "registry.example.org/staging"
max_scale = 2

[tool.faas.environments.production]
namespace = "shop"
registry = "registry.example.org/team"
env = {AREA = "eu", LEVEL = "warning"}
min_scale = 1

[tool.faas.environments.production.functions.web]
concurrency = 50
cpu = 2
max_scale = 20
service_account = "web"

[tool.faas.environments.production.config.texts]
motto = "all together"
more = "{{ .Values }}"

[tool.faas.environments.production.domains]
web = ["shop.example.org", "www.example.org"]
"""


def make_project(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(MAIN)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    return folder
