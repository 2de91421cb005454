"""The same for functions-framework."""

import functions_framework


@functions_framework.http
def echo(request):
    body = request.get_json()
    return {"hello": body["name"], "items": len(body["items"])}


@functions_framework.cloud_event
def on_event(event):
    assert event["id"]
