"""The command line: one module a command, each parses, calls the library, prints.

`main` holds the group and loads a command's module when it is called; `errors` turns the library's facts into advice.
What commands share: `connection` (find the engine, connect), `options`, `engine_options`, `project_options`, `output`,
`progress`, `conditions`; and of one command only: `requests` (invoke), `checks` (doctor), `systemd` (up), `dev` (run).
Results go to stdout, progress to stderr; exit 0 done, 1 failed, 2 misused.
"""
