"""What a project is, as files that others apply: `faas export`.

- `editions`: what is exported, of what is deployed or of a project
- `helm`, `kustomize`, `cloud_run`: as what; `rbac`: the rights of who deploys it
- `needed`, a page on Secrets; `caveats`: what no file says; `documents`: YAML
- `folder`: files on disk, of which only our own are overwritten or removed

All but `editions.reading`, `editions.of_project` and `folder` are functions of values. Nothing here knows what a
Secret holds.
"""
