import dataclasses
import re
from pathlib import Path

import pytest

from ecrlan.errors import InvalidValueError, UnknownTerminalError
from ecrlan.settings import (
    HIGHEST_PORT,
    Settings,
    TerminalSection,
    all_declarations,
    check_host,
    config_folder,
    data_folder,
    default_file,
    find_file,
    split_address,
    variable,
)

TILL = '[terminals.till-1]\naddress = "192.168.1.50"\n'


@pytest.fixture
def load(tmp_path):
    def load(text="", /, **environ):
        file = tmp_path / "ecrlan.toml"
        file.write_text(text, encoding="utf-8")
        return Settings.load(file, environ)

    return load


def refused(load, text="", **environ):
    with pytest.raises(InvalidValueError) as caught:
        load(text, **environ)
    return caught.value


def test_everything_but_the_address_has_a_default(load):
    settings = load(TILL)
    assert settings.terminals["till-1"].port == 8081
    assert settings.daemon.http == "127.0.0.1:8017"
    assert [declaration.key for declaration in all_declarations() if declaration.default is None] == ["terminals.NAME.address"]


def test_without_a_file_all_is_default(tmp_path):
    settings = Settings.load(None, {"XDG_CONFIG_HOME": str(tmp_path), "APPDATA": str(tmp_path)})
    assert settings.file is None
    assert settings.terminals == {}
    assert {row.origin for row in settings.values()} == {"default"}


def test_the_defaults_are_the_registers(load):
    options = pytest.importorskip("ecrlan.protocol.options")
    made = load(TILL).terminal_settings("till-1")
    assert made == options.TerminalSettings(name="till-1", address="192.168.1.50")


def test_every_terminal_setting_reaches_the_register(load):
    options = pytest.importorskip("ecrlan.protocol.options")
    known = {field.name for field in dataclasses.fields(options.TerminalSettings)}
    assert known == {"name", *TerminalSection.model_fields}
    text = TILL + 'lrc = "payload-etx"\ntag_map = "5000"\nlink = "dial"\nack_timeout = 2\ncapture_length = 180\n'
    made = load(text).terminal_settings("till-1")
    assert (made.lrc.value, made.tag_map, made.link, made.ack_timeout, made.capture_length) == ("payload-etx", "5000", "dial", 2.0, 180)


@pytest.mark.parametrize("tag_map", ["5***", "5*00"])
def test_a_tag_map_may_hold_stars(load, tag_map):
    assert load(TILL + f'tag_map = "{tag_map}"\n').terminal_settings("till-1").tag_map == tag_map


def test_an_unknown_terminal_is_named_with_the_known_ones(load):
    with pytest.raises(UnknownTerminalError, match="till-1"):
        load(TILL).terminal_settings("till-2")


@pytest.mark.parametrize(
    ("line", "value", "allowed"),
    [
        ("port = 0", 0, "1 to 65535"),
        ("port = 65536", 65536, "1 to 65535"),
        ('port = "8081"', "8081", "whole numbers"),
        ("port = 8081.5", 8081.5, "whole numbers"),
        ("port = true", True, "whole numbers"),
        ('terminal_id = "1234567"', "1234567", "exactly 8 digits"),
        ("terminal_id = 12345678", 12345678, "exactly 8 digits, in quotes"),
        ('terminal_id = "1234567٣"', "1234567٣", "exactly 8 digits"),
        ('link = "server"', "server", '"auto", "listen" or "dial"'),
        ('lrc = "odd"', "odd", "stx-payload-etx"),
        ("keep_open = 1", 1, "true or false"),
        ("ack_timeout = 0", 0, "seconds from 0.1 to 3600"),
        ("ack_timeout = inf", float("inf"), "seconds from 0.1 to 3600"),
        ("capture_length = 177", 177, "176 or 180"),
        ("printing_mode = 4", 4, "1, 2 or 3"),
        ('tag_map = "50000"', "50000", "4 digits or *"),
        ('tag_map = "5#00"', "5#00", "4 digits or *"),
        ('purchase_code = "p"', "p", '"auto", "X" or "P"'),
        ('prot = "8081"', "8081", "perhaps port"),
    ],
)
def test_a_wrong_value_is_refused_with_file_key_value_and_what_is_allowed(load, tmp_path, line, value, allowed):
    error = refused(load, TILL + line)
    assert error.place == f"{tmp_path / 'ecrlan.toml'}: terminals.till-1.{line.split()[0]}"
    assert error.value == value
    assert allowed in error.allowed


