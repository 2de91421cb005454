"""OCI images on disk: layers, manifests, the store, and the builder for this machine's own Python.

Source: OCI image format 1.1 (manifest, config, image layout).
"""
