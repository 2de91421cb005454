"""Who asks an API server, and which one is believed.

- `identity`: what a kubeconfig's user shows, renewed when it changes, ends or is refused
- `plugins`: programs that print credentials; `tls`: certificates, theirs and ours
"""
