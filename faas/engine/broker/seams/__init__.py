"""What the broker's parts need of each other: Protocols, and the values and errors that pass between them.

`log` is what events are kept in, `publishing` what takes one in, `dispatching` what delivers them. Who does any of it
is not known here: the parts know these, and not one another.
"""
