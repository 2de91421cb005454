"""Getting at the user's code: which modules declare functions, imported from their source, and which functions a
target names.

Knows what is declared and where it is kept, not what becomes of it.
"""
