"""The runtime's wheel alone is enough for a handler, and importing it stays cheap."""

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

RUNTIME = Path(__file__).parents[2] / "runtime"
# What `from faas import function` may load besides the standard library: everything else costs each cold start.
ALLOWED = {"faas", "faas_runtime", "msgspec", "typing_extensions"}  # msgspec takes the last where it is installed

IMPORT = """
import json, sys
sys.path[:0] = [WHEEL, SITE]
before = set(sys.modules)
MODULES
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps([sorted(loaded - set(sys.stdlib_module_names)), sys.modules["faas"].__file__]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=RUNTIME,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "content")
    return folder / "content"


def _loaded_by(wheel: Path, statement: str) -> tuple[set[str], str]:
    """What a statement loads in a fresh interpreter that sees the wheel and its dependencies, nothing of this tree."""
    program = IMPORT.replace("WHEEL", repr(str(wheel))).replace("SITE", repr(sysconfig.get_path("purelib")))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program.replace("MODULES", statement)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
    )
    loaded, facade = json.loads(done.stdout)
    return set(loaded), facade


def test_a_handler_needs_nothing_but_the_runtime(wheel: Path) -> None:
    loaded, facade = _loaded_by(wheel, "from faas import function, Event, Context")
    assert loaded <= ALLOWED
    assert Path(facade) == wheel / "faas" / "__init__.py"


def test_serving_a_function_loads_no_web_framework(wheel: Path) -> None:
    loaded, _ = _loaded_by(wheel, "import faas, faas_runtime.app")
    assert loaded <= ALLOWED


def test_tests_of_functions_need_nothing_more(wheel: Path) -> None:
    loaded, _ = _loaded_by(wheel, "from faas.testing import Client")
    assert loaded <= ALLOWED
