"""The embedded engine: Knative's behaviour for one machine.

`main` is the only place that knows all the parts, and wires them; the parts are siblings that talk in the words of
`contract`. What takes two parts to tell stands beside `main`: `observation`, `podlogs`, `housekeeping`. The gateway and
the supervisor are processes of their own.
"""
