"""What `faas run` does while it runs: deploys the project at each save, shows its logs, says what is wrong.

`session` ties it together; `deployer` brings one save to the engine: `project_state` turns the folder into Services,
`rollout` applies and waits. `changes` watches files; `logtail` follows logs and `loglines` renders them; `screen` is
the terminal. Talks to the engine as any other client does, over its API.
"""
