"""What a project is, as files that others apply: `faas export`.

- `cleaning`: an object as somebody would have written it by hand
- `edition`: all objects of a project in one place, in the order in which they are applied, and what Secrets they need
- `reading`: an edition of what is deployed, as it serves (`serving`); `of_project`: those of a project that may be
  deployed nowhere
- `kustomize`, with `differences` between editions; `helm`, with `helm_values` and `helm_templates`
- `cloudrun`, with `probes`; `rbac`; `needed`, a page on Secrets; `documents`: YAML
- `folder`: files on disk, of which only our own are overwritten or removed

All but `reading`, `of_project`, `rbac` and `folder` are functions of values. Nothing here knows the value of a Secret.
"""
