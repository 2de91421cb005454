"""Whose a frame is: what a user is told of a mistake, or of a place, is about the user's own code."""

from __future__ import annotations

import os
import sys
from types import FrameType, TracebackType

OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep  # what the files of this package begin with


def calling_frame() -> FrameType:
    """The innermost frame outside this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(OURS):
        frame = frame.f_back
    return frame


def from_users(trace: TracebackType | None, *, also: tuple[str, ...] = ()) -> TracebackType | None:
    """The traceback from the first frame on that is neither ours nor of files that begin with one of `also`."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith((OURS, *also)):
        trace = trace.tb_next
    return trace
