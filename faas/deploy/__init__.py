"""From a project to Services that answer: plan (a pure diff), apply, wait, move traffic.

From the top, each on what is below it:

- `export`: a project as files that others apply
- `prepare`: a project's images and objects, before any server is asked to change
- `deploying`: carries out, in the right order, what `planning` has found out
- `programs`: ours, in a cluster
- `images`: which, how they are made, where a cluster gets them
- `bindings`: what brings Services events and names
- `services`: applied, waited for, traffic moved
- `preflight`: what would stop a deploy, before it begins
- `objects`: what is there, what would be, one of them onto a server
- `reasons`: why something does not become ready
- `errors`, and the `facts` they tell
- `steps`: named steps with log and timing, which a display listens to; `bounded`: many requests, a few at once

Prints nothing and asks nobody. Imports go one way, see the contract in pyproject.toml.
"""
