"""How the daemon becomes a service: a unit for systemd, and instructions for Windows. Texts made of the settings; nothing is installed."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path, PurePath, PurePosixPath

from ecrlan.settings import Settings

STATE_FOLDER = PurePosixPath("/var/lib/ecrlan")
"""What systemd makes for the unit's StateDirectory, and gives to its user."""
JOURNAL_THERE = STATE_FOLDER / "ecrlan.db"
SETTINGS_THERE = PurePosixPath("/etc/ecrlan/ecrlan.toml")
WATCHDOG_SECONDS = 30
STOP_MARGIN = 30
"""Seconds for closing lines, journal and HTTP once the last exchange has ended."""
_HOMES = (PurePosixPath("/home"), PurePosixPath("/root"), PurePosixPath("/run/user"))


def own_command() -> list[str]:
    """Return the command line that starts this very ecrlan: its script beside the Python that runs, or that Python with `-m ecrlan`."""
    script = Path(sys.executable).with_name("ecrlan.exe" if sys.platform == "win32" else "ecrlan")
    return [str(script)] if script.is_file() else [sys.executable, "-m", "ecrlan"]


def stop_seconds(settings: Settings) -> int:
    """Return how long a stop may take: longer than any payment of the settings, and than the daemon itself waits for one."""
    longest = [settings.daemon.stop_timeout]
    for terminal in settings.terminals.values():
        longest += [terminal.payment_timeout, terminal.close_timeout, terminal.longest_payment_time]
    return math.ceil(max(longest)) + STOP_MARGIN


def systemd_unit(settings: Settings, *, command: Sequence[str], user: str = "ecrlan") -> str:
    """Return a unit that runs `command` (absolute path first) as `user` with these settings.

    Where the settings name no journal, the unit keeps it in its StateDirectory; else that folder may be written too.
    """
    config = PurePosixPath(settings.file) if settings.file is not None else SETTINGS_THERE
    origin = next(row.origin for row in settings.values() if row.declaration.key == "register.journal")
    named = bool(settings.register_.journal)
    journal = PurePosixPath(settings.journal.absolute()) if named else JOURNAL_THERE
    kept = [*([journal.parent] if journal.parent != STATE_FOLDER else [])]
    needed = [PurePosixPath(command[0]), config, *kept]
    at_home = [path for path in needed if any(path.is_relative_to(home) for home in _HOMES)]
    variables = [f"ECRLAN_CONFIG={config}", *([f"ECRLAN_REGISTER__JOURNAL={journal}"] if origin != "file" else [])]
    lines = [
        "# ecrlan as a systemd service. To install it:",
        f"#   useradd --system --home-dir {STATE_FOLDER} --shell /usr/sbin/nologin {user}",
        "#   ecrlan service systemd > /etc/systemd/system/ecrlan.service",
        "#   systemctl daemon-reload && systemctl enable --now ecrlan",
        "# Commands go through the daemon as its user:",
        f"#   sudo -u {user} {shlex.join(['env', f'ECRLAN_CONFIG={config}', *command])} purchase 6.50",
        "# `systemctl reload ecrlan` reads terminals anew; `journalctl -u ecrlan` has the log; a stop waits for payments under way.",
    ]
    if origin != "file":
        lines.append(
            f"# The settings file names no journal. Commands find the daemon by it, so say in {config}:\n"
            f'#   [register]\n#   journal = "{journal}"'
        )
    lines += [f"# {path} is in a home folder: {user} must be able to read it." for path in at_home if path not in kept]
    lines += [
        "",
        "[Unit]",
        "Description=ecrlan: card payments of the till",
        "Wants=network-online.target",
        "After=network-online.target",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=notify",
        f"ExecStart={' '.join(_word(part) for part in [*command, 'serve'])}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        *(f"Environment={_word(variable, command=False)}" for variable in variables),
        f"User={user}",
        f"StateDirectory={STATE_FOLDER.name}",
        "StateDirectoryMode=0700",
        f"WorkingDirectory={STATE_FOLDER}",
        "UMask=0077",
        "Restart=on-failure",
        "RestartSec=2",
        f"WatchdogSec={WATCHDOG_SECONDS}",
        "# Longer than the longest payment of the settings: one that is under way ends before the daemon does.",
        f"TimeoutStopSec={stop_seconds(settings)}",
        "# Only the daemon is told to stop; what it has started ends with it.",
        "KillMode=mixed",
        "",
        "# What it does not need, it cannot do; an alarm_command is held to the same.",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        *(f"ReadWritePaths={_word(f'-{path}', command=False)}" for path in kept),
        f"ProtectHome={'read-only' if at_home else 'yes'}",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "ProtectClock=yes",
        "ProtectControlGroups=yes",
        "ProtectHostname=yes",
        "ProtectKernelLogs=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelTunables=yes",
        "ProtectProc=invisible",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "RemoveIPC=yes",
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "SystemCallErrorNumber=EPERM",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
    ]
    return "\n".join(lines)


