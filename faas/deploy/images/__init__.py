"""The images of a project: which, how they are made, and where a cluster gets them.

- `choice`: processes or containers, and who makes the image; `requests`: what is asked of `faas_builders`
- `building`: `faas build`, which needs no server
- `publishing`: for a cluster's nodes, in its registry; `programs`: the image of our own programs
- `ran`: the images that run in a stage, for another
"""
