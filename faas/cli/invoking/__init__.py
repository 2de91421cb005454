"""What `faas invoke` does: one request or one event to a function, on the engine or on a cluster.

- `asking`: what is sent, from what was typed; `events`: CloudEvents in their two HTTP forms
- `services`: what a Service says of where it is called. Pure
- `ways`: the ways to it on a cluster; `sending`: the request over one of them
- `showing`: what came back
"""
