"""OCI images: made, kept, written and read without a daemon and without root.

- `builder`, `host`: the builders, on one of the `bases`, with `image_layers` and an `image_config` of theirs
- `model`: the documents; `layers`: a folder as a layer, and the other way round
- `store`: the images of one engine, on a `layout` whose index `entries` decides on; `prune`; `unpacking` for processes
- `archive`, `importing`: images for other programs and of theirs
- `attestations`: what is told with an image

Source: OCI image format 1.1 (manifest, config, image layout).
"""
