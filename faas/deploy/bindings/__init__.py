"""What brings Services their events and their names: Brokers, Triggers, sources, domains.

- `events`: Brokers, sources and Triggers of a deploy, in the order that loses no event
- `domains`: DomainMappings; `claims`: whose a host is
- `making` and deleting one of them; `settled`, `ready`: until they are so
"""
