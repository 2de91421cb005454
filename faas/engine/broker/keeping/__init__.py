"""The Brokers of the table, as long as they are there: opened, stored to, trimmed, deleted some time after they went.

`brokers` has them all and `store` is one of them; `retention` decides what a log may forget, `types_seen` counts what
came in. `table` is what is known again after a restart, and `recovery` watches a server that stores nothing any more.
"""
