"""Speaks to registries: pulls into a folder of blobs, pushes images out of a store.

Source: OCI distribution specification 1.1, with what Docker's registries have besides (token authentication, schema 2).

- `names`: references to images, read as Docker reads them
- `credentials`, `tls`: what this user and this machine have for a registry
- `challenges`, `tokens`: from a registry's 401 to the header that it wants
- `connections`, `transport`: one request, through lost connections, redirects and refusals
- `client`, `uploads`, `downloads`, `referrers`: what a registry can do
- `pull`, `push`: several of these at a time, and in which order

Knows nothing of how an image is made.
"""
