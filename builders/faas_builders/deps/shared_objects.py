"""What a compiled extension asks of the machine it is loaded on. Source: System V ABI; LSB, symbol versioning."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from faas_builders.elf import architecture_of, form_of

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NEEDED, _DT_STRTAB, _DT_VERNEED, _DT_VERNEEDNUM = 1, 5, 0x6FFFFFFE, 0x6FFFFFFF
_GLIBC = re.compile(rb"GLIBC_(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class SharedObject:
    architecture: str
    needed: tuple[str, ...]  # names of libraries
    glibc: tuple[int, int] | None  # the newest that one of its symbols needs

    @property
    def is_for_musl(self) -> bool:
        return any(name.startswith(("libc.musl-", "ld-musl-")) for name in self.needed)


def read_shared_object(path: Path) -> SharedObject | None:
    """None when it is no ELF file. What is cut off or makes no sense counts as asking for nothing."""
    with path.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return None
    data = path.read_bytes()
    try:
        architecture, (wide, order) = architecture_of(data), form_of(data)
        if not wide:
            return SharedObject(architecture, (), None)
        return SharedObject(architecture, *_dynamic(data, order))
    except (struct.error, IndexError, OverflowError):
        return SharedObject("unknown", (), None)


def _dynamic(data: bytes, order: str) -> tuple[tuple[str, ...], tuple[int, int] | None]:
    offset, (size, count) = struct.unpack_from(order + "Q", data, 32)[0], struct.unpack_from(order + "HH", data, 54)
    headers = [struct.unpack_from(order + "IIQQQQ", data, offset + number * size) for number in range(count)]
    loaded = [(address, address + length, start) for kind, _, start, address, _, length in headers if kind == _PT_LOAD]

    def place(address: int) -> int:
        return next((start + address - low for low, high, start in loaded if low <= address < high), len(data))

    entries: list[tuple[int, int]] = []
    for kind, _, start, _, _, length in headers:
        if kind == _PT_DYNAMIC:
            entries = list(struct.iter_unpack(order + "qQ", data[start : start + length - length % 16]))
    values = dict(entries)
    if _DT_STRTAB not in values:
        return (), None
    strings = place(values[_DT_STRTAB])

    def text(index: int) -> bytes:
        return data[strings + index : data.index(b"\0", strings + index)]

    try:
        needed = tuple(text(value).decode(errors="replace") for tag, value in entries if tag == _DT_NEEDED)
        versions = _versions(data, order, place(values.get(_DT_VERNEED, 0)), values.get(_DT_VERNEEDNUM, 0))
        found = [match for index in versions if (match := _GLIBC.fullmatch(text(index)))]
    except ValueError:  # a string that does not end
        return (), None
    return needed, max(((int(match[1]), int(match[2])) for match in found), default=None)


def _versions(data: bytes, order: str, start: int, count: int) -> list[int]:
    """Where in the string table the names of the needed versions are."""
    names = []
    for _ in range(count):
        _, entries, _, first, following = struct.unpack_from(order + "HHIII", data, start)
        at = start + first
        for _ in range(entries):
            _, _, _, name, skip = struct.unpack_from(order + "IHHII", data, at)
            names.append(name)
            at += skip
        if not following:  # the last one, whatever the count says
            break
        start += following
    return names
