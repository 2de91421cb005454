"""What can be said about a function, a delivery or a source: each option's name, what it takes, and its normal form.

All of it is pure, and shared with the toolkit, which reads the same options from files and flags. Knows neither the
decorators that take them nor what comes of them.
"""
