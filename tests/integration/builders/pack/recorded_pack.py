"""Stands in for pack, which no package registry has: its interface as recorded from pack 0.38, not its work.

It knows the flags of `pack build` (an unknown one is an error, as there), prints what pack and a lifecycle print, and
tags an image that the Docker engine has already as the one that was built. `--builder recorded/NAME` chooses a record.
What it was asked goes to $RECORDED_PACK_ASKED as JSON, with the files that a real lifecycle would see.
Source: buildpacks/pack internal/commands/build.go, internal/build/phase.go; buildpacks/lifecycle cmd, platform/exit.go.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

_ALL = ("ANALYZING", "DETECTING", "RESTORING", "BUILDING", "EXPORTING")
_FAILED = {
    "detection": ("DETECTING", 20, ["[detector] ERROR: No buildpack groups passed detection.",
                                    "[detector] ERROR: Please check that you are running against the correct path.",
                                    "[detector] ERROR: failed to detect: no buildpacks participating"]),
    "buildpack": ("BUILDING", 51, ["[builder] resolving requirements.txt for Python 3.12",
                                   "[builder] nothing-like-this was not found in the package registry",
                                   "[builder] ERROR: failed to build: exit status 1"]),
    "unknown": ("EXPORTING", 77, ["[exporter] something new"]),
}  # fmt: skip


def main() -> int:
    options = _parser().parse_args()
    _write_asked(options)
    kind = options.builder.removeprefix("recorded/")
    if kind == "no-builder":
        print(f"ERROR: failed to build: failed to fetch builder image '{options.builder}': not found", file=sys.stderr)
        return 1
    print("0.20.5: Pulling from buildpacksio/lifecycle")
    failed, code, said = _FAILED.get(kind, ("", 0, []))
    for step in _ALL:
        print(f"===> {step}", flush=True)
        if step == failed:
            print("\n".join(said))
            print(f"ERROR: failed to build: executing lifecycle: failed with status code: {code}", file=sys.stderr)
            return 1
        print(f"\x1b[36m[{step.lower()[:-3]}er]\x1b[0m done")
    _tag(options.image)
    print(f"Successfully built image {options.image}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pack", allow_abbrev=False)
    build = parser.add_subparsers(required=True).add_parser("build", allow_abbrev=False)
    build.add_argument("image")
    for flag in ("path", "builder", "platform", "creation-time", "pull-policy", "run-image", "lifecycle-image",
                 "network", "docker-host", "sbom-output-dir"):  # fmt: skip
        build.add_argument(f"--{flag}", default="")
    for flag in ("buildpack", "env", "env-file", "volume", "cache"):
        build.add_argument(f"--{flag}", action="append", default=[])
    for flag in ("trust-builder", "trust-extra-buildpacks", "clear-cache", "no-color"):
        build.add_argument(f"--{flag}", action="store_true")
    return parser


def _write_asked(options: argparse.Namespace) -> None:
    app = Path(options.path)
    env: dict[str, str] = {}
    for path in options.env_file:
        env |= dict(line.partition("=")[::2] for line in Path(path).read_text().splitlines())
    mounted = {}
    for volume in options.volume:
        host, target, *_ = volume.split(":")
        mounted[target] = {path.name: path.read_text() for path in Path(host).iterdir()}
    asked = {
        **vars(options),
        "files": sorted(str(path.relative_to(app)) for path in app.rglob("*") if path.is_file()),
        "variables": env,
        "mounted": mounted,
    }
    Path(os.environ["RECORDED_PACK_ASKED"]).write_text(json.dumps(asked))


def _tag(image: str) -> None:
    import docker

    name, _, tag = image.rpartition(":")
    client = docker.from_env()
    client.images.get(os.environ["RECORDED_PACK_IMAGE"]).tag(name, tag)
    client.close()


if __name__ == "__main__":
    sys.exit(main())
