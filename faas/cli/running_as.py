"""Whether functions can run as another user: asked before the engine starts, because all else fails later and worse."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

from faas.cli.errors import CommandError
from faas.project.python.environment import toolkit_python


def check_user(name: str, state_dir: Path) -> None:
    """Raises: CommandError: we are not root, there is no such user, or what functions need is out of its reach."""
    if os.geteuid() != 0:
        raise CommandError(
            f"--run-as {name}: only root can run functions as another user",
            "Leave it out: they run as you. Or start the engine as root",
        )
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise CommandError(f"--run-as {name}: there is no such user", "Make one:  useradd --system " + name) from None
    python = toolkit_python().base
    if not _can(user, [str(python), "-I", "-S", "-c", "import json"]):
        raise CommandError(
            f"--run-as {name}: that user cannot run {python}, the Python that runs functions",
            "Install faas with a Python that everybody may read, such as /usr/bin/python3",
        )
    folder = next(path for path in state_dir.parents if path.exists())
    if not _can(user, ["/bin/sh", "-c", 'cd -- "$0"', str(folder)]):
        raise CommandError(
            f"--run-as {name}: that user cannot enter {folder}, and so not read the images below it",
            "Choose a folder for the state that everybody may enter:  faas up --state /var/lib/faas",
        )


def _can(user: pwd.struct_passwd, command: list[str]) -> bool:
    try:
        done = subprocess.run(
            command, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd="/", env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
    except PermissionError:
        return False
    return done.returncode == 0
