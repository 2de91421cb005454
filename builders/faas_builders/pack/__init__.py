"""The `pack` builder: Cloud Native Buildpacks, through the pack CLI.

- `command`: where pack is, and its command line; `secrets`: files for the build only, as service bindings
- `output` reads what pack and the lifecycle print, and says what their exit codes mean; `builder` puts it together
"""
