"""What pack and the lifecycle print while they build, and what their exit codes mean."""

from __future__ import annotations

import re
from collections import deque

from faas_builders.errors import StepFailed

_TAIL = 20  # lines: enough for a compiler's complaint, short enough for a terminal

# Source: buildpacks/lifecycle platform/exit.go and cmd/exit.go.
_CODES = {
    11: ("the builder's lifecycle is too old or too new for this pack", "Update pack, or choose another builder image"),
    12: ("a buildpack wants another lifecycle", "Choose a newer builder image, or an older buildpack"),
    20: ("no group of buildpacks wants this project", ""),
    21: ("no group of buildpacks wants this project, and one of them failed", "The output says which, and why"),
    22: ("detection failed", ""),
    32: ("the images that the build needs could not be read", "Check their names and docker login"),
    42: ("what the last build left could not be restored", "Build without it: --clear-cache"),
    51: ("a buildpack failed", "The output is the buildpack's own"),
    52: ("the buildpacks could not be run", ""),
    62: ("the image could not be written", "Look for room on the disk of the Docker engine"),
    91: ("an image extension failed", "The output is the extension's own"),
    92: ("the image extensions could not be run", ""),
    102: ("the base image could not be extended", ""),
}
_DETECTION_HINT = (
    "A project is ours when a module of it imports faas, or pyproject.toml has [tool.faas]; "
    "the build or run image needs Python 3.11, or a buildpack that brings one"
)


class Progress:
    """Reads the lines of `pack build`."""

    def __init__(self) -> None:
        self.step = ""  # DETECTING
        self._status: int | None = None
        self._errors: list[str] = []
        self._tail: deque[str] = deque(maxlen=_TAIL)

    def line(self, text: str) -> str:
        """What to show of this line; "" for nothing."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", text).rsplit("\r", 1)[-1].rstrip()
        if step := re.fullmatch(r"(?:\[[\w ()-]+\] +)?===> (.+)", text):
            self.step = step[1]
            self._tail.clear()
            return f"===> {self.step}"
        if status := re.search(r"failed with status code: (\d+)", text):
            self._status = int(status[1])
        elif error := re.match(r"(?:\[[\w ()-]+\] +)?ERROR: (.+)", text):
            self._errors.append(error[1])
        if text:
            self._tail.append(text)
        return text

    def failure(self, exit_code: int) -> StepFailed:
        """What to raise when pack has ended with `exit_code`."""
        output = "\n".join(self._tail)
        step = f"pack build, {self.step}" if self.step else "pack build"
        if self._status is None:
            reason = self._errors[-1] if self._errors else f"pack ended with exit code {exit_code}"
            return StepFailed(step, reason, output, _advice(reason))
        reason, hint = _CODES.get(self._status, (f"the lifecycle ended with status code {self._status}", ""))
        if 20 <= self._status < 30:
            hint = f"{hint}; {_DETECTION_HINT}" if hint else _DETECTION_HINT
        return StepFailed(step, reason, output, hint)


def _advice(reason: str) -> str:
    if "docker daemon" in reason.lower() or "docker.sock" in reason:
        return "pack builds in containers: start Docker, or set DOCKER_HOST"
    if "failed to fetch builder" in reason or "fetch image" in reason:
        return "Check the name of the builder image and docker login"
    return ""
