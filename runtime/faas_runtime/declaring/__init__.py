"""What a user declares, and what follows from that alone: names, paths, triggers, and the whole as values (`spec`).

`decorators` is the way in, `recording` checks, `registry` remembers. Everything here happens while the user's module is
imported, or is asked by those who write manifests: nothing knows a request, a loop or an environment.
"""
