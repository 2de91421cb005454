from __future__ import annotations

from faas.testing import Client

import main


def test_a_note_is_added_found_and_deleted() -> None:
    with Client(main) as client:
        added = client.post("/notes", json={"text": "buy milk", "tags": ["home"]})
        assert added.status == 201
        id = added.json()["id"]

        found = client.get(f"/notes/{id}").json()
        assert found == {"text": "buy milk", "tags": ["home"], "id": id}
        assert [note["id"] for note in client.get("/notes?tag=home").json()] == [id]
        assert client.get("/notes?tag=work").json() == []

        assert client.request("DELETE", f"/notes/{id}").status == 204
        assert client.get(f"/notes/{id}").status == 404


def test_a_note_without_text_is_refused() -> None:
    with Client(main) as client:
        assert client.post("/notes", json={"tags": []}).status == 422
