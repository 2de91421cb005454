"""From a project to Services that answer: plan (a pure diff), apply, wait, move traffic.

- `prepare`: a project's images (`choice`, `images`, `building`) and objects; `cluster_image`, `cluster_programs` and
  `surroundings`: what a cluster needs of both; `preflight` (`references`): what would stop it early
- `deploying`: all of a project, in the right order, of `rollout` (Services), `events` (Brokers, sources, Triggers),
  `domains` and `dead_letters`; `namespace` makes one
- `comparing`: what a deploy would change, from what is there (`live`), what was applied last (`applied`), the pure diff
  (`plan`) and others' fields (`conflicts`); `hidden`: a Secret as anybody may see it
- `applying` one object; `wait`, `settled`, `store_ready`: until it is so; `lasting`: for how long; `failing`: why it is
  not, from Pods and Events (`troubles`, `reasons`) and `logs`
- `traffic`: lists of traffic as values: parse, pin, tag, go back; `split` changes one
- `promoting`, `leaving`, `collecting`: another stage's images, what goes, events on their way to a terminal
- `belonging`: which Triggers and sources are a Service's
- `export`: a project as files that others apply
- `steps`: named steps with log and timing, which a display listens to; `bounded`: many requests, a few at once

Prints nothing and asks nobody. Imports go one way, see the contract in pyproject.toml.
"""
