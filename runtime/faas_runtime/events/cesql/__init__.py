"""CloudEvents SQL 1.0: predicates over an event's attributes.

`parse` makes an `Expression` or says where the text is wrong; `compile` makes of it the fast answer a filter gives.
Start reading at `parser.py` (text to tree) and `codegen.py` (tree to a Python function). Pure: knows attributes as a
mapping, no event, no filter list, and of the runtime only how an attribute reads as text.

Where the specification leaves room, or others read it differently:

- Evaluation stops at the first error (its "fail fast mode"), so an evaluation has one error at most.
- AND, OR and XOR have one precedence and go from left to right, as the text says; the grammar beside it, and Knative,
  go from right to left. `Expression.warnings` tells where that makes a difference.
- Unknown functions are found when the text is parsed, not when it is evaluated.
- Arithmetic that leaves 32 bits is a MathError; it does not wrap around.

Source: github.com/cloudevents/spec, cesql/spec.md 1.0.0.
"""

from faas_runtime.events.cesql.errors import (
    CastError,
    CESQLError,
    CESQLSyntaxError,
    EvaluationError,
    FunctionEvaluationError,
    GenericError,
    MathError,
    MissingAttributeError,
    MissingFunctionError,
    explain,
)
from faas_runtime.events.cesql.expression import Expression, compile, parse

__all__ = [
    "CESQLError", "CESQLSyntaxError", "CastError", "EvaluationError", "Expression", "FunctionEvaluationError",
    "GenericError", "MathError", "MissingAttributeError", "MissingFunctionError", "compile", "explain", "parse",
]  # fmt: skip
