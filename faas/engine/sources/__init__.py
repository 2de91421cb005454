"""Runs sources: adapters as supervised processes, schedules and the engine's own objects as tasks."""
