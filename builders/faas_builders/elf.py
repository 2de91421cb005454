"""What the first bytes of a program say about the machine that it was built for. Source: System V ABI, ELF."""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEAD_BYTES = 1 << 16  # more than enough: linkers put the program headers and the interpreter's name at the front

# Go's names, which OCI uses, for e_machine and whether the file has 64 bits: 62 with 32 is x32, which nobody runs.
_ARCHITECTURES = {
    (3, False): "386", (21, True): "ppc64le", (22, True): "s390x", (40, False): "arm", (62, True): "amd64",
    (183, True): "arm64", (243, True): "riscv64",
}  # fmt: skip
_PT_INTERP = 3


@dataclass(frozen=True, slots=True)
class Program:
    architecture: str  # as `architecture_of` tells it
    loader: str  # /lib64/ld-linux-x86-64.so.2; "" when it is linked statically


def read_program(head: bytes) -> Program | None:
    """The program that starts with `head`; None for anything else, a script for example."""
    if len(head) < 64 or head[:4] != b"\x7fELF":
        return None
    wide, order = form_of(head)
    return Program(architecture_of(head), _loader(head, order, wide))


def form_of(head: bytes) -> tuple[bool, str]:
    """Whether an ELF file has 64 bits, and the order of its bytes as `struct` writes it."""
    return head[4] == 2, "<" if head[5] == 1 else ">"


def architecture_of(head: bytes) -> str:
    """What an ELF file is for, in OCI's words, else "machine 8". Raises: struct.error, IndexError: cut off."""
    wide, order = form_of(head)
    (machine,) = struct.unpack_from(order + "H", head, 18)
    return _ARCHITECTURES.get((machine, wide), f"machine {machine}")


def _loader(head: bytes, order: str, wide: bool) -> str:
    (table,) = struct.unpack_from(order + ("Q" if wide else "I"), head, 32 if wide else 28)
    size, count = struct.unpack_from(order + "HH", head, 54 if wide else 42)
    for number in range(count):
        at = table + number * size
        if at + size > len(head):
            break
        if struct.unpack_from(order + "I", head, at)[0] == _PT_INTERP:
            # p_offset and p_filesz, which lie elsewhere in the narrow format.
            (start,) = struct.unpack_from(order + ("Q" if wide else "I"), head, at + (8 if wide else 4))
            (length,) = struct.unpack_from(order + ("Q" if wide else "I"), head, at + (32 if wide else 16))
            return head[start : start + length].rstrip(b"\0").decode(errors="replace")
    return ""
