"""Serves one function with gunicorn's ASGI worker: as an image's main process, or forked from a zygote.

It knows an ASGI application and nothing of decorators or handlers. `python -m faas_runtime` starts here; an engine
starts `zygote` and gets the same server, warm, a few milliseconds after a fork.

Exit codes of a serving process:

    0  asked to stop (SIGTERM, SIGINT), everything that ran was finished
    1  something unexpected; the traceback is on stderr
    2  misused: FAAS_FUNCTION or an option is missing or wrong
    3  the function's start-up (lifespan, on_start) failed; gunicorn's WORKER_BOOT_ERROR
    4  the function could not be imported; gunicorn's APP_LOAD_ERROR
    5  cannot listen on the address

Imports nothing of the user's and, until it has to, nothing of gunicorn: `wire` is also read by the engine.
"""
