import json

from ecrlan.settings import all_declarations


def test_every_setting_with_value_and_origin(run, home, monkeypatch):
    (home / "x.toml").write_text('[terminals.till-1]\naddress = "10.0.0.1"\n')
    monkeypatch.setenv("ECRLAN_TERMINALS__TILL_1__PORT", "99")
    lines = {line.split()[0]: line.split()[1:] for line in run("settings", "--config", "x.toml").stdout.splitlines() if line.strip()}
    assert lines["terminals.till-1.address"] == ['"10.0.0.1"', "file"]
    assert lines["terminals.till-1.port"] == ["99", "ECRLAN_TERMINALS__TILL_1__PORT"]
    assert lines["terminals.till-1.keep_open"] == ["false", "default"]
    assert lines["daemon.http"] == ['"127.0.0.1:8017"', "default"]
    assert "x.toml" in lines["settings"][-1]


def test_as_json(run, home):
    (home / "x.toml").write_text('[register]\njournal = "j.db"\n')
    document = json.loads(run("settings", "--config", "x.toml", "--json").stdout)
    assert document["file"] == str(home / "x.toml")
    journal = next(row for row in document["settings"] if row["key"] == "register.journal")
    assert journal == {"key": "register.journal", "value": str(home / "j.db"), "origin": "file", "variable": "ECRLAN_REGISTER__JOURNAL"}


def test_without_a_file_it_says_where_it_would_be(run, home):
    text = run("settings").stdout
    assert "none" in text
    assert "[terminals.till-1]" in text


def test_all_declarations_are_explained(run):
    text = run("settings", "--all").stdout
    rows = json.loads(run("settings", "--all", "--json").stdout)
    assert [row["key"] for row in rows] == [declaration.key for declaration in all_declarations()]
    for row in rows:
        assert row["key"] in text
        assert row["variable"] in text


def test_wrong_settings_are_refused(run, run_json, home):
    (home / "x.toml").write_text("[terminals.t]\nadress = '10.0.0.1'\n")
    result = run("settings", "--config", "x.toml")
    assert result.exit_code == 2
    assert "x.toml: terminals.t.a" in result.stderr
    assert run_json("settings", "--config", "x.toml")[1]["error"]["code"] == "invalid_value"
