"""What speaks to instances: connections over Unix sockets and TCP, HTTP/1.1 and HTTP/2, and who uses which again.

An endpoint's pool hands an exchange to one of its connections. Nothing here knows why that endpoint was chosen.
"""
