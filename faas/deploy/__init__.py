"""From a project to Services that answer: plan (a pure diff), apply, wait, move traffic.

- `steps`: named steps with log and timing, which a display listens to
- `traffic`: traffic lists as values: parse, pin, tag, go back
- `plan`: what a deploy would change; `wait`: what a Service's conditions say about it
- `events`: Brokers, sources and Triggers: what would change, and making it so; `settled` waits for them
- `belonging`: which Triggers and sources are a Service's; `deploying`: all of a project, in the right order
- `rollout`: the deploy of Services, over any `faas.client.protocol.Client`

Prints nothing and asks nobody.
"""
