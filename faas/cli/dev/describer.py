"""Asks what a project declares, in a fresh process each time."""

from __future__ import annotations

import asyncio

from faas_runtime.spec import Description

from faas.cli.dev.project_state import Project
from faas.project.discover import describe


class Describer:
    async def describe(self, project: Project) -> Description:
        """Raises: DiscoveryError."""
        return await asyncio.to_thread(describe, project.settings.root, project.environment)
