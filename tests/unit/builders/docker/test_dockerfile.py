"""The Dockerfile that is made, and what is seen in one that a project has."""

from __future__ import annotations

import pytest
from faas_builders.docker.dockerfile import Recipe, env_lines, make_dockerfile, needs_buildkit, with_env
from faas_builders.errors import BuildError

ENV = {"PYTHONPATH": "/opt/faas/runtime/.own:/app:/opt/faas/deps:/opt/faas/runtime"}


def test_dependencies_are_installed_in_a_stage_of_their_own_so_that_pip_leaves_nothing_in_the_image() -> None:
    recipe = Recipe("python:3.12-slim", "/usr/local/bin/python3.12", "pip", ENV, hashed=True)

    assert make_dockerfile(recipe).splitlines() == [
        "FROM python:3.12-slim AS dependencies",
        "COPY .faas/requirements.txt /.faas/requirements.txt",
        'RUN ["/usr/local/bin/python3.12", "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", '
        '"--no-deps", "--target", "/opt/faas/deps", "-r", "/.faas/requirements.txt", "--require-hashes"]',
        "",
        "FROM python:3.12-slim",
        "COPY --from=dependencies /opt/faas/deps /opt/faas/deps",
        "COPY .faas/runtime /opt/faas/runtime",
        "COPY app /app",
        'ENV PYTHONPATH="/opt/faas/runtime/.own:/app:/opt/faas/deps:/opt/faas/runtime"',
        "WORKDIR /app",
        "USER 65532:65532",
        "EXPOSE 8080/tcp",
        "STOPSIGNAL SIGTERM",
        "HEALTHCHECK NONE",
        'ENTRYPOINT ["/usr/local/bin/python3.12", "-P", "-m", "faas_runtime"]',
    ]


def test_a_project_without_dependencies_copies_none() -> None:
    assert "deps" not in make_dockerfile(Recipe("base", "/usr/bin/python3", "nothing", {}))


def test_secrets_are_mounted_where_pip_looks_for_them_and_never_arguments() -> None:
    recipe = Recipe("base", "/usr/bin/python3", "pip", {}, secrets=("netrc", "pip.conf", "other"))

    (install,) = [line for line in make_dockerfile(recipe).splitlines() if line.startswith("RUN")]

    assert install.startswith(
        "RUN --mount=type=secret,id=netrc --mount=type=secret,id=pip.conf --mount=type=secret,id=other "
        "NETRC=/run/secrets/netrc PIP_CONFIG_FILE=/run/secrets/pip.conf /usr/bin/python3 -m pip install "
    )


@pytest.mark.parametrize(
    ("value", "line"),
    [
        pytest.param("main:hello", 'ENV A="main:hello"', id="plain"),
        pytest.param("$HOME", r'ENV A="\$HOME"', id="no-variable"),
        pytest.param('say "hi"', r'ENV A="say \"hi\""', id="quotes"),
        pytest.param("C:\\x\\", r'ENV A="C:\\x\\"', id="backslashes"),
    ],
)
def test_values_of_variables_are_taken_literally(value: str, line: str) -> None:
    assert env_lines({"A": value}) == [line]


def test_a_value_of_several_lines_is_refused() -> None:
    with pytest.raises(BuildError, match="the value of KEY has several lines"):
        env_lines({"KEY": "-----BEGIN\nEND-----"})


def test_variables_are_added_to_the_last_stage_with_the_escape_character_of_the_file() -> None:
    dockerfile = "# escape=`\nFROM a\nCOPY x y"

    assert with_env(dockerfile, {"A": "$b"}) == '# escape=`\nFROM a\nCOPY x y\nENV A="`$b"\n'
    assert with_env(dockerfile, {}) == dockerfile


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        pytest.param("RUN --mount=type=cache,target=/root/.cache make", True, id="mount"),
        pytest.param("run   --network=none make", True, id="network"),
        pytest.param("COPY --link a b", True, id="link"),
        pytest.param("RUN <<EOF", True, id="heredoc"),
        pytest.param("# syntax=docker/dockerfile:1", True, id="syntax"),
        pytest.param("COPY --from=x a b", False, id="from"),
        pytest.param("COPY --chown=1:1 a b", False, id="chown"),
        pytest.param("RUN cat a | tool --mount-all b", False, id="an-option-of-the-command"),
        pytest.param("RUN make", False, id="plain"),
    ],
)
def test_what_only_buildkit_understands_is_noticed(line: str, needed: bool) -> None:
    assert needs_buildkit(f"FROM base\n{line}\n") == (line if needed else "")
