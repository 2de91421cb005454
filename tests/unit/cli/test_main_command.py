"""The group of commands: cheap help, one clear error, exit codes."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from faas.cli.errors import CommandError, explain
from faas.cli.main import _HELP, group, main
from faas.client.errors import Cause, Invalid, NotFound, Unavailable
from faas.client.places.state import EngineNotRunning, State
from faas.deploy.errors import NotReady
from faas.deploy.facts import Failure, Kept


def run(*arguments: str, state: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "faas.cli.main", *arguments],
        env={**os.environ, "FAAS_STATE": str(state)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_help_imports_nothing_but_click() -> None:
    code = (
        "import sys, click; before = set(sys.modules)\n"
        "import faas.cli.main as m\n"
        "try: m.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({n.partition('.')[0] for n in set(sys.modules) - before} - set(sys.stdlib_module_names)),"
        " any(n.startswith(('faas.engine', 'faas.client', 'faas.deploy')) for n in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    imported, knows_engine = done.stderr.rsplit(" ", 1)
    assert knows_engine.strip() == "False"
    assert not {"rich", "httpx", "yaml", "starlette", "faas_builders"} & set(eval(imported))


@pytest.mark.parametrize("name", sorted(_HELP.keys() - {"down", "status"}))  # these two are called in one way only
def test_every_command_has_help_that_starts_with_what_it_does_and_has_examples(name: str) -> None:
    result = CliRunner().invoke(group, [name, "--help"])

    assert result.exit_code == 0, result.output
    assert "Examples:" in result.output


@pytest.mark.parametrize("name", ["list", "describe", "revisions", "deploy", "traffic", "rollback", "export", "doctor"])
def test_what_prints_data_prints_it_as_json(name: str) -> None:
    assert "--output" in CliRunner().invoke(group, [name, "--help"]).output


def test_a_word_that_is_nearly_a_command_gets_a_suggestion(tmp_path: Path) -> None:
    code, _, said = run("depoy", state=tmp_path)

    assert (code, "Did you mean 'deploy'?" in said) == (2, True)


def test_misuse_is_exit_code_2(tmp_path: Path) -> None:
    assert run("deploy", "--scale-min", "-1", state=tmp_path)[0] == 2


def test_without_an_engine_commands_say_how_to_start_one(tmp_path: Path) -> None:
    code, out, said = run("list", state=tmp_path)

    assert (code, out) == (1, "")
    assert said.splitlines()[0] == f"error: no engine runs on {tmp_path}"
    assert "faas up" in said
    assert "Traceback" not in said


def test_verbose_shows_where_an_error_came_from(tmp_path: Path) -> None:
    assert "Traceback" in run("--verbose", "list", state=tmp_path)[2]


def test_a_project_that_does_not_import_shows_the_users_traceback_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("from faas import function\n\nimport nowhere_to_be_found\n")

    code, _, said = run("deploy", str(tmp_path), "--dry-run", state=tmp_path)

    assert code == 1
    assert "error: main.py:3: main does not import: ModuleNotFoundError" in said
    assert "install nowhere_to_be_found" in said
    assert "faas/deploy" not in said


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (CommandError("it broke", "mend it"), "it broke", "mend it"),
        (EngineNotRunning(State(Path("/s"))), "no engine runs on /s", "Start it:  faas up"),
        (NotFound("services x not found", kind="services"), "services x not found", "faas list -A"),
        (Unavailable("does not answer"), "does not answer", "faas status"),
        (ExceptionGroup("many", [CommandError("one")]), "one", ""),
        (FileNotFoundError(2, "No such file or directory", "/x"), "/x: No such file or directory", ""),
        (RuntimeError("odd"), "RuntimeError: odd", "faas --verbose"),
    ],
    ids=["command", "engine", "not-found", "unavailable", "group", "file", "unexpected"],
)
def test_errors_become_what_happened_and_what_to_do(error: Exception, message: str, hint: str) -> None:
    explanation = explain(error)

    assert explanation.message == message
    assert hint in explanation.hint


def test_refused_fields_are_listed() -> None:
    causes = (Cause("FieldValueInvalid", "expected 0 <= -1 <= 1000", "spec.template.spec.containerConcurrency"),)

    rendered = explain(Invalid("Service is invalid", causes=causes)).render(color=False)

    assert rendered == (
        "error: Service is invalid\n  spec.template.spec.containerConcurrency: expected 0 <= -1 <= 1000"
    )


def test_a_failed_deploy_shows_each_reason_with_the_last_log_lines() -> None:
    failures = (
        Failure("web", "RevisionFailed", "exited with 1", "web-00002", ("Traceback", "ValueError: no")),
        Failure("city", "", "not within 5 s", "city-00002"),
    )

    rendered = explain(
        NotReady(failures, kept=(Kept("city", "city-00001 100 %"), Kept("web", "web-00001 100 %")))
    ).render(color=False)

    assert rendered.splitlines() == [
        "error: not ready: web, city",
        "  web-00002 (RevisionFailed): exited with 1",
        "    | Traceback",
        "    | ValueError: no",
        "  city-00002: not within 5 s",
        "  traffic stays where it was: city (city-00001 100 %), web (web-00001 100 %)",
        "  See more:  faas describe web",
    ]


def test_main_exits_0_when_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])

    assert exit_.value.code in (0, None)
    assert capsys.readouterr().out.startswith("faas ")


def test_doctor_reports_each_thing_and_how_to_mend_it(tmp_path: Path) -> None:
    import json

    code, out, _ = run("doctor", "-o", "json", state=tmp_path)

    checks: dict[str, Any] = {check["name"]: check for check in json.loads(out)}
    assert code == 0
    expected = {
        "python",
        "uv",
        "platform",
        "limits",
        "state",
        "disk",
        "engine",
        "port",
        "events",
        "sources",
        "kubeconfig",
    }
    assert expected <= set(checks)
    assert checks["engine"]["status"] == "warning"
    assert "faas up" in checks["engine"]["fix"]


def test_doctor_refuses_a_kubeconfig_that_others_can_read(tmp_path: Path) -> None:
    from faas.cli.checks.machine import run_checks

    (tmp_path / "kubeconfig").write_text("{}")
    broken = {check.name: check for check in run_checks(State(tmp_path))}["kubeconfig"]
    assert (broken.status, "no current-context" in broken.found) == ("error", True)


def test_a_full_disk_is_called_one() -> None:
    explanation = explain(OSError(errno.ENOSPC, "No space left on device"))

    assert (explanation.message, explanation.hint) == ("the disk is full", "Free some space and run this again.")
