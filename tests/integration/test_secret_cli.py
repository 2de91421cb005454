"""`faas secret` as a user has it: values go in, and come out nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faas_command import FaasCommand

SECRET = "hunter2-is-the-value"

READER = """
from faas import Context, function

@function(secrets=["db"], secret_env={"TOKEN": "db/TOKEN"})
def reader(ctx: Context) -> str:
    import os
    return ctx.secrets["db"]["PASSWORD"] + " " + os.environ["TOKEN"]
"""


@dataclass
class Faas(FaasCommand):
    project: Path

    def told(self, stdin: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "faas.cli.main", *arguments],
            env={**os.environ, "FAAS_STATE": str(self.state)},
            input=stdin, capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip

    def secrets(self) -> dict[str, list[str]]:
        return {each["metadata"]["name"]: each["keys"] for each in json.loads(self("secret", "list", "-o", "json"))}


@pytest.fixture(scope="module")
def faas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faas]:
    folder = tmp_path_factory.mktemp("engine")
    faas = Faas(folder / "state", project=folder / "shop")
    faas.project.mkdir()
    (faas.project / "main.py").write_text(READER)
    faas("up", "--port", "0")
    yield faas
    faas("down")


def test_values_come_from_the_environment_files_programs_and_stdin(
    faas: Faas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", SECRET)
    (tmp_path / "ca.crt").write_bytes(b"\xff\x00certificate")

    said = faas(
        "secret", "create", "mixed", "--from-env", "PASSWORD=DB_PASSWORD", "--from-file", tmp_path / "ca.crt",
        "--from-command", f"TOKEN={sys.executable} -c \"print('$HOME;' * 2)\"",
    )  # fmt: skip
    piped = faas.told(f"{SECRET}\n", "secret", "create", "piped", "--from-stdin", "KEY")

    assert said.startswith("mixed created: PASSWORD, ca.crt, TOKEN\n")
    assert piped.returncode == 0, piped.stderr
    assert faas.secrets() == {"mixed": ["PASSWORD", "TOKEN", "ca.crt"], "piped": ["KEY"]}
    listed = faas("secret", "list") + faas("secret", "list", "-A", "-o", "yaml")
    assert "PASSWORD, TOKEN, ca.crt" in listed
    assert SECRET not in said + piped.stdout + piped.stderr + listed


def test_a_function_reads_what_was_put_in(faas: Faas) -> None:
    made = faas.told(SECRET, "secret", "create", "db", "--from-stdin", "PASSWORD")
    assert made.returncode == 0, made.stderr
    changed = faas.told("second", "secret", "create", "db", "--update", "--from-stdin", "TOKEN")
    assert changed.stdout.startswith("db changed: TOKEN\n"), changed.stderr

    deployed = faas("deploy", faas.project)

    assert faas("invoke", "reader").strip() == f"{SECRET} second"
    shown = deployed + faas.said + faas("describe", "reader") + faas("export", "reader") + faas("logs", "reader")
    assert SECRET not in shown


def test_one_that_is_there_is_not_replaced_by_accident(faas: Faas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", SECRET)
    faas("secret", "create", "once", "--from-env", "A")

    faas("secret", "create", "once", "--from-env", "A", code=1)

    assert "there is a Secret 'once' in namespace default already" in faas.said
    assert "--update" in faas.said


def test_what_cannot_be_read_makes_nothing_and_shows_nothing(faas: Faas) -> None:
    noisy = f"import sys; print('{SECRET}'); print('vault is sealed', file=sys.stderr); sys.exit(3)"
    faas("secret", "create", "broken", "--from-command", f'K={sys.executable} -c "{noisy}"', code=1)
    failed = faas.said
    faas("secret", "create", "broken", "--from-env", "FAAS_TEST_NOT_THERE", code=1)
    unset = faas.said
    faas("secret", "create", "broken", code=2)
    nothing = faas.said
    faas("secret", "create", "broken", "--from-command", "K=no-such-program-here", code=1)
    missing = faas.said
    faas("--verbose", "secret", "create", "broken", "--from-file", "K=/no/such/file", code=1)

    assert "failed with exit code 3" in failed
    assert "vault is sealed" in failed  # its own words go to the terminal
    assert "FAAS_TEST_NOT_THERE is not set" in unset
    assert "no key is given" in nothing
    assert "no-such-program-here" in missing
    assert SECRET not in failed
    assert "broken" not in faas.secrets()


def test_a_login_is_made_a_secret_that_pulls_images(faas: Faas, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"registry.example.org": {"auth": SECRET}}}))
    (tmp_path / "elsewhere.json").write_text(json.dumps({"credsStore": "desktop"}))

    made = faas("secret", "create", "pull", "--from-file", f".dockerconfigjson={tmp_path / 'config.json'}")
    faas("secret", "create", "none", "--from-file", f".dockerconfigjson={tmp_path / 'elsewhere.json'}", code=1)

    assert made == (
        "pull created: .dockerconfigjson, with logins for registry.example.org\n"
        'have images pulled with it:  image_pull_secrets = ["pull"] in the stage, or of one function\n'
    )
    assert "docker-credential-desktop keeps them" in faas.said
    assert "none" not in faas.secrets()


def test_a_dry_run_and_a_wrong_key_write_nothing(faas: Faas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", SECRET)

    assert faas("secret", "create", "dry", "--from-env", "A", "--dry-run") == (
        "dry would get A in namespace default\n"
    )  # fmt: skip
    faas("secret", "create", "dry", "--from-env", "A B=A", code=2)
    faas("secret", "create", "dry", "--from-env", "A", "--from-file", "A=/etc/hostname", code=2)

    assert "dry" not in faas.secrets()


def test_deleting_asks_and_says_who_reads_it(faas: Faas) -> None:
    faas.told("x", "secret", "create", "db", "--from-stdin", "PASSWORD")

    asked = faas.told("n\n", "secret", "delete", "db")

    assert "Delete Secret db, which reader reads?" in asked.stderr
    assert asked.returncode == 130
    assert "db" in faas.secrets()
    faas("secret", "delete", "db", "--yes")
    assert "db" not in faas.secrets()
    faas("secret", "delete", "db", "--yes", code=1)
    assert "there is no Secret 'db'" in faas.said
