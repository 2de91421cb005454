"""Notes over HTTP: several routes of one service. They are kept in memory, so each instance has its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from faas import HTTPError, function


@dataclass
class NewNote:
    text: str
    tags: list[str] = field(default_factory=list)


@dataclass
class Note(NewNote):
    id: int = 0


_notes: dict[int, Note] = {}
_ids = count(1)


@function.http("/notes", methods=["GET"], service="notes")
async def list_notes(tag: str = "") -> list[Note]:
    return [note for note in _notes.values() if not tag or tag in note.tags]


@function.http("/notes", methods=["POST"], service="notes")
async def add_note(new: NewNote) -> tuple[Note, int]:
    note = Note(new.text, new.tags, id=next(_ids))
    _notes[note.id] = note
    return note, 201


@function.http("/notes/{id}", methods=["GET"], service="notes")
async def get_note(id: int) -> Note:
    if id not in _notes:
        raise HTTPError(404, f"there is no note {id}")
    return _notes[id]


@function.http("/notes/{id}", methods=["DELETE"], service="notes")
async def delete_note(id: int) -> None:
    if _notes.pop(id, None) is None:
        raise HTTPError(404, f"there is no note {id}")
