"""`python -m faas_runtime.describe`: the specs of a project, or what is wrong with it, as JSON in every case."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from faas_runtime.declaring.spec import Description


def describe(project: Path, *arguments: str, cwd: Path | None = None) -> Description:
    done = subprocess.run(
        [sys.executable, "-m", "faas_runtime.describe", str(project), *arguments],
        capture_output=True,
        check=True,
        timeout=60,
        cwd=cwd or project,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return msgspec.json.decode(done.stdout, type=Description)


def test_functions_triggers_and_options(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text('''
import os
from faas import function

print("noise")
os.write(1, b"noise from below")

@function.http("/orders/{id}", methods=["GET"], min_scale=1, timeout="2m")
async def get_order(id: int) -> dict:
    """Find an order.

    Slowly."""

@function.event(type="a", service="shop", retry=5, backoff="exponential", dead_letter="lost")
@function.event(type="b", service="shop")
def on_order(order: dict) -> None: ...

function.app(lambda environ, start_response: [], name="site")
''')
    found = describe(tmp_path)
    assert found.errors == ()
    assert found.modules == ("main",)
    get_order, on_order, site = found.functions
    assert (get_order.name, get_order.target, get_order.service) == ("get-order", "main:get_order", "get-order")
    assert (get_order.is_async, get_order.file, get_order.line) == (True, "main.py", 8)
    assert (get_order.doc, get_order.options) == ("Find an order.", {"min_scale": 1, "timeout": 120.0})
    assert [(t.kind, t.path, t.methods) for t in get_order.triggers] == [("http", "/orders/{id}", ("GET",))]
    assert [(t.kind, t.path) for t in on_order.triggers] == [
        ("event", "/_faas/events/on-order"),
        ("event", "/_faas/events/on-order/2"),
    ]
    assert on_order.triggers[0].options == {
        "retry": 5,
        "backoff": "exponential",
        "dead_letter": "lost",
        "filters": [{"exact": {"type": "a"}}],
    }
    assert (site.name, site.kind, site.target, site.is_async) == ("site", "wsgi", "main:site", False)


@pytest.mark.parametrize(
    ("source", "message", "hint", "line"),
    [
        pytest.param(
            "from faas import funtion\n",
            "main does not import: ImportError: cannot import name 'funtion'",
            "did you mean: from faas import function",
            1,
            id="import",
        ),
        pytest.param(
            "from faas import function\n\ndef f(:\n",
            "main does not import: SyntaxError",
            "",
            3,
            id="syntax",
        ),
        pytest.param(
            "from faas import function\n@function.evnt()\ndef f(): ...\n",
            "main does not import: AttributeError: there is no @function.evnt; did you mean @function.event?",
            "",
            2,
            id="decorator",
        ),
        pytest.param(
            "from faas import function\n@function(min_scal=1)\ndef f(): ...\n",
            "there is no option 'min_scal'",
            "did you mean 'min_scale'?",
            2,
            id="option",
        ),
        pytest.param(
            "from faas import function\nimport nowhere_to_be_found\n",
            "main does not import: ModuleNotFoundError: No module named 'nowhere_to_be_found'",
            "install nowhere_to_be_found",
            2,
            id="dependency",
        ),
        pytest.param(
            "from faas import function\nraise SystemExit(3)\n",
            "main does not import: SystemExit: 3",
            "the module ends the process",
            2,
            id="exit",
        ),
        pytest.param(
            "from faas import function\n@function\ndef get_x(): ...\n@function\ndef getX(): ...\n",
            "main:getX and main:get_x are both called 'get-x'",
            "name one:",
            4,
            id="same name",
        ),
        pytest.param(
            "from faas import function\n@function\ndef f(): ...\n@function\ndef f(): ...\n",
            "main:f is defined again further down",
            "give one of them another name",
            2,
            id="shadowed",
        ),
        pytest.param(
            f"from faas import function\n@function\ndef {'x' * 70}(): ...\n",
            "the name 'xxx",
            "name it yourself",
            2,
            id="too long",
        ),
        pytest.param(
            "from faas import function\ndef make():\n    @function\n    def inner(): ...\nmake()\n",
            "main:make.<locals>.inner is defined inside a function",
            "move it",
            3,
            id="local",
        ),
        pytest.param(
            "from faas import function\n@function.http('/{id}')\ndef f(): ...\n",
            "the path has {id}",
            "add id: str",
            2,
            id="path parameter",
        ),
        pytest.param("import faas\n", "main imports faas but declare", "decorate one", 0, id="nothing declared"),
    ],
)
def test_problems_say_what_where_and_what_to_do(
    tmp_path: Path, source: str, message: str, hint: str, line: int
) -> None:
    (tmp_path / "main.py").write_text(source)
    problem = describe(tmp_path).errors[0]
    assert problem.message.startswith(message)
    assert problem.hint.startswith(hint)
    assert problem.line == line
    if line:
        assert problem.file == "main.py"


def test_the_traceback_is_the_users_own(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("from faas import function\nimport other\n")
    (tmp_path / "other.py").write_text("def fail():\n    1 / 0\nfail()\n")
    (problem,) = describe(tmp_path).errors
    assert (problem.file, problem.line) == ("other.py", 2)
    assert problem.traceback.count("File ") == 3
    assert "faas_runtime" not in problem.traceback
    assert "importlib" not in problem.traceback


def test_modules_are_found_in_packages_and_src_and_not_in_tests(tmp_path: Path) -> None:
    function = "from faas import function\n@function\ndef {}(): ...\n"
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "orders.py").write_text(function.format("orders"))
    (package / "plain.py").write_text("x = 1\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(function.format("not_me"))
    assert describe(tmp_path).modules == ("shop.orders",)
    (tmp_path / "pyproject.toml").write_text('[tool.faas]\nmodules = ["shop.plain"]\n')
    assert describe(tmp_path).modules == ("shop.plain",)


def test_an_empty_project_says_so(tmp_path: Path) -> None:
    (problem,) = describe(tmp_path).errors
    assert "imports faas" in problem.message
    assert "faas new" in problem.hint


def test_a_module_that_leaves_a_thread_behind_does_not_hold_the_answer_up(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import threading\nfrom faas import function\nthreading.Thread(target=threading.Event().wait).start()\n"
        "@function\ndef f(): ...\n"
    )
    assert [spec.name for spec in describe(tmp_path).functions] == ["f"]
