"""What stands around the source is true: the trees that people find their way by, links, the changelog, what GitHub is told."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

import ecrlan
from tests.purchase_calls import with_lines

ROOT = Path(__file__).parent.parent
PACKAGE = Path(ecrlan.__file__).parent
GITHUB = ROOT / ".github"
ARCHITECTURE = PACKAGE / "daemon" / "docs" / "architecture.md"
CONTRIBUTING = GITHUB / "CONTRIBUTING.md"


def place(link: str, document: Path) -> Path:
    """Where a link leads; the package may be installed elsewhere than beside the tests."""
    path = (document.parent / link).resolve()
    inside = ROOT / "ecrlan"
    return PACKAGE / path.relative_to(inside) if path.is_relative_to(inside) else path


@pytest.mark.parametrize("document", [ARCHITECTURE, CONTRIBUTING], ids=lambda path: path.name)
def test_the_tree_names_what_there_is(document: Path) -> None:
    (tree,) = re.findall(r"^ecrlan/\n(.*?)^tests/", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    told = [
        word for line in tree.splitlines() if (part := line[2:])[0] != " " for word in re.match(r"(\S+(?: +\S+\.py)*)", part)[1].split()
    ]
    there = [path.name + "/" * path.is_dir() for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    assert sorted(told) == sorted(there)


@pytest.mark.parametrize("document", [ROOT / "README.md", *sorted(GITHUB.glob("*.md"))], ids=lambda path: path.name)
def test_links_lead_to_files_and_sections(document: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", document.read_text(encoding="utf-8"))
    assert links
    for link in links:
        if not link.startswith("https://github.com/ecrlan/ecrlan"):
            path, _, anchor = link.partition("#")
            found = place(path, document)
            assert found.exists(), link
            headings = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
            assert not anchor or anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, link


def test_the_calls_of_a_purchase_stand_where_they_are_said_to() -> None:
    text = CONTRIBUTING.read_text(encoding="utf-8")
    assert with_lines(text) == text, "python -m tests.purchase_calls"


def test_the_changelog_begins_with_this_version() -> None:
    (first, *_) = re.findall(r"^## (\S+)", (GITHUB / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first == ecrlan.__version__


def test_the_workflow_runs_the_gate_and_the_tests_on_windows() -> None:
    jobs = yaml.safe_load((GITHUB / "workflows" / "checks.yml").read_text(encoding="utf-8"))["jobs"]
    assert {"run": ".ci/run"} in jobs["gate"]["steps"]
    assert "windows-latest" in {each["system"] for each in jobs["tests"]["strategy"]["matrix"]["include"]}
    assert jobs["tests"]["steps"][-1] == {"run": "python -m pytest -q -n auto tests"}


@pytest.mark.parametrize("form", ["fault", "terminal"])
def test_the_forms_ask_for_something(form: str) -> None:
    asked = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / f"{form}.yml").read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= asked.keys()
    for part in asked["body"]:
        assert part["type"] in {"markdown", "textarea", "input", "dropdown"}
        assert "label" in part["attributes"] or part["type"] == "markdown"
    assert any(part.get("validations", {}).get("required") for part in asked["body"])


TESTS = ROOT / "tests"
GATE = ROOT / ".ci" / "run"
PURE = ("model", "wire", "protocol")


def does_something(module: Path) -> bool:
    """Whether a module has a function with more in it than its docstring: not only declarations."""
    functions = (node for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef))
    return any(len(function.body) > 1 or not isinstance(function.body[0], ast.Expr) for function in functions)


@pytest.mark.parametrize("layer", PURE)
def test_each_pure_module_has_a_test_module_of_its_name(layer: str) -> None:
    modules = [path for path in (PACKAGE / layer).glob("*.py") if path.stem != "__init__" and does_something(path)]
    assert len(modules) > 5
    assert [path.name for path in modules if not (TESTS / layer / f"test_{path.name}").exists()] == []


@pytest.mark.parametrize("layer", PURE)
def test_each_test_module_of_a_pure_layer_is_about_a_module_of_its_name(layer: str) -> None:
    others = {"test_wire.py", "test_transcription.py"}  # the layer's own `__init__`, and its tables against the page they were written from
    tested = {path.name for path in (TESTS / layer).glob("test_*.py")} - others
    assert {name.removeprefix("test_") for name in tested} <= {path.name for path in (PACKAGE / layer).glob("*.py")}


@pytest.mark.skipif(not GATE.exists(), reason="the tests stand beside an installed package, without the source tree")
def test_the_gate_measures_the_branches_of_the_pure_layers() -> None:
    gate = GATE.read_text(encoding="utf-8")
    (layers,) = re.findall(r"^for layer in (.*); do$", gate, re.MULTILINE)
    assert set(layers.split()) >= {"wire", "protocol"}
    assert "--cov-branch --cov-fail-under=100" in gate
