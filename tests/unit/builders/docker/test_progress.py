"""Messages and lines of builds, as engines really send them: the classic builder of 20.10, BuildKit of 20.10."""

from __future__ import annotations

from faas_builders.docker.progress import BuildkitProgress, ClassicProgress, advice, pull_lines


def classic(*messages: dict[str, object]) -> tuple[ClassicProgress, list[str]]:
    progress = ClassicProgress()
    return progress, [line for message in messages for line in progress.lines(message)]


def test_lines_of_a_classic_build_are_whole_without_colours_and_remarks_of_the_engine() -> None:
    progress, lines = classic(
        {"stream": "Step 1/2 : FROM base"},
        {"stream": "\n"},
        {"stream": " ---> 571bfc374126\n"},
        {"stream": "Step 2/2 : RUN make\n"},
        {"stream": " ---> Running in 953d9dfa68\n"},
        {"stream": "compiling\n\x1b[91mwarning: "},
        {"stream": "old\n\x1b[0mdone"},
        {"stream": "Removing intermediate container 953d9dfa68\n"},
        {"aux": {"ID": "sha256:abc"}},
        {"stream": "Successfully built abc\n"},
    )

    assert lines == [
        "Step 1/2 : FROM base", "Step 2/2 : RUN make", "compiling", "warning: old", "done", "Successfully built abc",
    ]  # fmt: skip
    assert (progress.image, progress.error) == ("sha256:abc", "")


def test_a_failed_classic_step_is_named_with_its_own_last_lines() -> None:
    progress, _ = classic(
        {"stream": "Step 1/2 : RUN echo one\n"},
        {"stream": "one\n"},
        {"stream": "Step 2/2 : RUN make\n"},
        {"stream": "make: no target\n"},
        {"errorDetail": {"code": 2, "message": "The command returned a non-zero code: 2"}, "error": "The command"},
    )

    assert progress.step == "Step 2/2 : RUN make"
    assert progress.error == "The command returned a non-zero code: 2"
    assert progress.output == "make: no target"


def test_buildkit_prints_each_step_once_and_its_output_without_numbers() -> None:
    progress = BuildkitProgress()
    printed = """\
#1 [internal] load remote build context
#1 DONE 0.0s

#5 [2/3] RUN make
#5 0.212 compiling
#5 DONE 0.3s
#6 [3/3] COPY a b
#6 CACHED
"""
    lines = [line for text in printed.splitlines() if (line := progress.line(text))]

    assert lines == [
        "[internal] load remote build context", "[2/3] RUN make", "compiling", "[3/3] COPY a b",
        "[3/3] COPY a b: cached",
    ]  # fmt: skip


def test_a_failed_buildkit_step_is_named_with_its_own_output() -> None:
    progress = BuildkitProgress()
    printed = """\
#5 [2/3] RUN make
#6 [other 1/1] RUN sleep
#5 0.212 make: no target
#6 0.300 still there
#5 ERROR: executor failed running [/bin/sh -c make]: exit code: 2
------
 > [2/3] RUN make:
#5 0.212 make: no target
------
executor failed running [/bin/sh -c make]: exit code: 2
"""
    for text in printed.splitlines():
        progress.line(text)

    assert progress.step == "[2/3] RUN make"
    assert progress.error == "executor failed running [/bin/sh -c make]: exit code: 2"
    assert progress.output.splitlines()[0] == "make: no target"
    assert "still there" not in progress.output


def test_what_fails_before_any_step_is_in_the_output() -> None:
    progress = BuildkitProgress()

    assert progress.line("ERROR: failed to solve: dockerfile parse error line 2: unknown instruction: RUNN") != ""
    assert "unknown instruction: RUNN" in progress.output


def test_pulling_is_a_line_for_the_image_and_none_for_its_layers() -> None:
    messages = [
        {"status": "Pulling from library/python", "id": "3.12-slim"},
        {"status": "Downloading", "progressDetail": {"current": 1, "total": 2}, "id": "a1"},
        {"status": "Digest: sha256:abc"},
        {"status": "Status: Downloaded newer image for python:3.12-slim"},
    ]

    assert list(pull_lines(messages)) == ["Digest: sha256:abc", "Status: Downloaded newer image for python:3.12-slim"]


def test_a_platform_that_the_engine_cannot_run_gets_advice() -> None:
    assert "QEMU" in advice("standard_init_linux.go:228: exec user process caused: exec format error")
    assert advice("make: no target") == ""
