"""Private indexes: their credentials reach uv, and nothing that is kept or shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faas_builders.deps import find_requirements, install, resolve
from faas_builders.deps.credentials import masked, variables_in, without_credentials
from faas_builders.deps.shipped import fit_for_image
from faas_builders.errors import DependencyError
from faas_builders.files import project_files
from hypothesis import given
from hypothesis import strategies as st

from tests.made_distributions import PackageIndex, make_wheel, package_index
from tests.unit.builders.deps.conftest import ARM

SECRET = "s3cret-t0ken"


@pytest.fixture
def private(tmp_path: Path) -> Iterator[PackageIndex]:
    folder = tmp_path / "private"
    folder.mkdir()
    make_wheel(folder, "inhouse", "1.0")
    with package_index(folder, f"bob:{SECRET}") as served:
        yield served


def installed(project: Path) -> tuple[Path, list[str]]:
    said: list[str] = []
    pins = resolve(find_requirements(project), ARM, said.append)
    assert pins is not None
    return install(pins, ARM, said.append), said


def assert_no_secret(folder: Path, *texts: str) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in "".join(texts)


def test_an_index_in_a_requirements_file(project: Path, private: PackageIndex, caches: Path) -> None:
    (project / "requirements.txt").write_text(f"--index-url {private.url_with_user}\ninhouse\n")

    folder, said = installed(project)

    assert (folder / "inhouse.py").is_file()
    assert_no_secret(caches, *said)


def test_a_url_with_credentials_as_a_requirement(
    project: Path, index: PackageIndex, private: PackageIndex, caches: Path
) -> None:
    place = private.url_with_user.removesuffix("simple/")
    (project / "requirements.txt").write_text(f"inhouse @ {place}files/inhouse-1.0-py3-none-any.whl\n")

    folder, said = installed(project)

    assert (folder / "inhouse.py").is_file()
    assert_no_secret(caches, *said)


def test_an_index_that_only_named_packages_come_from(
    project: Path, index: PackageIndex, private: PackageIndex, caches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(index.folder, "public", "1.0")
    make_wheel(index.folder, "inhouse", "1.0", files={"stolen.py": ""})  # somebody took the name
    (project / "pyproject.toml").write_text(
        '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["inhouse", "public"]\n'
        f'[[tool.uv.index]]\nname = "house"\nurl = "{private.url}"\nexplicit = true\n'
        '[tool.uv.sources]\ninhouse = { index = "house" }\n'
    )
    monkeypatch.setenv("UV_INDEX_HOUSE_USERNAME", "bob")
    monkeypatch.setenv("UV_INDEX_HOUSE_PASSWORD", SECRET)

    folder, said = installed(project)

    assert sorted(path.name for path in folder.glob("*.py")) == ["inhouse.py", "public.py"]
    assert_no_secret(caches, *said)


def test_credentials_that_the_index_does_not_take(project: Path, private: PackageIndex, caches: Path) -> None:
    wrong = private.url_with_user.replace(SECRET, f"{SECRET}-wrong")
    (project / "requirements.txt").write_text(f"--index-url {wrong}\ninhouse\n")

    with pytest.raises(DependencyError, match="wants other credentials") as caught:
        installed(project)
    assert private.url in caught.value.message
    assert SECRET not in caught.value.message + caught.value.output + caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("--index-url https://me:pw@host/simple", "--index-url https://host/simple", id="password"),
        pytest.param("x @ git+https://tok@host/r.git@v1", "x @ git+https://host/r.git@v1", id="token"),
        pytest.param("see https://host/a@b", "see https://host/a@b", id="an at sign in the path"),
    ],
)
def test_errors_show_urls_without_credentials(text: str, expected: str) -> None:
    assert without_credentials(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x @ git+ssh://git@github.com/me/x.git", id="an address over ssh"),
        pytest.param("x @ https://${USER}:${TOKEN}@host/x.whl", id="variables"),
        pytest.param("x==1.0 --hash=sha256:00", id="no url"),
    ],
)
def test_what_is_no_secret_stays_in_pins(text: str) -> None:
    assert masked(text) == text


@given(
    user=st.text("abcXYZ019._~%-", min_size=1, max_size=8),
    password=st.text("abcXYZ019._~%:-", min_size=1, max_size=12),
    path=st.text("abc/.-", max_size=10),
)
def test_what_was_masked_can_be_filled_in_again(user: str, password: str, path: str) -> None:
    text = f"name @ https://{user}:{password}@host/{path}#egg=name"
    hidden = masked(text)

    for name, value in variables_in([text]).items():
        hidden = hidden.replace(f"${{{name}}}", value)
    assert hidden == text
    assert f"{user}:{password}@" not in masked(text)


@pytest.mark.parametrize(
    "path", ["requirements.txt", "pyproject.toml", "uv.lock", "deploy/requirements-dev.in", "requirements/prod.txt"]
)
def test_a_declaration_with_a_password_is_in_no_image(tmp_path: Path, path: str) -> None:
    shop = tmp_path / "shop"
    (shop / path).parent.mkdir(parents=True, exist_ok=True)
    (shop / path).write_text(f"--index-url https://bob:{SECRET}@example.test/simple\n")
    (shop / "main.py").write_text("URL = 'https://user:example@example.test'\n")
    (shop / "constraints.txt").write_text("--index-url https://${USER}:${TOKEN}@example.test/simple\n")

    assert [file.path for file in fit_for_image(project_files(shop))] == ["constraints.txt", "main.py"]
