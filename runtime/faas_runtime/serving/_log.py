"""gunicorn's logger as the worker sees it: warnings and worse go to stderr, where a platform collects them."""

from __future__ import annotations

import sys


class StderrLog:
    """`gunicorn.glogging` configures logging handlers, files and syslog; a function's process has one stream.

    Writes plain lines and leaves the user's own `logging` configuration alone.
    """

    access_log_enabled = False

    def debug(self, message: str, *args: object, **kwargs: object) -> None:
        """Details of connections: of no interest to a function's author."""

    info = debug
    access = debug

    def warning(self, message: str, *args: object, **kwargs: object) -> None:
        print(message % args if args else message, file=sys.stderr, flush=True)

    error = critical = warning

    def exception(self, message: str, *args: object, **kwargs: object) -> None:
        import traceback

        self.warning(message, *args)
        traceback.print_exc()

    def close_on_exec(self) -> None:
        """There are no files of its own."""

    reopen_files = close_on_exec
