"""Knative Services: applied together, waited for, and who gets their requests.

- `traffic`: lists of traffic as values: parse, pin, tag, go back; `split` changes one
- `wait`: what a Service's status says of a change, until it is settled; `failing`: what to tell when it is not
- `holding`: whose traffic waits for the others of a deploy, and how
- `rollout`: all of a deploy's Services, whose traffic moves together or not at all
"""
