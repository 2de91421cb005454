"""What can be said about a function, a delivery or a source: each option's name, what it takes, and its normal form.

`known` has those of functions and deliveries, `sources` those of each source; `values` and `placed` read them, and
`checking` puts together what several places say. All of it is pure, and shared with the toolkit, which reads the same
options from files and flags. Knows neither the decorators that take them nor what comes of them.
"""
