"""The command line: one module a command, each parses, calls the library, prints.

`main` holds the group and loads a command's module when it is called; `errors` turns the library's facts into advice.
Results go to stdout, progress to stderr; exit 0 done, 1 failed, 2 misused.
"""
