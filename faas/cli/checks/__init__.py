"""What `faas doctor` looks at; nothing is changed.

- `machine`, `containers`: this machine, and what images need of it
- `cluster`: all of a cluster, for what the project here wants of it (`project`, `needs`); `view` asks each thing once
- `reach`, `knative`, `network`, `place`, `rights`, `leftovers`: one side of a cluster each
- `check`: what each finds
"""
