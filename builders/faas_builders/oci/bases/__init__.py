"""Bases: the images that ours are built on, read and never run.

- `choice`: which one, for which Python, and what made it so
- `fetching`: its images for some platforms, from one of `sources`, kept in a `cache`
- `inspecting`: what its layers say about it, by way of a `filesystem` that holds little of them

It knows the store and the registry's client, and nothing of what is built on a base.
"""