@pytest.mark.parametrize(
    ("text", "place", "allowed"),
    [
        ("[regster]\n", "regster", "perhaps register"),
        ("register = 3\n", "register", "a table"),
        ("terminals = 3\n", "terminals", "a table"),
        ("[terminals]\ntill-1 = 3\n", "terminals.till-1", "a table"),
        ('[register]\ncash_register_id = "1"\n', "register.cash_register_id", "8 digits"),
        ('[register]\nlisten = "8082"\n', "register.listen", "HOST:PORT"),
        ('[register]\nlisten = "0.0.0.0:99999"\n', "register.listen", "HOST:PORT"),
        ('[daemon]\nhttp = ""\n', "daemon.http", "HOST:PORT"),
        ("[daemon]\nhosts = [1]\n", "daemon.hosts.0", "host names"),
        ('[daemon]\nhosts = ["a b"]\n', "daemon.hosts.0", "host names"),
        ('[daemon]\nhosts = "till"\n', "daemon.hosts", "host names"),
        ('[daemon]\ncallback_hosts = ["x:0"]\n', "daemon.callback_hosts.0", "each with or without :PORT"),
        ('[daemon]\ncallback_hosts = ["x/y"]\n', "daemon.callback_hosts.0", "each with or without :PORT"),
        ('[daemon]\nalarm_webhook = "ftp://x"\n', "daemon.alarm_webhook", "an http or https URL"),
        ('[daemon]\nalarm_webhook = "http://x:0/"\n', "daemon.alarm_webhook", "an http or https URL"),
        ('[daemon]\nalarm_webhook = "https://user:word@x/"\n', "daemon.alarm_webhook", "an http or https URL"),
        ("[daemon]\nrequests_at_once = 7\n", "daemon.requests_at_once", "8 to 10000"),
        ('[register]\njournals = "x"\n', "register.journals", "perhaps journal"),
        ("[terminals.till-1]\n", "terminals.till-1.address", "an IP address"),
        ('[terminals.till-1]\naddress = "192.168.1.500"\n', "terminals.till-1.address", "an IP address"),
        ('[terminals.till-1]\naddress = "caffè"\n', "terminals.till-1.address", "an IP address"),
        ('[terminals.till-1]\naddress = "pos.shop"\n', "terminals.till-1.address", "a static IP address"),
    ],
)
def test_every_table_refuses_what_it_does_not_know(load, text, place, allowed):
    error = refused(load, text)
    assert error.place.endswith(f": {place}")
    assert allowed in error.allowed


def test_a_dialled_terminal_may_have_a_host_name(load):
    assert load('[terminals.t]\naddress = "pos-1.shop.lan"\nlink = "dial"\n').terminals["t"].address == "pos-1.shop.lan"


@pytest.mark.parametrize("name", ["a b", "è", "", "-a", "a.b", "x" * 65])
def test_names_of_terminals_are_checked(load, name):
    assert repr(name)[:60] in str(refused(load, f'[terminals."{name}"]\naddress = "10.0.0.1"\n'))


def test_names_that_read_the_same_in_a_variable_are_refused(load):
    assert refused(load, '[terminals.a-b]\naddress = "10.0.0.1"\n[terminals.a_b]\naddress = "10.0.0.2"\n').value == "a_b"


FIRST = '[terminals.a]\naddress = "10.0.0.1"\n'


@pytest.mark.parametrize(
    ("first", "second", "key", "value", "way_out"),
    [
        ("", 'address = "10.0.0.1"\nport = 9000\n', "address", "10.0.0.1", 'told apart by their ports with link = "dial"'),
        ('link = "dial"\n', 'address = "10.0.0.1"\n', "address", "10.0.0.1:8081", "one terminal takes one name"),
        ('terminal_id = "37105051"\n', 'address = "10.0.0.2"\nterminal_id = "37105051"\n', "terminal_id", "37105051", "one terminal takes"),
    ],
)
def test_two_names_for_one_terminal_are_refused(load, tmp_path, first, second, key, value, way_out):
    error = refused(load, f"{FIRST}{first}[terminals.b]\n{second}")
    assert (error.place, error.value) == (f"{tmp_path / 'ecrlan.toml'}: terminals.b.{key}", value)
    assert "a has" in error.allowed
    assert way_out in error.allowed


@pytest.mark.parametrize(
    ("one", "other"),
    [("::1", "0:0:0:0:0:0:0:1"), ("fe80::AB", "fe80::ab"), ("pos-1.shop.lan", "POS-1.shop.LAN.")],
)
def test_one_address_written_in_two_ways_is_one(load, one, other):
    text = f'[terminals.a]\naddress = "{one}"\nlink = "dial"\n[terminals.b]\naddress = "{other}"\nlink = "dial"\n'
    assert "an address and port that no other terminal has" in refused(load, text).allowed


def test_two_terminals_at_one_address_are_told_apart_by_their_ports(load):
    text = FIRST + 'link = "dial"\n[terminals.b]\naddress = "10.0.0.1"\nport = 9000\nlink = "dial"\n'
    assert list(load(text).terminals) == ["a", "b"]


