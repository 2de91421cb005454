"""Evaluate a Trigger's filters: which events pass, and which of many triggers want one.

Pure: attributes are a mapping (names in lower case; values str, int or bool, None is absent); knows no broker, and of
events nothing else. Numbers and booleans are compared as they read: 5, true.

Source: Knative's pkg/eventfilter (a list is an implicit `all`; what filters nothing passes everything, and its `not`
does so as well); CloudEvents Subscriptions API, "Filter Dialects".
"""

from faas_runtime.events.conditions import FilterError
from faas_runtime.events.matching.checking import Problem, check_filters, filter_warnings
from faas_runtime.events.matching.compiling import Matcher, compile_filters, filters_of
from faas_runtime.events.matching.index import TriggerIndex

__all__ = [
    "FilterError", "Matcher", "Problem", "TriggerIndex", "check_filters", "compile_filters", "filter_warnings",
    "filters_of",
]  # fmt: skip
