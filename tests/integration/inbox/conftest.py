"""Real parts for the programs of a cluster: a registry, a Docker engine, a base image."""

from __future__ import annotations

from tests.containers_world import debian_base, docker, registry

__all__ = ["debian_base", "docker", "registry"]
