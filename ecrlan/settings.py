"""One declaration of every setting, and where their values come from.

A setting is a field of one of the sections below: its name is the key, its annotation the type and range, its description the line of help
and its environment variable follows from its place (`ECRLAN_REGISTER__JOURNAL`, `ECRLAN_TERMINALS__TILL_1__PORT`). The settings file, the
environment, `ecrlan settings`, help texts and the README's table are all made from these fields. What is not given has its default;
the environment wins over the file. In a variable the name of a terminal is written in capitals with `_` for every other character: `TILL_1`
means the terminal of the file whose name reads so (`till-1`); where there is none, the terminal `till-1` is made. A list's items stand
in a variable separated by commas.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import tomllib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter, ValidationError, create_model
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from ecrlan.errors import InvalidValueError, UnknownTerminalError, Why, in_english, nested
from ecrlan.model.values import DeclaredField, fields_of
from ecrlan.protocol.options import TerminalSettings, check_apart
from ecrlan.setting_values import (
    HIGHEST_PORT,
    Allowed,
    CallbackHosts,
    EightDigits,
    Host,
    HostNames,
    ListenAddress,
    OwnAddress,
    Pause,
    WebHook,
    check_host,
    is_ip_address,
    split_address,
)
from ecrlan.wire.lrc import LrcReading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails


__all__ = [
    "HIGHEST_PORT",
    "Declaration",
    "SettingValue",
    "Settings",
    "all_declarations",
    "check_host",
    "config_folder",
    "data_folder",
    "declarations",
    "default_file",
    "find_file",
    "is_ip_address",
    "split_address",
    "variable",
]

PREFIX = "ECRLAN_"
CONFIG_VARIABLE = "ECRLAN_CONFIG"
FILE_NAME = "ecrlan.toml"
JOURNAL_NAME = "ecrlan.db"

_TERMINAL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_TOML_LINE = re.compile(r"\(at line (\d+), column \d+\)")


# --- the declarations -------------------------------------------------------------------------------------------------------------


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RegisterSection(Section):
    """`[register]`: the cash register itself."""

    cash_register_id: EightDigits = Field("00000001", description="The cash register's number in every request.")
    journal: str = Field("", description="The journal's file, relative to the settings file; empty: ecrlan.db in the user's data folder.")
    backups: Annotated[int, Field(ge=0, le=365)] = Field(
        7, description="Daily backups kept in the folder backups beside the journal; 0: none."
    )
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        0, description="Days after which finished operations are removed from the journal, never their references; 0: never."
    )
    listen: ListenAddress = Field(
        "0.0.0.0:8082",
        description="The register's static address, which is typed into PosConnector; only configured terminals are let in.",
    )


class DaemonSection(Section):
    """`[daemon]`: the process behind HTTP API and console."""

    http: OwnAddress = Field("127.0.0.1:8017", description="Where HTTP API and console listen; beyond loopback only with TLS.")
    hosts: HostNames = Field([], description="Further host names by which people and programs reach it.")
    certificate: str = Field("", description="TLS certificate chain, a PEM file, relative to the settings file.")
    key: str = Field("", description="The certificate's private key, a PEM file, relative to the settings file.")
    callback_hosts: CallbackHosts = Field(
        [],
        description="The only hosts to which callbacks are sent; none listed: any but itself, terminals and link-local addresses.",
    )
    alarm_command: str = Field("", description="A program that is started at every alarm, which it gets as JSON on standard input.")
    alarm_webhook: WebHook = Field("", description="Where every alarm is posted as JSON.")
    health_interval: Pause = Field(60.0, description="Seconds between two looks at an idle terminal's status; 0: never.")
    stop_timeout: Pause = Field(200.0, description="Seconds that running exchanges get to end when the daemon is stopped.")
    requests_at_once: Annotated[int, Field(ge=8, le=10_000)] = Field(512, description="HTTP requests that are served at a time.")


def _setting(declared: DeclaredField) -> tuple[Any, Any]:
    """Return a terminal's setting as the file has it: its type with what is allowed, and its default with the line of help."""
    takes, kind = declared.takes, declared.type
    default = ... if declared.required else declared.default
    if isinstance(default, Enum):
        kind, default = Literal[tuple(each.value for each in kind)], default.value
    elif declared.name == "address":
        kind = Host
    elif takes.pattern:
        kind = Annotated[str, Field(pattern=f"^({takes.pattern})$"), Allowed(("allowed_in_quotes", {"allowed": nested(takes.allowed)}))]
    elif kind is float:
        kind = Annotated[float, Field(ge=takes.least, le=takes.most, allow_inf_nan=False)]
    elif kind is int:
        kind = Annotated[int, Field(ge=takes.least, le=takes.most)]
    return kind, Field(default, description=takes.help)


