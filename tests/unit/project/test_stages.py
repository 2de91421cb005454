"""`[tool.faas.environments.NAME]`: what it takes, what wins over what, and what it says of what it does not take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from faas_builders.target import Platform
from faas_runtime.declaring.spec import FunctionSpec, Trigger

from faas.project.errors import ProjectError, SettingsError
from faas.project.pyproject.brokers import BrokerSettings
from faas.project.pyproject.secrets import Declared, FromCommand, FromFile, FromVariable, Text
from faas.project.pyproject.settings import Settings, load_settings, load_stage
from faas.project.pyproject.stages import Stage
from faas.project.services import ServiceSpec, make_services

WHOLE = """
    [project]
    name = "shop"
    [tool.faas]
    dead_letters = true
    [tool.faas.build]
    base = "python:3.12-slim"
    image = "registry.example.org/own/name"
    [tool.faas.build.env]
    TZ = "UTC"
    [tool.faas.functions.quote]
    min_scale = 1
    [tool.faas.secrets.db]
    PASSWORD = {env = "DB_PASSWORD"}
    USER = {file = "user.txt"}
    [tool.faas.config.limits]
    MAX = "5"
    [tool.faas.brokers.default]
    retry = 3
    annotations = {a = "1"}

    [tool.faas.environments.production]
    context = "gke_production"
    namespace = "shop"
    registry = "registry.example.org/team/"
    dead_letters = false
    max_scale = 50
    env = {STAGE = "production"}
    secrets.db.PASSWORD = {command = ["pass", "show", "db"]}
    config.limits.MAX = {file = "limits.txt"}
    domains.quote = ["shop.example.org"]
    functions.quote = {min_scale = 3, timeout = "2m"}
    brokers.default = {class = "Kafka", backoff = "linear", annotations = {b = "2"}}
    [tool.faas.environments.production.build]
    platforms = ["linux/arm64"]
    env = {LANG = "C.UTF-8"}

    [tool.faas.environments.staging]
