"""The `docker` builder: images that a Docker engine builds, from the project's Dockerfile or from one made here.

- `engine`: the client, and the one error when no engine answers; `base`: which Python a base image has
- `dockerfile`: the text that is made; `context`: what is sent along with it
- `classic` and `buildkit`: the two ways to have it built; `progress` reads what they print
- `image`: from the engine into the image store; `builder` puts it together

The Docker SDK is imported when a build starts, not before.
"""
