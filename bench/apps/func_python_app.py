"""The same for Knative's func-python, whose handlers speak raw ASGI. `python func_python_app.py http|event`."""

import json
import sys


class Echo:
    async def handle(self, scope, receive, send):
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        data = json.loads(body)
        answer = json.dumps({"hello": data["name"], "items": len(data["items"])}).encode()
        headers = [[b"content-type", b"application/json"], [b"content-length", str(len(answer)).encode()]]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


class OnEvent:
    async def handle(self, scope, receive, send):
        assert scope["event"]
        await send.http({"type": "http.response.start", "status": 204, "headers": []})
        await send.http({"type": "http.response.body", "body": b""})


if sys.argv[1] == "http":
    from func_python.http import serve

    def new():
        return Echo()
else:
    from func_python.cloudevent import serve

    def new():
        return OnEvent()


serve(new)
