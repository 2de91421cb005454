"""What engines print while they build: lines for a person, the step they belong to, and what went wrong."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_TAIL = 20  # lines: enough for a compiler's complaint, short enough for a terminal


class ClassicProgress:
    """Reads the messages of the classic builder."""

    def __init__(self) -> None:
        self.step = ""  # Step 3/7 : RUN make
        self.image = ""  # id, when it is finished
        self.error = ""
        self._tail: deque[str] = deque(maxlen=_TAIL)
        self._rest = ""

    @property
    def output(self) -> str:
        return "\n".join(self._tail)

    def lines(self, message: Mapping[str, Any]) -> Iterator[str]:
        """The whole lines that this message completes."""
        if "aux" in message:
            self.image = str(message["aux"].get("ID", "")) or self.image
        if "error" in message:
            self.error = str(message.get("errorDetail", {}).get("message") or message["error"]).strip()
        yield from pull_lines([message])
        # A command's output comes as it was written, torn anywhere.
        *whole, self._rest = (self._rest + str(message.get("stream", ""))).split("\n")
        for line in map(_plain, whole):
            if not line or line.startswith(" ---> "):
                continue
            if re.match(r"Step \d+/\d+ : ", line):
                self.step = line
                self._tail.clear()
            else:
                self._tail.append(line)
            yield line


class BuildkitProgress:
    """Reads what `--progress plain` prints: `#7 [2/4] RUN make`, `#7 0.31 text`, `#7 ERROR: reason`."""

    def __init__(self) -> None:
        self.step = ""  # [2/4] RUN make
        self.error = ""
        self._names: dict[str, str] = {}
        self._tails: dict[str, deque[str]] = {}
        self._failed = ""
        self._last: deque[str] = deque(maxlen=_TAIL)

    @property
    def output(self) -> str:
        """Of the step that failed; all that was said last when none did."""
        return "\n".join(self._tails.get(self._failed) or self._last)

    def line(self, text: str) -> str:
        """What to show of this line; "" for nothing."""
        text = text.rstrip()
        match = re.fullmatch(r"#(\d+) (.*)", text)
        if match is None:
            if text and not text.startswith(("------", " > ", "DEPRECATED", "            ")):
                self._last.append(text)
            return text if text.startswith(("ERROR", "error:")) else ""
        number, rest = match[1], match[2]
        if number not in self._names:
            self._names[number] = rest
            self._tails[number] = deque(maxlen=_TAIL)
            return rest
        if rest.startswith("ERROR: "):
            self._failed, self.step, self.error = number, self._names[number], rest.removeprefix("ERROR: ")
            return ""
        if rest == "CACHED":
            return f"{self._names[number]}: cached"
        output = re.fullmatch(r"\d+\.\d+ (.*)", rest)
        if output is None:
            return ""
        line = _plain(output[1])
        self._tails[number].append(line)
        return line


def advice(said: str) -> str:
    """What to do about a failure that is not the Dockerfile's; "" for any other."""
    if "exec format error" in said:
        return "The engine cannot run programs of that platform: install QEMU there, or build on such a machine"
    if "no space left on device" in said:
        return "The disk of the Docker engine is full: docker system df shows what takes the room"
    return ""


def pull_lines(messages: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What is worth a line while an image is pulled: no bars, no layer by layer."""
    for message in messages:
        status = str(message.get("status", ""))
        if status and "id" not in message and not message.get("progressDetail"):
            yield status.strip()


def _plain(line: str) -> str:
    """Without colours (the classic builder paints stderr red), overwritten progress, and the engine's own remarks."""
    line = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line)
    # It follows at once where a command's output does not end its line.
    line = line.partition("Removing intermediate container ")[0]
    return line.rstrip().rsplit("\r", 1)[-1]
