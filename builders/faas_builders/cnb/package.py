"""The complete buildpack as a folder: scripts, our libraries, and what they need, for one platform and several Pythons.

lib/common/     faas_builders, and packages that fit every Python; uv
lib/TAG/        packages with extensions, for one Python (cpython-312)
lib/made-for    one line for people
runtime/TAG/    faas_runtime and what it needs, the layer that a build copies; `.key` names its content
"""

from __future__ import annotations

import importlib.metadata
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from faas_builders.cache import cache_dir, cached, key_of
from faas_builders.cnb import toml
from faas_builders.deps.destination import uv_platform
from faas_builders.deps.runtime import runtime_layer
from faas_builders.deps.uv import run_uv
from faas_builders.errors import BuildError
from faas_builders.files import ProjectFile, content_hash
from faas_builders.oci.layers.layer import folder_files
from faas_builders.target import Platform, Target

MINORS = ("3.11", "3.12", "3.13", "3.14")
LIBC = (2, 28)  # glibc of the oldest image that builders are made of still (RHEL 8)

# What `faas_builders.cnb` imports; its other parts need more, and nobody calls them there.
_PURE = ("uv", "packaging", "pathspec")
_COMPILED = ("msgspec",)

Log = Callable[[str], None]


def packaged(platform: Platform, log: Log) -> Path:
    """The buildpack for a platform, from the cache of this user; made anew when anything of ours changes."""
    key = key_of(str(platform), *_versions(), content_hash(folder_files(_scripts())), content_hash(_own_files()),
                 *(_runtime(platform, minor).name for minor in MINORS))  # fmt: skip
    return cached(cache_dir() / "buildpacks" / key, lambda folder: _fill(folder, platform, MINORS, log))


def package(folder: Path, platform: Platform, minors: Sequence[str], log: Log) -> None:
    """Write the buildpack into `folder`, replacing one that is there. Raises: BuildError: it holds something else."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "buildpack.toml").is_file():
        raise BuildError(f"{folder} is not empty, and no buildpack", "Name another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder.parent) as part:
        made = Path(part) / "buildpack"
        made.mkdir()
        _fill(made, platform, minors, log)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)


def _fill(folder: Path, platform: Platform, minors: Sequence[str], log: Log) -> None:
    shutil.copytree(_scripts(), folder, dirs_exist_ok=True)
    for program in (folder / "bin").iterdir():
        program.chmod(0o755)  # not every installer keeps the modes of a wheel
    _name_target(folder / "buildpack.toml", platform)
    common = folder / "lib" / "common"
    _copy_own(common)
    log(f"libraries for {platform}")
    _install(common, _PURE, Target(platform, minors[0], "glibc", LIBC))
    for minor in minors:
        target = Target(platform, minor, "glibc", LIBC)
        log(f"runtime for Python {minor}")
        _install(folder / "lib" / _tag(minor), _COMPILED, target)
        runtime = runtime_layer(target)
        shutil.copytree(runtime, folder / "runtime" / _tag(minor), symlinks=True)
        (folder / "runtime" / _tag(minor) / ".key").write_text(runtime.name)
    made_for = f"{platform} with glibc {LIBC[0]}.{LIBC[1]} or newer, Python {', '.join(minors)}"
    (folder / "lib" / "made-for").write_text(made_for + "\n")


def _install(folder: Path, names: Sequence[str], target: Target) -> None:
    """In the versions installed here: those were tested."""
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in names]
    where = ["--target", str(folder), "--python-platform", uv_platform(target), "--python-version", target.minor]
    run_uv(["pip", "install", "--quiet", "--no-deps", "--no-config", "--only-binary", ":all:", *where, *wanted])
    (folder / ".lock").unlink(missing_ok=True)


def _copy_own(common: Path) -> None:
    for file in _own_files():
        target = common / "faas_builders" / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.source, target)
    # What an extra of faas-runtime stands for is read from its metadata.
    for name in ("faas-runtime", "faas-builders"):
        distribution = importlib.metadata.distribution(name)
        info = common / f"{name.replace('-', '_')}-{distribution.version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(distribution.read_text("METADATA") or "", encoding="utf-8")


def _own_files() -> list[ProjectFile]:
    package = Path(__file__).parent.parent
    return [file for file in folder_files(package) if not file.path.startswith("cnb/buildpack")]


def _scripts() -> Path:
    """`builders/buildpack`, which wheels have inside the package."""
    folder = Path(__file__).parent / "buildpack"
    if not (folder / "buildpack.toml").is_file():
        raise BuildError("the files of the buildpack are not installed", "Install faas-builders again")
    return folder


def _name_target(descriptor: Path, platform: Platform) -> None:
    table = tomllib.loads(descriptor.read_text(encoding="utf-8"))
    wanted = (platform.os, platform.architecture)
    fitting = [target for target in table["targets"] if (target["os"], target["arch"]) == wanted]
    if not fitting:
        known = ", ".join(f"{target['os']}/{target['arch']}" for target in table["targets"])
        raise BuildError(f"the buildpack cannot be packaged for {platform}", f"It is there for {known}")
    descriptor.write_text(toml.dumps({**table, "targets": fitting}), encoding="utf-8")


def _runtime(platform: Platform, minor: str) -> Path:
    return runtime_layer(Target(platform, minor, "glibc", LIBC))


def _versions() -> list[str]:
    return [f"{name}=={importlib.metadata.version(name)}" for name in (*_PURE, *_COMPILED)]


def _tag(minor: str) -> str:
    return f"cpython-{minor.replace('.', '')}"
