"""httpx without its command line program, as the builders have it: importing that is half of what httpx takes."""

from __future__ import annotations

from faas_builders.registry._httpx import httpx

__all__ = ["httpx"]
