"""Values of Secrets and ConfigMaps: read from where the project says, and shown nowhere."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import traceback
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from faas.project.errors import ProjectError
from faas.project.manifests.labels import Belonging
from faas.project.manifests.secrets import make_config_map, make_secret
from faas.project.pyproject.secrets import Declared, FromCommand, FromFile, FromVariable, Origin, Text
from faas.project.secret_values import SecretValue, read_config, read_secret, read_secrets

VALUE = "hunter2-is-the-value"
BELONGING = Belonging("shop", "team", "staging")


def read(tmp_path: Path, origin: Origin, **variables: str) -> bytes:
    found = read_secret(Declared("db", {"K": origin}), root=tmp_path, variables=variables, timeout_s=20)
    return found["K"].reveal()


def python(code: str) -> FromCommand:
    return FromCommand((sys.executable, "-c", code))


def test_a_value_is_read_from_where_it_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(b"\x00\xff\n")

    assert read(tmp_path, FromVariable("DB"), DB=VALUE) == VALUE.encode()
    assert read(tmp_path, FromFile("key.pem")) == b"\x00\xff\n"  # as it is
    assert read(tmp_path, FromFile(str(tmp_path / "key.pem"))) == b"\x00\xff\n"
    assert read(tmp_path, python("print('a b; $HOME')")) == b"a b; $HOME"  # without the end of its line
    assert read(tmp_path, python("import os; print(os.environ['A'], os.getcwd())"), A="1") == (
        f"1 {tmp_path.resolve()}".encode()
    )  # fmt: skip


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        (FromVariable("NOT_SET"), "secret db, key K: the variable NOT_SET is not set"),
        (FromFile("nowhere"), "No such file or directory"),
        (FromCommand(("no-such-program-here",)), "no-such-program-here: No such file or directory"),
        (python(f"print('{VALUE}'); raise SystemExit(3)"), "failed with exit code 3"),
        (python("pass"), "printed nothing"),
    ],
)
def test_one_that_is_not_to_be_had_is_named_by_its_key(tmp_path: Path, origin: Origin, message: str) -> None:
    with pytest.raises(ProjectError) as caught:
        read(tmp_path, origin)

    assert message in caught.value.message
    assert caught.value.hint
    assert VALUE not in "".join(traceback.format_exception(caught.value))


def test_a_program_that_does_not_end_is_left(tmp_path: Path) -> None:
    waits = python(f"import sys, threading; print('{VALUE}', flush=True); threading.Event().wait()")

    with pytest.raises(ProjectError, match="has not ended after 1 s") as caught:
        read_secret(Declared("db", {"K": waits}), root=tmp_path, variables={}, timeout_s=1)

    assert VALUE not in "".join(traceback.format_exception(caught.value))


def test_what_a_program_says_beside_goes_to_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert (
        read(tmp_path, python(f"import sys; print('unlock me', file=sys.stderr); print('{VALUE}')")) == VALUE.encode()
    )

    said = capfd.readouterr()
    assert said.err == "unlock me\n"
    assert said.out == ""


def test_there_is_a_bound(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (1024 * 1024 + 1))

    with pytest.raises(ProjectError, match="is larger than 1048576 bytes"):
        read(tmp_path, FromFile("large"))
    with pytest.raises(ProjectError, match="bytes together"):
        read(tmp_path, python("print('x' * (1024 * 1024 + 1))"))


def test_a_secret_shows_its_keys_and_no_value() -> None:
    secret = make_secret("db", {"PASSWORD": SecretValue(VALUE.encode())}, BELONGING)
    encoded = "aHVudGVyMi1pcy10aGUtdmFsdWU="

    for text in (str(secret), repr(secret), f"{secret}", f"{secret['data']}", repr(copy.deepcopy(secret))):
        assert encoded not in text
        assert "PASSWORD" in text
    with pytest.raises(yaml.YAMLError):
        yaml.safe_dump(secret)
    assert json.loads(msgspec.json.encode(secret)) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "db",
            "namespace": "team",
            "labels": {
                "faas.dev/project": "shop", "app.kubernetes.io/managed-by": "faas", "faas.dev/stage": "staging",
            },
        },
        "type": "Opaque",
        "data": {"PASSWORD": encoded},
    }  # fmt: skip


@given(st.text(min_size=8))
def test_a_value_shows_in_no_text(text: str) -> None:
    value = SecretValue(text.encode("utf-8", "surrogatepass"))

    assert {repr(value), str(value), f"{value}"} == {"SecretValue(…)"}
    assert value == SecretValue(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(TypeError):
        pickle.dumps(value)


@pytest.mark.parametrize(
    ("keys", "type"),
    [
        (["tls.key", "tls.crt"], "kubernetes.io/tls"),
        ([".dockerconfigjson"], "kubernetes.io/dockerconfigjson"),
        (["tls.key"], "Opaque"),
    ],
)
def test_the_keys_say_the_type(keys: list[str], type: str) -> None:
    assert make_secret("x", dict.fromkeys(keys, SecretValue(b"{}")), BELONGING)["type"] == type


def test_config_stays_readable_where_it_is_text(tmp_path: Path) -> None:
    (tmp_path / "logo").write_bytes(b"\xff")
    declared = {"limits": Declared("limits", {"MAX": Text("5"), "logo": FromFile("logo"), "S": FromVariable("STAGE")})}

    values = read_config(declared, root=tmp_path, variables={"STAGE": "x"})
    made = make_config_map("limits", values["limits"], BELONGING)

    assert made["data"] == {"MAX": "5", "S": "x"}
    assert made["binaryData"] == {"logo": "/w=="}


def test_all_are_read_by_name(tmp_path: Path) -> None:
    declared = {name: Declared(name, {"K": FromVariable(name.upper())}) for name in ("a", "b")}

    found = read_secrets(declared, root=tmp_path, variables={"A": "1", "B": "2"})

    assert {name: values["K"].reveal() for name, values in found.items()} == {"a": b"1", "b": b"2"}
