"""schemathesis asks everything that the OpenAPI document describes, and what it does not allow: no 500, no undocumented answer.

`/v1/events` has no end and is left out. ECRLAN_OPENAPI_PHASES are schemathesis' phases, ECRLAN_OPENAPI_EXAMPLES is how many requests each
route gets at most in a phase of random ones, ECRLAN_OPENAPI_SEED what they are made from.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ecrlan.emulator import EmulatedTerminal, EmulatorServer
from ecrlan.register.register import local_clock
from tests.daemon.house import House, house

PHASES = os.environ.get("ECRLAN_OPENAPI_PHASES", "examples,coverage,fuzzing,stateful")
EXAMPLES = os.environ.get("ECRLAN_OPENAPI_EXAMPLES", "30")
SEED = os.environ.get("ECRLAN_OPENAPI_SEED", "1")
ENDLESS = "/v1/events"
PATIENCE = "20"
"""Seconds in which every answer must come."""
LIMITS = "".join(f"{name}_timeout = 1.0\n" for name in ("payment", "close", "status", "other", "ack"))
KNOWN: dict[str, list[str]] = {"name": ["till-1", "till-2"], "reference": ["sale-1", "room-1", "odd-1"]}
"""What there is, for the parameters of paths: what is made up would never be found."""


@asynccontextmanager
async def shop(folder: Path) -> AsyncIterator[House]:
    """A daemon with a terminal that takes payments, and one that is blocked by an unresolved operation."""
    first, second = (EmulatedTerminal(terminal_id, clock=local_clock) for terminal_id in ("37105051", "37105052"))
    async with EmulatorServer(first) as one, EmulatorServer(second) as other:
        terminals = "".join(
            f'[terminals.{name}]\naddress = "127.0.0.1"\nport = {server.port}\nlink = "dial"\nrecovery_pause = 0\n{LIMITS}\n'
            for name, server in (("till-1", one), ("till-2", other))
        )
        async with house(folder, sockets=True, terminals=terminals, daemon_settings='callback_hosts = ["127.0.0.1"]') as built:
            other.terminal.faults.set("odd_result")
            for terminal, body in (
                ("till-1", {"kind": "purchase", "amount": 650, "reference": "sale-1"}),
                ("till-1", {"kind": "preauthorize", "amount": 20000, "reference": "room-1"}),
                ("till-2", {"kind": "purchase", "amount": 650, "reference": "odd-1"}),
            ):
                answer = await built.begin(20, terminal, **body)
                assert answer.status_code == 200, answer.text
            yield built


def with_known_values(document: dict[str, Any], alarms: list[str]) -> dict[str, Any]:
    """Say of the parameters of paths which values there are; every other is still allowed."""
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    known = {**KNOWN, "alarm_id": alarms}[parameter["name"]]
                    parameter["schema"] = {"anyOf": [{"enum": known}, parameter["schema"]]}
                    parameter["examples"] = {value: {"value": value} for value in known}
    return document


@pytest.mark.long
async def test_every_answer_is_documented(tmp_path: Path) -> None:
    async with shop(tmp_path) as built:
        assert built.server is not None
        file = tmp_path / "openapi.json"
        alarms = [alarm["id"] for alarm in built.daemon.alarms.active]
        file.write_text(json.dumps(with_known_values(await built.get("/openapi.json"), alarms)), "utf-8")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", str(file), "--url", built.server.url, "--checks", "all"),
            *("--exclude-checks", "positive_data_acceptance"),  # whether values fit together no schema says: 422 tells it
            *("--header", f"Authorization: Bearer {built.daemon.tokens.operate}", "--exclude-path", ENDLESS),
            *("--phases", PHASES, "--max-examples", EXAMPLES, "--seed", SEED),
            *("--request-timeout", PATIENCE, "--continue-on-failure", "--no-color"),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        told, _ = await process.communicate()
    assert process.returncode == 0, told.decode("utf-8", "replace")
