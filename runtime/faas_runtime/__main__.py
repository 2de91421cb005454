"""`PORT=8080 FAAS_FUNCTION=main:hello python -m faas_runtime` serves that function; `serving` has the exit codes."""

from __future__ import annotations

import os
import sys


def main() -> int:
    from faas_runtime.serving import exits
    from faas_runtime.serving.options import Misused, read_options

    try:
        options = read_options(os.environ)
    except Misused as error:
        print(f"faas-runtime: {error}", file=sys.stderr)
        return exits.MISUSED
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())

    if options.workers > 1:
        from faas_runtime.app import load
        from faas_runtime.serving.arbiter import FunctionApplication

        FunctionApplication(options, load).run()
        return exits.DONE

    from faas_runtime.serving.plain import serve_function

    return serve_function(options)


if __name__ == "__main__":
    sys.exit(main())
