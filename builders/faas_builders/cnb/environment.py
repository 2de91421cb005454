"""What a lifecycle hands over to `bin/build`, and what the user may say in variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faas_builders.errors import BuildError


@dataclass(frozen=True, slots=True)
class Given:
    app: Path
    layers: Path
    platform: Path
    plan: Path  # the entries that we are to provide
    buildpack: Path
    functions: str = ""  # BP_FAAS_FUNCTION or FAAS_FUNCTION: what to serve unless said otherwise at launch
    groups: tuple[str, ...] = ()  # BP_FAAS_GROUPS: dependency groups that the functions need too
    extras: tuple[str, ...] = ()  # BP_FAAS_EXTRAS: of the project itself
    env: Mapping[str, str] | None = None  # BPE_NAME: variables of the image
    bindings: Path | None = None  # folder of service bindings


def read_environment(environ: Mapping[str, str], arguments: Sequence[str], app: Path) -> Given:
    """Args: arguments: layers, platform and plan, as lifecycles before Buildpack API 0.8 say it.

    Raises: BuildError: this is no lifecycle's build.
    """
    old = dict(zip(("CNB_LAYERS_DIR", "CNB_PLATFORM_DIR", "CNB_BP_PLAN_PATH"), arguments, strict=False))

    def path(name: str) -> Path:
        value = environ.get(name) or old.get(name, "")
        if not value:
            raise BuildError(f"{name} is not set", "This program is run by a buildpack lifecycle: pack build")
        return Path(value)

    platform = path("CNB_PLATFORM_DIR")
    bindings = Path(environ.get("SERVICE_BINDING_ROOT") or platform / "bindings")
    return Given(
        app=app,
        layers=path("CNB_LAYERS_DIR"),
        platform=platform,
        plan=path("CNB_BP_PLAN_PATH"),
        buildpack=path("CNB_BUILDPACK_DIR"),
        functions=environ.get("BP_FAAS_FUNCTION") or environ.get("FAAS_FUNCTION", ""),
        groups=_names(environ.get("BP_FAAS_GROUPS", "")),
        extras=_names(environ.get("BP_FAAS_EXTRAS", "")),
        env={name[4:]: value for name, value in environ.items() if name.startswith("BPE_") and name != "BPE_"},
        bindings=bindings if bindings.is_dir() else None,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.replace(",", " ").split() if name)
