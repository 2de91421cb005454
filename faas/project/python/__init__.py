"""Whose Python a project has, and what its code declares there.

- `environment`: which Python, with what installed; `discover`: the functions, asked of a process of that Python
- `devimage`: the project's own folder as an image, for `faas run`
"""