def test_a_second_name_from_the_environment_is_refused_by_its_variable(load):
    error = refused(load, FIRST, ECRLAN_TERMINALS__B__ADDRESS="10.0.0.1")
    assert (error.place, error.value) == ("ECRLAN_TERMINALS__B__ADDRESS", "10.0.0.1")


def test_broken_toml_is_refused_with_its_line(load):
    error = refused(load, "[register]\njournal = \n")
    assert error.place.endswith("line 2")
    assert error.value == "journal ="
    assert refused(load, "[").place.endswith("line 1")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    file = tmp_path / "x.toml"
    file.write_bytes(b"a = '\xff'")
    with pytest.raises(InvalidValueError, match="UTF-8"):
        Settings.load(file, {})


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    file = tmp_path / "x.toml"
    file.write_bytes(b"\xef\xbb\xbf" + TILL.encode())
    assert "till-1" in Settings.load(file, {}).terminals


def test_a_named_file_must_exist(tmp_path):
    with pytest.raises(InvalidValueError, match="--config"):
        Settings.load(tmp_path / "none.toml", {})
    with pytest.raises(InvalidValueError, match="ECRLAN_CONFIG"):
        Settings.load(None, {"ECRLAN_CONFIG": str(tmp_path)})


def test_the_file_is_found_by_option_then_variable_then_folder(tmp_path):
    home = tmp_path / "ecrlan"
    home.mkdir()
    for file in (home / "ecrlan.toml", tmp_path / "a.toml", tmp_path / "b.toml"):
        file.touch()
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "APPDATA": str(tmp_path)}
    assert find_file(None, environ) == default_file(environ)
    assert find_file(None, environ | {"ECRLAN_CONFIG": str(tmp_path / "a.toml")}) == tmp_path / "a.toml"
    assert find_file(tmp_path / "b.toml", environ | {"ECRLAN_CONFIG": str(tmp_path / "a.toml")}) == tmp_path / "b.toml"


def test_folders_are_those_of_each_system():
    assert config_folder({"XDG_CONFIG_HOME": "/c"}, "linux") == Path("/c/ecrlan")
    assert config_folder({"XDG_CONFIG_HOME": "relative"}, "linux") == Path.home() / ".config/ecrlan"
    assert config_folder({"APPDATA": "/roaming"}, "win32") == Path("/roaming/ecrlan")
    assert config_folder({}, "win32") == Path.home() / "AppData/Roaming/ecrlan"
    assert config_folder({}, "darwin") == Path.home() / "Library/Application Support/ecrlan"
    assert data_folder({}, "linux") == Path.home() / ".local/share/ecrlan"
    assert data_folder({}, "win32") == Path.home() / "AppData/Local/ecrlan"


def test_the_journal_is_relative_to_the_file(load, tmp_path):
    assert load('[register]\njournal = "j/till.db"\n').journal == tmp_path / "j" / "till.db"
    assert load(f"[register]\njournal = '{tmp_path / 'x.db'}'\n").journal == tmp_path / "x.db"
    assert load("").journal == data_folder() / "ecrlan.db"
    assert load("", ECRLAN_REGISTER__JOURNAL="here.db").journal == Path("here.db")


def test_files_are_relative_to_the_settings_file(load, tmp_path):
    assert load("").beside("tls/key.pem") == tmp_path / "tls" / "key.pem"
    assert load("").beside(str(tmp_path / "x.pem")) == tmp_path / "x.pem"
    assert load("").beside("~/x.pem") == Path.home() / "x.pem"


def test_lists_stand_in_variables_with_commas(load):
    settings = load('[daemon]\nhosts = ["a"]\n', ECRLAN_DAEMON__HOSTS="till.lan, 10.0.0.5", ECRLAN_DAEMON__CALLBACK_HOSTS="")
    assert settings.daemon.hosts == ["till.lan", "10.0.0.5"]
    assert settings.daemon.callback_hosts == []
    assert refused(load, "", ECRLAN_DAEMON__HOSTS="till.lan,a b").place == "ECRLAN_DAEMON__HOSTS"


def test_the_environment_wins_over_the_file(load):
    settings = load(TILL + "port = 1\n", ECRLAN_TERMINALS__TILL_1__PORT="2", ECRLAN_TERMINALS__TILL_1__KEEP_OPEN="true")
    assert settings.terminals["till-1"].port == 2
    origins = {row.declaration.key: row.origin for row in settings.values()}
    assert origins["terminals.till-1.port"] == origins["terminals.till-1.keep_open"] == "environment"
    assert origins["terminals.till-1.address"] == "file"
    assert origins["terminals.till-1.link"] == "default"