"""


def load(folder: Path, text: str, stage: str = "") -> Settings:
    (folder / "pyproject.toml").write_text(text)
    return load_settings(folder, stage)


def function(name: str = "quote", **options: Any) -> FunctionSpec:
    return FunctionSpec(
        name=name, target=f"main:{name}", service=name, triggers=(Trigger(kind="http"),), options=options
    )  # fmt: skip


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    settings = load(tmp_path, WHOLE, "production")

    stage = settings.stage
    assert stage is not None
    assert stage == load_stage(tmp_path, "production")
    assert (stage.name, stage.context, stage.namespace, stage.registry) == (
        "production", "gke_production", "shop", "registry.example.org/team",
    )  # fmt: skip
    assert stage.options == {"max_scale": 50, "env": {"STAGE": "production"}}
    assert stage.functions == {"quote": {"min_scale": 3, "timeout": 120.0}}
    assert stage.domains == {"quote": ("shop.example.org",)}
    assert settings.stages == ("production", "staging")


def test_a_stage_wins_over_the_project_by_key(tmp_path: Path) -> None:
    settings = load(tmp_path, WHOLE, "production")

    assert settings.build.image == "registry.example.org/team/shop"
    assert settings.build.base == "python:3.12-slim"
    assert settings.build.platforms == (Platform("linux", "arm64"),)
    assert settings.build.env == {"TZ": "UTC", "LANG": "C.UTF-8"}
    assert settings.secrets == {
        "db": Declared("db", {"PASSWORD": FromCommand(("pass", "show", "db")), "USER": FromFile("user.txt")})
    }
    assert settings.config == {"limits": Declared("limits", {"MAX": FromFile("limits.txt")})}
    assert settings.brokers == {
        "default": BrokerSettings("Kafka", {}, {"retry": 3, "backoff": "linear"}, {"a": "1", "b": "2"})
    }
    assert settings.dead_letters is False


def test_without_a_stage_the_project_is_as_it_says(tmp_path: Path) -> None:
    settings = load(tmp_path, WHOLE)

    assert settings.stage is None
    assert settings.build.image == "registry.example.org/own/name"
    assert settings.secrets["db"].keys["PASSWORD"] == FromVariable("DB_PASSWORD")
    assert settings.config["limits"].keys["MAX"] == Text("5")
    assert settings.dead_letters is True


def test_a_stage_that_says_nothing_changes_nothing_but_the_name(tmp_path: Path) -> None:
    settings, plain = load(tmp_path, WHOLE, "staging"), load(tmp_path, WHOLE)

    assert settings.stage == Stage("staging")
    assert (settings.build, settings.secrets, settings.brokers) == (plain.build, plain.secrets, plain.brokers)


@pytest.mark.parametrize(
    ("line", "image"),
    [
        ('image = "other.example.org/x"\nregistry = "r.example.org"', "other.example.org/x"),
        ('registry = "r.example.org"\nbuild = {image = "of.example.org/build"}', "of.example.org/build"),
        ('registry = "localhost:5000"', "localhost:5000/shop"),
        ("", "registry.example.org/own/name"),
    ],
)
def test_an_image_is_named_by_the_stage_or_the_build_or_the_registry(tmp_path: Path, line: str, image: str) -> None:
    text = f"{WHOLE.partition('[tool.faas.environments')[0]}\n[tool.faas.environments.x]\n{line}\n"

    assert load(tmp_path, text, "x").build.image == image


def services(settings: Settings, *functions: FunctionSpec, **more: Any) -> tuple[ServiceSpec, ...]:
    return make_services(functions, settings, **more)


def test_the_order_is_decorator_function_stage_its_function_environment_flag(tmp_path: Path) -> None:
    places = ("min_scale", "max_scale", "initial_scale", "target", "concurrency", "cpu")
    stage = Stage(
        "x",
        options=dict.fromkeys(places[2:], 3) | {"cpu": "3"},
        functions={"quote": dict.fromkeys(places[3:], 4) | {"cpu": "4"}},
    )
    settings = Settings(tmp_path, "shop", {"quote": dict.fromkeys(places[1:], 2) | {"cpu": "2"}}, stage=stage)

    decorated: dict[str, Any] = dict.fromkeys(places, 1) | {"cpu": "1"}

    (spec,) = services(
        settings,
        function(**decorated),
        variables={"FAAS_CONCURRENCY": "5", "FAAS_CPU": "5"},
        flags={"cpu": "6"},
    )

    assert spec.options == {
        "min_scale": 1, "max_scale": 2, "initial_scale": 3, "target": 4.0, "concurrency": 5, "cpu": "6",
    }  # fmt: skip


def test_hosts_of_a_stage_take_the_place_of_the_decorators(tmp_path: Path) -> None:
    stage = Stage("x", domains={"quote": ("staging.example.org",)})

    both = services(
        Settings(tmp_path, "shop", stage=stage),
        function(domains=["shop.example.org"]),
        function("other", domains=["other.example.org"]),
    )

    assert {spec.name: spec.options["domains"] for spec in both} == {
        "quote": ["staging.example.org"], "other": ["other.example.org"],
    }  # fmt: skip


def test_a_variable_has_its_value_from_the_strongest_place(tmp_path: Path) -> None:
    stage = Stage("x", options={"secret_env": {"TOKEN": "db/TOKEN"}})

    (spec,) = services(Settings(tmp_path, "shop", stage=stage), function(env={"TOKEN": "test", "A": "1"}))

    assert spec.options == {"env": {"A": "1"}, "secret_env": {"TOKEN": "db/TOKEN"}}


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (Stage("x", functions={"qoute": {}}), r"environments\.x\.functions\.qoute: the project has no such function"),
        (Stage("x", domains={"qoute": ("a.b",)}), r"environments\.x\.domains\.qoute: the project has no such service"),
    ],
)
def test_what_a_stage_names_has_to_be_there(tmp_path: Path, stage: Stage, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        services(Settings(tmp_path, "shop", stage=stage), function())

    assert "quote" in caught.value.hint


def test_what_is_right_alone_may_contradict_the_decorator(tmp_path: Path) -> None:
    stage = Stage("x", options={"max_scale": 2})

    with pytest.raises(ProjectError, match="quote: min_scale=3 is above max_scale=2"):
        services(Settings(tmp_path, "shop", stage=stage), function(min_scale=3))


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("x = 1", "environments: this is a table of tables", "[tool.faas.environments.NAME]"),
        ("X_Y = {}", "environments.X_Y: no stage can be called so", "lower-case"),
        ("x.contxt = 'a'", "environments.x.contxt: there is no such setting", "did you mean 'context'?"),
        ("x.max_scle = 1", "environments.x.max_scle: there is no such setting", "did you mean 'max_scale'?"),
        ("x.max_scale = -1", "environments.x.max_scale: max_scale=-1 is out of range", "a whole number"),
        ("x.namespace = 'No'", "environments.x.namespace: namespace='No' is out of range", "a DNS label"),
        ("x.registry = 5", "environments.x.registry: registry=5 is out of range", "registry.example.org/team"),
        ("x.dead_letters = 'maybe'", "environments.x.dead_letters", "true or false"),
        ("x.name = 'a'", "environments.x.name: this is for one function", "functions.NAME] name"),
        ("x.domains = ['a.b']", "environments.x.domains: this is a table", "[tool.faas.environments.x.domains]"),
        ("x.domains.q = 'https://a.b'", "environments.x.domains.q: 'https://a.b' is no host", "no scheme"),
        ("x.domains.q = 5", "environments.x.domains.q: domains=5 is out of range", "a list of hosts"),
        ("x.functions.q = 1", "environments.x.functions.q: this is a table", "functions.q]"),
        ("x.functions.q.cpu = 'lots'", "environments.x.functions.q.cpu: cpu='lots' is out of range", "a quantity"),
        ("x.build.bsae = 'x'", "environments.x.build.bsae: there is no such setting", "did you mean 'base'?"),
        ("x.secrets.db.K = 'x'", "environments.x.secrets.db.K: a secret's value does not belong", "env = "),
        ("x.secrets.db.K = {evn = 'x'}", "environments.x.secrets.db.K: nothing is found by 'evn'", "'env'"),
        ("x.secrets.db.K = {command = 'a b'}", "environments.x.secrets.db.K: command does not take str", "pass"),
        ("x.secrets.db.K = {env = 'A', file = 'b'}", "environments.x.secrets.db.K: this is a table with one", "env"),
        ("x.secrets.Db.K = {env = 'A'}", "environments.x.secrets.Db: no object can have this name", "lower-case"),
        ("x.secrets.db.'K/L' = {env = 'A'}", "environments.x.secrets.db.K/L: no key can be called so", "letters"),
        ("x.secrets.db = {}", "environments.x.secrets.db: this is a table of keys", "KEY = "),
        ("x.config.c.K = 5", "environments.x.config.c.K: this is a table with one word", "file"),
        ("x.brokers.b.clas = 'a'", "environments.x.brokers.b.clas: there is no such setting", "did you mean 'class'?"),
        ("x.brokers.b.retry = -1", "environments.x.brokers.b.retry: retry=-1 is out of range", "a whole number"),
        ("x.brokers.b.config = {kind = 'A'}", "environments.x.brokers.b.config", "a reference"),
    ],
)
def test_a_wrong_setting_is_named_with_its_key(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, f"[tool.faas.environments]\n{text}\n")

    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_stage_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as close:
        load(tmp_path, WHOLE, "prodution")
    with pytest.raises(SettingsError) as none:
        load(tmp_path, "[tool.faas]\n", "production")

    assert close.value.hint == "did you mean 'production'?"
    assert none.value.hint == "Write [tool.faas.environments.production]"
