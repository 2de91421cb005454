"""The Dockerfile that is made for a project without one: the same image as the `oci` builder's, built inside."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from faas_builders.errors import BuildError
from faas_builders.oci.bases.inspecting import USER
from faas_builders.oci.image_config import PORT

PINS = "requirements.txt"
FOLDER = ".faas"  # in the build context: what the project does not have itself

Install = Literal["pip", "copy", "nothing"]
"""How dependencies get in: pip of the base inside the build, a folder that was filled here, or there are none."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a Dockerfile says."""

    base: str
    python: str  # its path in the base
    install: Install
    env: Mapping[str, str]  # what the base does not have
    secrets: tuple[str, ...] = ()  # ids
    hashed: bool = False


def make_dockerfile(recipe: Recipe) -> str:
    lines: list[str] = []
    if recipe.install == "pip":
        lines += [f"FROM {recipe.base} AS dependencies", f"COPY {FOLDER}/{PINS} /{FOLDER}/{PINS}", _install(recipe), ""]
    lines.append(f"FROM {recipe.base}")
    if recipe.install == "pip":
        lines.append("COPY --from=dependencies /opt/faas/deps /opt/faas/deps")
    if recipe.install == "copy":
        lines.append(f"COPY {FOLDER}/deps /opt/faas/deps")
    lines += [f"COPY {FOLDER}/runtime /opt/faas/runtime", "COPY app /app"]
    lines += env_lines(recipe.env)
    lines += ["WORKDIR /app", f"USER {USER}:{USER}", f"EXPOSE {PORT}/tcp", "STOPSIGNAL SIGTERM", "HEALTHCHECK NONE"]
    lines.append(f"ENTRYPOINT {json.dumps([recipe.python, '-P', '-m', 'faas_runtime'])}")
    return "\n".join(lines) + "\n"


def with_env(dockerfile: str, env: Mapping[str, str]) -> str:
    """Somebody's Dockerfile whose last stage sets these too."""
    if not env:
        return dockerfile
    return "\n".join([dockerfile.rstrip("\n"), *env_lines(env, _escape_character(dockerfile))]) + "\n"


def env_lines(env: Mapping[str, str], escape: str = "\\") -> list[str]:
    """ENV instructions that set exactly these values: nothing in them is a variable.

    Raises: BuildError: a value has several lines, which no instruction can hold.
    """
    if broken := [name for name, value in env.items() if "\n" in value]:
        raise BuildError(f"the value of {broken[0]} has several lines, which ENV cannot set", "Mount it as a file")
    return [f"ENV {name}={_quoted(value, escape)}" for name, value in env.items()]


def needs_buildkit(dockerfile: str) -> str:
    """The first line that the classic builder does not understand; "" when it understands all."""
    for line in dockerfile.splitlines():
        if _BUILDKIT.search(line):
            return line.strip()
    return ""


# Options stand between the instruction and its words; what comes later is the command's own.
_BUILDKIT = re.compile(
    r"^\s*#\s*syntax\s*=|^\s*(?:RUN|ADD|COPY)(?:\s+--\S+)*?\s+"
    r"--(?:mount|network|security|link|parents|exclude|checksum|chmod)(?:[=\s]|$)"
    r"|^\s*(?:RUN|COPY|ADD)\b.*<<-?[\"']?\w+",
    re.IGNORECASE,
)


def _install(recipe: Recipe) -> str:
    command = [recipe.python, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--no-deps"]
    command += ["--target", "/opt/faas/deps", "-r", f"/{FOLDER}/{PINS}"] + (["--require-hashes"] * recipe.hashed)
    if not recipe.secrets:
        return f"RUN {json.dumps(command)}"
    mounts = " ".join(f"--mount=type=secret,id={name}" for name in recipe.secrets)
    # What pip and its HTTP client look for, under the names that they have elsewhere.
    known = {"pip.conf": "PIP_CONFIG_FILE", "netrc": "NETRC"}
    settings = [f"{known[name]}=/run/secrets/{name} " for name in recipe.secrets if name in known]
    return f"RUN {mounts} {''.join(settings)}{' '.join(command)}"


def _quoted(value: str, escape: str) -> str:
    escaped = re.sub(r'(["$\\`])' if escape == "`" else r'(["$\\])', lambda match: escape + match[1], value)
    return f'"{escaped}"'


def _escape_character(dockerfile: str) -> str:
    """Parser directives are comments at the very top. Source: Dockerfile reference, "Parser directives"."""
    for line in dockerfile.splitlines():
        match = re.fullmatch(r"#\s*(\w+)\s*=\s*(.+?)\s*", line.strip())
        if match is None:
            break
        if match[1].lower() == "escape":
            return match[2]
    return "\\"