if TYPE_CHECKING:

    class TerminalSection(Section):
        """`[terminals.NAME]`: one payment terminal, as `TerminalSettings` declares it."""

        address: str
        port: int
        link: Literal["auto", "listen", "dial"]
        longest_payment_time: float
        payment_timeout: float
        close_timeout: float
else:
    TerminalSection = create_model(
        "TerminalSection",
        __base__=Section,
        __doc__="`[terminals.NAME]`: one payment terminal, as `TerminalSettings` declares it.",
        __module__=__name__,
        **{declared.name: _setting(declared) for declared in fields_of(TerminalSettings)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What is declared about one setting; `default` is None where a value must be given."""

    key: str
    variable: str
    default: object
    allowed: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingValue:
    """A setting with its value and where that comes from: `default`, `file` or `environment`."""

    declaration: Declaration
    value: object
    origin: Literal["default", "file", "environment"]


class Settings(BaseSettings):
    """All settings, checked. Make one with `load`."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, strict=True)

    register_: RegisterSection = Field(RegisterSection.model_validate({}), alias="register")
    daemon: DaemonSection = DaemonSection.model_validate({})
    terminals: dict[str, TerminalSection] = Field(default_factory=dict)

    _file: Path | None = PrivateAttr(default=None)
    _variables: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def file(self) -> Path | None:
        """The settings file that was read, or None."""
        return self._file

    @property
    def journal(self) -> Path:
        """The journal's file: relative names start at the settings file's folder."""
        if not self.register_.journal:
            return data_folder() / JOURNAL_NAME
        path = Path(self.register_.journal).expanduser()
        return path if self._file is None or "register.journal" in self._variables else self._file.parent / path

    def beside(self, text: str) -> Path:
        """Return a file that a setting names: relative names start at the settings file's folder."""
        path = Path(text).expanduser()
        return path if self._file is None else self._file.parent / path

    def terminal_settings(self, name: str) -> TerminalSettings:
        """Return what the register wants to know about the terminal `name`. Raises UnknownTerminalError."""
        section = self.terminals.get(name)
        if section is None:
            raise UnknownTerminalError(name, tuple(self.terminals))
        values = section.model_dump()
        return TerminalSettings(name=name, **values | {"lrc": LrcReading(values["lrc"])})

    def values(self) -> list[SettingValue]:
        """Return every setting, in the order of declaration, with its value and origin."""
        rows = []
        sections: list[tuple[str, Section]] = [("register", self.register_), ("daemon", self.daemon)]
        sections += [(f"terminals.{name}", section) for name, section in self.terminals.items()]
        for place, section in sections:
            for declaration in declarations(type(section), place):
                field = declaration.key.rpartition(".")[2]
                given = "environment" if declaration.key in self._variables else "file" if field in section.model_fields_set else "default"
                value = str(self.journal) if declaration.key == "register.journal" else getattr(section, field)
                rows.append(SettingValue(declaration=declaration, value=value, origin=given))  # type: ignore[arg-type]  # three literals
        return rows

    @classmethod
    def load(cls, config: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings file and the environment.

        The file is `config`, else the one named by ECRLAN_CONFIG, else `default_file()` where it exists. Raises InvalidValueError with file
        (or variable), key, value and what is allowed.
        """
        environ = os.environ if environ is None else environ
        file = find_file(config, environ)
        document = {} if file is None else _read(file)
        _check_names(file, document)
        source, variables = _environment(environ, document)

        class Loaded(cls):  # type: ignore[valid-type,misc]  # pydantic-settings asks the class for its sources
            @classmethod
            def settings_customise_sources(
                cls, settings_cls: type[BaseSettings], **_sources: PydanticBaseSettingsSource
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                return InitSettingsSource(settings_cls, source), InitSettingsSource(settings_cls, document)

        try:
            settings: Self = Loaded()
        except ValidationError as error:
            raise _invalid_value(file, variables, error.errors()[0]) from None
        for name, terminal in settings.terminals.items():
            if terminal.link != "dial" and not is_ip_address(terminal.address):
                place = variables.get(f"terminals.{name}.address", f"{file or 'environment'}: terminals.{name}.address")
                raise InvalidValueError(place, terminal.address, ("allowed_static_address", {}))
        settings._file = file
        settings._variables = variables
        settings._check_apart()
        return settings

    def _check_apart(self) -> None:
        """Refuse two names for one terminal."""
        if len(self.terminals) < 2:
            return
        known = [self.terminal_settings(name) for name in self.terminals]
        for number, terminal in enumerate(known):
            for other in known[:number]:
                try:
                    check_apart(terminal, other)
                except InvalidValueError as error:
                    place = self._variables.get(error.place, f"{self._file or 'environment'}: {error.place}")
                    raise InvalidValueError(place, error.value, error.allowed_why) from None


# --- what the declarations say ----------------------------------------------------------------------------------------------------

SECTIONS: dict[str, type[Section]] = {"register": RegisterSection, "daemon": DaemonSection, "terminals.NAME": TerminalSection}


def declarations(section: type[Section], place: str) -> list[Declaration]:
    """Return what `section` declares; `place` is its dotted name in the file (`register`, `terminals.till-1`)."""
    return [
        Declaration(
            key=f"{place}.{name}",
            variable=variable(place, name),
            default=None if field.is_required() else field.default,
            allowed=in_english(_allowed_why(field)),
            description=field.description or "",
        )
        for name, field in section.model_fields.items()
    ]


def all_declarations() -> list[Declaration]:
    """Return every declaration, terminals under the name NAME."""
    return [declaration for place, section in SECTIONS.items() for declaration in declarations(section, place)]


def variable(place: str, key: str) -> str:
    """Return the environment variable of a setting: `ECRLAN_TERMINALS__TILL_1__PORT` for `terminals.till-1` and `port`."""
    section, _, name = place.partition(".")
    parts = [section, *([_spelled(name)] if name else []), key]
    return PREFIX + "__".join(parts).upper()


def _spelled(name: str) -> str:
    """Return a terminal's name as it stands in a variable."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _allowed_why(field: FieldInfo) -> Why:
    """Say what a field takes, as a code with values."""
    for item in field.metadata:
        if isinstance(item, Allowed):
            return item.why
    annotation = field.annotation
    if get_origin(annotation) in (Union, UnionType):  # pragma: no cover - no such setting yet
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        words = [f'"{word}"' if isinstance(word, str) else str(word) for word in get_args(annotation)]
        return "allowed_one_of", {"words": words}
    if annotation is bool:
        return "allowed_one_of", {"words": ["true", "false"]}
    if annotation in (int, float):
        found = {name: getattr(item, name) for item in field.metadata for name in ("ge", "le") if hasattr(item, name)}
        values = {"least": found["ge"], "most": found["le"]}
        return ("allowed_seconds", values) if annotation is float else ("allowed_whole_numbers", values)
    return "allowed_text", {}


# --- reading ----------------------------------------------------------------------------------------------------------------------


def config_folder(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path:
    """Return the user's folder for the settings file."""
    return _user_folder(environ, platform, windows="APPDATA", unix="XDG_CONFIG_HOME", usual=".config")


def data_folder(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path:
    """Return the user's folder for the journal; on Windows the one that does not roam."""
    return _user_folder(environ, platform, windows="LOCALAPPDATA", unix="XDG_DATA_HOME", usual=".local/share")


def _user_folder(environ: Mapping[str, str] | None, platform: str, *, windows: str, unix: str, usual: str) -> Path:
    environ = os.environ if environ is None else environ
    if platform == "win32":
        base = Path(environ[windows]) if environ.get(windows) else Path.home() / "AppData" / ("Local" if "LOCAL" in windows else "Roaming")
    elif platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        given = environ.get(unix, "")
        base = Path(given) if given.startswith("/") else Path.home() / usual  # a relative one must be ignored, says the XDG standard
    return base / "ecrlan"


def default_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return where the settings file is looked for when none is named."""
    return config_folder(environ) / FILE_NAME


def find_file(config: str | Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the settings file to read, None where there is none. A file that was named must exist."""
    named = ("--config", str(config)) if config is not None else (CONFIG_VARIABLE, environ.get(CONFIG_VARIABLE, ""))
    if named[1]:
        path = Path(named[1]).expanduser()
        if not path.is_file():
            raise InvalidValueError(named[0], named[1], ("allowed_settings_file", {}))
        return path.absolute()
    path = default_file(environ)
    return path if path.is_file() else None


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text)
    except OSError as error:
        raise InvalidValueError("settings file", str(file), ("allowed_readable_file", {"problem": error.strerror})) from None
    except UnicodeDecodeError as error:
        raise InvalidValueError(f"{file}: byte {error.start}", error.object[error.start : error.start + 1], ("allowed_utf8", {})) from None
    except tomllib.TOMLDecodeError as error:
        match = _TOML_LINE.search(str(error))
        lines = text.splitlines()
        number = min(int(match[1]) if match else len(lines), len(lines)) or 1
        line = lines[number - 1] if lines else ""
        raise InvalidValueError(f"{file}: line {number}", line.strip(), ("allowed_toml", {"problem": str(error)})) from None


def _check_names(file: Path | None, document: dict[str, Any]) -> None:
    """Refuse names of terminals that cannot stand in a journal or an address, or that read the same in a variable."""
    terminals = document.get("terminals", {})
    if not isinstance(terminals, dict):
        return  # the model says what is wrong
    spelled: dict[str, str] = {}
    for name in terminals:
        if not _TERMINAL_NAME.match(name):
            raise InvalidValueError(f"{file}: terminals", name, ("allowed_terminal_names", {}))
        other = spelled.setdefault(_spelled(name), name)
        if other != name:
            raise InvalidValueError(f"{file}: terminals", name, ("allowed_other_names", {"other": other}))


def _environment(environ: Mapping[str, str], document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings that the environment gives, typed, and the variable of each (by dotted key)."""
    named = document.get("terminals")
    names = {_spelled(name): name for name in named} if isinstance(named, dict) else {}
    given: dict[str, Any] = {}
    variables: dict[str, str] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        if "__" not in name:
            _refuse_single_underscore(name, environ[name], names)
            continue
        section, *rest = name.removeprefix(PREFIX).split("__")
        path = [section.lower(), *rest]
        if path[0] == "terminals" and len(path) == 3:
            path[1] = names.get(rest[0], rest[0].lower().replace("_", "-"))
            model: type[Section] | None = TerminalSection
        else:
            model = SECTIONS.get(path[0]) if len(path) == 2 else None
        path[-1] = path[-1].lower()
        field = model.model_fields.get(path[-1]) if model else None
        if field is None:
            place = ".".join(path[:-1])
            known = [item.variable for item in (declarations(model, place) if model else all_declarations())]
            raise InvalidValueError(name, environ[name], _nearest_why(name, known, ("all_settings", {})))
        try:
            value = _typed(field, environ[name])
        except ValueError:
            raise InvalidValueError(name, environ[name], _allowed_why(field)) from None
        table = given
        for part in path[:-1]:
            table = table.setdefault(part, {})
        table[path[-1]] = value
        variables[".".join(path)] = name
    return given, variables


def _refuse_single_underscore(name: str, value: str, terminals: Iterable[str]) -> None:
    """Refuse a variable that would be a setting's if it had two underscores between section and name."""
    known = [item.variable for item in all_declarations()]
    known += [f"{PREFIX}TERMINALS__{terminal}__{key.upper()}" for terminal in terminals for key in TerminalSection.model_fields]
    for right in known:
        if right.replace("__", "_") == name:
            raise InvalidValueError(name, value, ("allowed_two_underscores", {"name": right}))


def _typed(field: FieldInfo, text: str) -> object:
    """Return a variable's text as the value of `field`; ValueError (pydantic's is one) if it is none."""
    if get_origin(field.annotation) is Literal:
        words = {str(word): word for word in get_args(field.annotation)}
        if text not in words:
            raise ValueError
        return words[text]
    metadata = tuple(field.metadata)
    if get_origin(field.annotation) is list:
        items: object = [part.strip() for part in text.split(",") if part.strip()]
        return TypeAdapter(field.annotation).validate_python(items)  # type: ignore[arg-type]  # a type that is known at run time only
    value: object = TypeAdapter(Annotated[field.annotation, *metadata] if metadata else field.annotation).validate_strings(text)  # type: ignore[arg-type]  # a type that is known at run time only
    return value


def _nearest_why(wrong: str, known: list[str], others: Why) -> Why:
    near = difflib.get_close_matches(wrong, known, n=1)
    others_told = nested(others)
    return ("allowed_near_name", {"near": near[0], "others": others_told}) if near else ("allowed_known_names", {"others": others_told})


def _invalid_value(file: Path | None, variables: Mapping[str, str], error: ErrorDetails) -> InvalidValueError:
    """Turn pydantic's first complaint into ours."""
    path = [str(part) for part in error["loc"]]
    key = ".".join(path)
    place = variables.get(key) or f"{file or 'environment'}: {key}"
    model = TerminalSection if path[0] == "terminals" and len(path) > 1 else SECTIONS.get(path[0])
    if error["type"] == "missing":
        return InvalidValueError(
            place, "", ("allowed_no_default", {"allowed": nested(_allowed_why(TerminalSection.model_fields[path[-1]]))})
        )
    if error["type"] == "extra_forbidden":
        known = list(model.model_fields) if model else ["register", "daemon", "terminals"]
        return InvalidValueError(place, error["input"], _nearest_why(path[-1], known, ("allowed_listed", {"words": known})))
    if model is None or len(path) < (3 if model is TerminalSection else 2):
        return InvalidValueError(place, error["input"], ("allowed_table", {}))
    return InvalidValueError(place, error["input"], _allowed_why(model.model_fields[path[2 if model is TerminalSection else 1]]))
