"""What a CNB lifecycle does with one buildpack, by the book: detect, restore, build, and the environment at launch.

Source: CNB Buildpack Interface 0.10 ("Build Plan", "Layer Types", "Environment").
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PATH = os.environ["PATH"]


@dataclass
class Detected:
    exit_code: int
    plan: dict[str, Any]
    output: str

    def alternatives(self) -> Iterator[dict[str, Any]]:
        yield {"provides": self.plan.get("provides", []), "requires": self.plan.get("requires", [])}
        yield from self.plan.get("or", [])

    def chosen(self, provided_before: Sequence[str] = ()) -> dict[str, Any] | None:
        """The first alternative in which all that is required is provided, and all that is provided is required."""
        for plan in self.alternatives():
            provides = {entry["name"] for entry in plan.get("provides", [])}
            requires = {entry["name"] for entry in plan.get("requires", [])}
            if requires <= provides | set(provided_before) and provides <= requires:
                return plan
        return None


@dataclass
class Lifecycle:
    """One app in a work folder, where `build` may run several times."""

    buildpack: Path
    app: Path
    work: Path
    env: dict[str, str] = field(default_factory=dict)  # of the user
    path: str = _PATH
    builds: int = 0

    @property
    def platform(self) -> Path:
        return self.work / "platform"

    @property
    def layers(self) -> Path:
        """Of the last build. A build's layers always lie in the same place; here old ones are kept to look at."""
        return self.work / "layers"

    def detect(self) -> Detected:
        plan = self.work / "plan.toml"
        plan.write_text("")
        done = self._run("detect", CNB_BUILD_PLAN_PATH=str(plan))
        return Detected(done.returncode, tomllib.loads(plan.read_text()), done.stdout + done.stderr)

    def build(self) -> subprocess.CompletedProcess[str]:
        """Run bin/build on what is restored of the last one."""
        plan = self.work / "bp-plan.toml"
        plan.write_text('[[entries]]\nname = "faas-function"\n')
        if self.builds:
            self._restore()
        self.layers.mkdir(exist_ok=True)
        self.builds += 1
        return self._run("build", CNB_LAYERS_DIR=str(self.layers), CNB_BP_PLAN_PATH=str(plan))

    def layer(self, name: str) -> dict[str, Any]:
        return tomllib.loads((self.layers / f"{name}.toml").read_text())

    @property
    def launch(self) -> dict[str, Any]:
        return tomllib.loads((self.layers / "launch.toml").read_text())

    def launch_env(self, process: str, given: Mapping[str, str]) -> dict[str, str]:
        """What the launcher sets before it executes the process, over what the container was given."""
        env = {"PATH": self.path, **given}
        for folder in self._launch_layers():
            if (folder / "bin").is_dir():
                env["PATH"] = f"{folder / 'bin'}:{env['PATH']}"
        for folder in self._launch_layers():
            for place in (folder / "env", folder / "env.launch", folder / "env.launch" / process):
                _apply(place, env)
        return env

    def _launch_layers(self) -> list[Path]:
        names = sorted(path.name.removesuffix(".toml") for path in self.layers.glob("*.toml"))
        described = [name for name in names if name not in ("launch", "build", "store")]
        return [self.layers / name for name in described if self.layer(name)["types"]["launch"]]

    def _restore(self) -> None:
        """Contents of cached layers, metadata of those and of launch layers, types of none; nothing else."""
        last = self.layers.rename(self.work / f"layers-{self.builds}")
        self.layers.mkdir()
        for described in last.glob("*.toml"):
            name = described.name.removesuffix(".toml")
            table = tomllib.loads(described.read_text())
            if "types" not in table:
                continue
            if table["types"]["cache"]:
                shutil.copytree(last / name, self.layers / name, symlinks=True)
            if table["types"]["cache"] or table["types"]["launch"]:
                key = table.get("metadata", {}).get("key", "")
                (self.layers / described.name).write_text(f'[metadata]\nkey = "{key}"\n' if key else "")

    def _run(self, phase: str, **given: str) -> subprocess.CompletedProcess[str]:
        user = self.platform / "env"
        user.mkdir(parents=True, exist_ok=True)
        for name, value in self.env.items():
            (user / name).write_text(value)
        env = {
            "PATH": self.path,
            "HOME": str(self.work),
            "CNB_BUILDPACK_DIR": str(self.buildpack),
            "CNB_PLATFORM_DIR": str(self.platform),
            "CNB_TARGET_OS": "linux",
            **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))},
            **given,
            **self.env,
        }
        program = self.buildpack / "bin" / phase
        return subprocess.run(
            [program], cwd=self.app, env=env, capture_output=True, text=True, check=False, timeout=100
        )


def _apply(folder: Path, env: dict[str, str]) -> None:
    if not folder.is_dir():
        return
    files = sorted(path for path in folder.iterdir() if path.is_file())
    delimiters = {path.stem: path.read_text() for path in files if path.suffix == ".delim"}
    for path in files:
        name, _, how = path.name.partition(".")
        value, known, delimiter = path.read_text(), env.get(name, ""), delimiters.get(name, "")
        match how:
            case "" | "override":
                env[name] = value
            case "default":
                env[name] = known or value
            case "append":
                env[name] = f"{known}{delimiter}{value}" if known else value
            case "prepend":
                env[name] = f"{value}{delimiter}{known}" if known else value
