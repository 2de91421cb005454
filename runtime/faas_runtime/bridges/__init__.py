"""What is not ours, made to fit: Flask's requests and responses, WSGI, mounted lifespans, the CloudEvents SDK's events.

Each is imported by what asks for it, when something does. None knows how a handler was declared.
"""