def test_variables_make_a_terminal_that_the_file_does_not_know(load):
    settings = load("", ECRLAN_TERMINALS__TILL_2__ADDRESS="10.0.0.9", ECRLAN_TERMINALS__TILL_2__CAPTURE_LENGTH="180")
    assert settings.terminals["till-2"].capture_length == 180


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("ECRLAN_TERMINALS__TILL_1__PORT", "x", "1 to 65535"),
        ("ECRLAN_TERMINALS__TILL_1__CAPTURE_LENGTH", "177", "176 or 180"),
        ("ECRLAN_TERMINALS__TILL_1__LINK", "x", '"auto"'),
        ("ECRLAN_TERMINALS__TILL_1__ACK_TIMEOUT", "nan", "seconds"),
        ("ECRLAN_TERMINALS__TILL_1__TERMINAL_ID", "1", "8 digits"),
        ("ECRLAN_REGISTER__LISTEN", "x", "HOST:PORT"),
        ("ECRLAN_TERMINALS__TILL_1__PROT", "1", "perhaps ECRLAN_TERMINALS__TILL_1__PORT"),
        ("ECRLAN_REGSTER__LISTEN", "1", "perhaps ECRLAN_REGISTER__LISTEN"),
        ("ECRLAN_TERMINALS__PORT", "1", "known names only"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(load, name, value, allowed):
    error = refused(load, TILL, **{name: value})
    assert (error.place, error.value) == (name, value)
    assert allowed in error.allowed


def test_a_host_name_from_the_environment_is_refused_by_its_variable(load):
    assert refused(load, TILL, ECRLAN_TERMINALS__TILL_1__ADDRESS="pos.shop").place == "ECRLAN_TERMINALS__TILL_1__ADDRESS"


def test_other_variables_are_left_alone(load):
    assert load(TILL, ECRLAN_CONFIG="x", ECRLAN_DEBUG="1", PATH="/")


def test_every_declaration_tells_all_and_its_variable_is_read(load):
    for declaration in all_declarations():
        assert declaration.description.endswith(".")
        assert declaration.allowed
        assert re.fullmatch(r"ECRLAN_[A-Z0-9_]+", declaration.variable)
    assert variable("terminals.till-1", "port") == "ECRLAN_TERMINALS__TILL_1__PORT"
    environ = {
        declaration.variable.replace("NAME", "X"): ",".join(declaration.default)
        if isinstance(declaration.default, list)
        else str(declaration.default)
        for declaration in all_declarations()
        if declaration.default is not None
    }
    rows = load("", ECRLAN_TERMINALS__X__ADDRESS="10.0.0.1", **environ).values()
    assert {row.origin for row in rows} == {"environment"}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.1", ("10.0.0.1", 8081)),
        ("10.0.0.1:1", ("10.0.0.1", 1)),
        ("pos:99", ("pos", 99)),
        ("[::1]:5", ("::1", 5)),
        ("[::1]", ("::1", 8081)),
    ],
)
def test_addresses_are_split(text, address):
    assert split_address("--address", text, 8081) == address


@pytest.mark.parametrize(
    "text", ["", ":1", "10.0.0.1:", "10.0.0.1:0", f"10.0.0.1:{HIGHEST_PORT + 1}", "a b", "::1", "10.0.0.256", "x:y", "è:1"]
)
def test_other_addresses_are_refused(text):
    with pytest.raises(InvalidValueError, match="--address"):
        split_address("--address", text, 8081)


def test_hosts_are_checked():
    assert check_host("a.b-c.lan") == "a.b-c.lan"
    for wrong in ("", "-a", "a..b", "x" * 64, "1.2.3", "a\n", "a/b"):
        with pytest.raises(ValueError, match="neither"):
            check_host(wrong)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("ECRLAN_REGISTER_JOURNAL", "ECRLAN_REGISTER__JOURNAL"),
        ("ECRLAN_DAEMON_HTTP", "ECRLAN_DAEMON__HTTP"),
        ("ECRLAN_REGISTER_CASH_REGISTER_ID", "ECRLAN_REGISTER__CASH_REGISTER_ID"),
        ("ECRLAN_TERMINALS_FIRST_PORT", "ECRLAN_TERMINALS__FIRST__PORT"),
    ],
)
def test_a_variable_with_one_underscore_is_refused_with_its_right_name(load, name, right):
    error = refused(load, '[terminals.first]\naddress = "10.0.0.1"\n', **{name: "x"})
    assert error.place == name
    assert right in error.allowed


def test_variables_of_others_are_left_alone(load):
    assert load("", ECRLAN_CONFIG_X="1", ECRLAN_SOMETHING="2", ECRLAN_ALARM="x").journal
