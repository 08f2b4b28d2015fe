"""What stands around the source is true: the trees that people find their way by, links, the changelog, what GitHub is told."""

from __future__ import annotations

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
