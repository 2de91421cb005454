"""A base and an overlay for each stage: `kustomization`, with patches of what `differences` there are. Pure."""
