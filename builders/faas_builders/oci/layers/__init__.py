"""Layers as archives: a folder as a layer (`layer`, by way of `gzipping`), and a layer as a folder (`extracting`).

`compression` tells how a layer is compressed, `limits` how much one may unpack to. It knows no image and no store.

Source: OCI image format 1.1 (layer).
"""
