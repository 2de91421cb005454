"""The command line: one module a command, each parses, calls the library, prints.

`main` holds the group and loads a command's module when it is called; `errors` turns the library's facts into advice.
What commands share: `session` (find the engine, connect), `options`, `engine_options` and `project_options`, `output`
and `progress`, `conditions`, `requests` (for `invoke`), `checks` (for `doctor`), `systemd` (for `up`). `dev` is what
`faas run` does.
Results go to stdout, progress to stderr; exit 0 done, 1 failed, 2 misused.
"""
