"""Which instance takes a request: revisions with their queues, their endpoints, and how busy they are.

Nothing here speaks HTTP: a revision gives an exchange to the `Pool` of one of its endpoints, whatever that speaks.
"""
