import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ecrlan.journal import Journal

TREE = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "till.db"


@pytest.fixture
def journal(path):
    """A journal in a file, with its writer's thread."""
    with Journal(path, owner_wait=0) as opened:
        yield opened


@pytest.fixture
def inline(path):
    """A journal in a file that commits on the calling thread."""
    with Journal(path, owner_wait=0, inline=True) as opened:
        yield opened


@pytest.fixture
def other_process():
    """Start Python code in another process, with pipes; its first printed line is waited for, and it is killed at the end."""
    started = []

    def start(code, *arguments, under=()):
        code = f"import sys; sys.path[:0] = [{str(TREE)!r}]\n{textwrap.dedent(code)}"
        process = subprocess.Popen(
            [*map(str, under), sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
