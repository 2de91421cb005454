"""A Flask application as a function; any WSGI or ASGI application works the same way."""

from __future__ import annotations

from faas import function
from flask import Flask, request

app = Flask(__name__)


@app.get("/")
def index() -> str:
    return "Hello from Flask!\n"


@app.post("/echo")
def echo() -> dict[str, object]:
    return {"you sent": request.get_json()}


function.app(app, name="site")
