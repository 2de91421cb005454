"""Speaks to registries: pulls images into a folder of blobs, pushes images out of one.

Source: OCI distribution specification 1.1, with what Docker's registries have besides (token authentication, schema 2).

- `names`: references to images, read as Docker reads them
- `credentials`, `tls`: what this user and this machine have for a registry
- `challenges`, `tokens`: from a registry's 401 to the header that it wants
- `transport`: one request, through redirects, refusals and lost connections
- `client`, `uploads`, `referrers`: what a registry can do; `manifests`: the documents it keeps
- `pull`, `push`: whole images

Knows nothing of how an image is made.
"""
