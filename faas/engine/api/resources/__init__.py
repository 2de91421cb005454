"""Requests for resources over HTTP: below /api/v1 and /apis/GROUP/VERSION.

- `resources` finds the kind that is meant; `reads` and `writes` answer, `reviews` what is asked about oneself
- `queries`: what a request says about how; `versions`: in which version of a kind; `responses`: how answers look
- `watching` keeps the streams
"""
