"""Our buildpack, as the programs in `builders/buildpack/bin` run it: any CNB platform can build functions with it.

- `__main__`: `build`, for the lifecycle, and `package DIR`, which writes the complete buildpack folder
- `environment`: what the lifecycle hands over; `bindings`: secrets; `layers`: folders, their toml files, variables
- `functions`: what the project declares; `building` puts a build together; `package` vendors what it needs
- `toml`: a writer for the files of the specification

Source: CNB Buildpack Interface 0.10. Knows nothing of registries and Docker; `bin/detect` is a shell script, since the
Python may come from another buildpack and is not there yet when a lifecycle asks.
"""
