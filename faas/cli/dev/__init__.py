"""What `faas run` does while it runs: deploys the project at each save, shows its logs, says what is wrong.

`session` ties it together; `project_state` turns the folder into Services; `describer` asks a warm process what the
project declares; `rollout` applies and waits; `changes` watches files; `loglines` renders and `logtail` follows.
Talks to the engine as any other client does, over its API.
"""
