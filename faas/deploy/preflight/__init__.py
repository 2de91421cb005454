"""What is asked of a cluster before anything is built, copied or written.

- `check`: what would stop a deploy: its namespace, rights, and what functions name
- `missing`: what of that is not there
- `surroundings`: what the cluster has that decides how objects for it are written
"""
