"""Instances as containers of a Docker engine: any image, in any language, beside the functions that are processes.

- `connection`: the Docker engine's API; short calls go through its SDK in a few threads, streams live on the loop;
  `place`: where it listens
- `images`: from a reference to an image that the engine has; `pulling`: from a registry; `failures`: in which words
- `spec`: what a container is made with, as a function of values; `volumes`; `network`
- `doorway` and `relay`: how containers call functions, publish events and reach other services
- `run`: one container from its creation to its removal; `output`: what it prints
- `ownership`: whose containers are whose; `sweeping` and `watcher`: none of ours is left behind
- `ending`: a program that ends them all with the supervisor; `driver` puts the rest together

Nothing here is imported by an engine without containers but `driver`, and the Docker SDK only when the first image is
resolved: it takes 5 MB and a fifth of a second.
"""

from faas.engine.instances.docker.driver import DockerDriver

__all__ = ["DockerDriver"]
