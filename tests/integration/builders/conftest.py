"""Real parts for builders: the Docker engine, a registry, a base image."""

from __future__ import annotations

from tests.containers_world import busybox, debian_base, docker, registry

__all__ = ["busybox", "debian_base", "docker", "registry"]