def _word(text: str, *, command: bool = True) -> str:
    """Return one word of a unit: % begins a specifier, and in commands $ a variable."""
    escaped = text.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    if command:
        escaped = escaped.replace("$", "$$")
    return f'"{escaped}"' if any(character in escaped for character in " \t'\"\\;") else escaped


# --- Windows ----------------------------------------------------------------------------------------------------------------------

_WINDOWS = """\
ecrlan as a background task of Windows
======================================

ecrlan is a plain console program, and Windows' service manager starts only programs written for it: `sc create` with ecrlan ends
with error 1053. The Task Scheduler runs plain programs at start-up, and starts them again. Nothing else has to be installed.

1. Set up. In PowerShell, as administrator, for the account that works at the till (settings, journal and token stay its own):

    $action = New-ScheduledTaskAction -Execute {executable} -Argument {arguments}
    $trigger = New-ScheduledTaskTrigger -AtStartup
    $account = New-ScheduledTaskPrincipal -UserId "$env:USERDOMAIN\\$env:USERNAME" -LogonType S4U
    $options = New-ScheduledTaskSettingsSet -ExecutionTimeLimit ([TimeSpan]::Zero) -RestartCount 999 `
        -RestartInterval (New-TimeSpan -Minutes 1) -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -MultipleInstances IgnoreNew
    Register-ScheduledTask -TaskName ecrlan -Action $action -Trigger $trigger -Principal $account -Settings $options
    Start-ScheduledTask -TaskName ecrlan

   S4U runs it though nobody has logged on, and stores no password. Without the time limit of zero Windows would end it after 3 days.
   Settings file: {config}
   To name another for every command of the account:  setx ECRLAN_CONFIG C:\\path\\ecrlan.toml

2. See whether it runs:

    Get-ScheduledTaskInfo -TaskName ecrlan
    ecrlan status

   While it runs, its address stands in {journal}.daemon, and commands of the same account go through it.

3. New settings: ecrlan reload  (there is no SIGHUP here).

4. Stop. In a console window, where `{shown}` was typed, Ctrl-C or Ctrl-Break end it in order: no new operations, and a
   payment under way gets up to {stop} s to end. A task in the background has no keyboard:

    Stop-ScheduledTask -TaskName ecrlan

   ends it at once. No money is lost by that: what was sent stands in the journal, and the next start has the terminal asked what became
   of it. Still, stop it when nothing is under way:

    ecrlan operations list --outcome open

   If its process should be left:  Stop-Process -Id (Get-Content {journal_daemon} | ConvertFrom-Json).pid

5. Let the terminals in, where they dial the till (link = "auto" or "listen"), in PowerShell as administrator:

    New-NetFirewallRule -DisplayName ecrlan -Direction Inbound -Protocol TCP -LocalPort {port} -Action Allow

6. Remove: Unregister-ScheduledTask -TaskName ecrlan

Log: the Task Scheduler throws standard error away. To look at it, stop the task and type  {shown} -v  in a console window.
"""


def windows_instructions(settings: Settings, *, command: Sequence[str]) -> str:
    """Return how to run `command` in the background of Windows, with what really starts and stops a console program."""
    arguments = " ".join(f'"{part}"' if " " in part else part for part in [*command[1:], "serve"])
    if settings.file is not None:
        arguments += f' --config "{settings.file}"'
    journal = settings.journal.absolute()
    return _WINDOWS.format(
        executable=_quoted(command[0]),
        arguments=_quoted(arguments),
        config=settings.file if settings.file is not None else r"%APPDATA%\ecrlan\ecrlan.toml",
        journal=journal,
        journal_daemon=_quoted(f"{journal}.daemon"),
        shown="ecrlan serve",
        stop=math.ceil(settings.daemon.stop_timeout),
        port=(settings.register_.listen or ":8082").rpartition(":")[2],
    )


def _quoted(text: str | PurePath) -> str:
    """Return a text as PowerShell takes it literally."""
    doubled = str(text).replace("'", "''")
    return f"'{doubled}'"
