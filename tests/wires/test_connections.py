"""Connections and keys: kept without the key, refused in words, tried out against a real server."""

import json

import keyring
import pytest
from keyring.errors import NoKeyringError

from core import settings, tasks
from core.errors import InputError
from core.wires import connections, keys
from core.wires.wire import OwnPrice, Params
from tests.wires import servers
from tests.wires.servers import Fault, Server, Text

SECRET = "sk-test-0123456789abcdef"


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    """The project's secrets.toml, in a folder of the test's."""
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    (tmp_path / ".streamlit").mkdir()
    return tmp_path / ".streamlit" / "secrets.toml"


def test_a_connection_is_kept_whole_and_changed_under_its_name(db):
    params = Params(votes=3, temperature=0.3, price=OwnPrice(1.0, 2.0, 0.1, as_of="2026-11-24"))
    made = connections.save(
        db, 0, " My  model ", "openai", "m1", base_url="http://localhost:1234/v1/", key_source="env:K", params=params
    )
    assert (made.name, made.base_url, made.params) == ("My model", "http://localhost:1234/v1", params)
    assert connections.find(db, 7, "my model") == made
    again = connections.save(db, 0, "my model", "openai", "m2")
    assert again.id == made.id and again.model == "m2" and again.base_url is None
    assert connections.all(db, 0) == [again]
    connections.remove(db, again.id)
    assert connections.all(db, 0) == []


def test_a_client_sees_its_own_and_the_houses_and_its_own_come_first(db):
    acme, other = tasks.of(db, "Acme"), tasks.of(db, "Other")
    house = connections.save(db, 0, "Big", "openai", "house")
    own = connections.save(db, acme.client_id, "Big", "openai", "own")
    secret = connections.save(db, other.client_id, "Theirs", "openai", "m")
    assert connections.all(db, acme.client_id) == [own] and connections.find(db, acme.client_id, "Big") == own
    assert connections.all(db, other.client_id) == [house, secret]
    with pytest.raises(InputError, match="There are: Big"):
        connections.find(db, acme.client_id, "Theirs")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": " "}, "name"),
        ({"kind": "oracle"}, "Choose one of: anthropic, decisions, openai"),
        ({"model": ""}, "model"),
        ({"base_url": "localhost:1234"}, "no web address"),
        ({"base_url": "ftp://x/v1"}, "no web address"),
        ({"base_url": "http://[x/v1"}, "no web address"),
        ({"base_url": "http://x:99999/"}, "no web address"),
        ({"base_url": "https://user:pw@x/v1"}, "more than an address"),
        ({"base_url": f"https://x/v1?key={SECRET}"}, "more than an address"),
        ({"key_source": SECRET}, "looks like a key"),
        ({"key_source": f"env:{SECRET}"}, "looks like a key"),
        ({"key_source": "env:"}, "no place"),
        ({"key_source": "file:x"}, "no place"),
        ({"params": Params(votes=0)}, "votes"),
        ({"params": Params(concurrency=0)}, "concurrency"),
        ({"params": Params(temperature=3.0)}, "temperature"),
        ({"params": Params(price=OwnPrice(-1.0, 0.0))}, "price"),
        ({"params": Params(timeout_s=0)}, "timeout"),
    ],
)
def test_what_cannot_be_right_is_refused_in_words_and_nothing_is_kept(db, changed, words):
    given = {"name": "A", "kind": "openai", "model": "m", **changed}
    with pytest.raises(InputError, match=words) as error:
        connections.save(db, 0, given.pop("name"), given.pop("kind"), given.pop("model"), **given)
    assert SECRET not in str(error.value)
    assert connections.all(db, 0) == []


def test_a_key_is_read_where_it_is(secrets, store, monkeypatch):
    monkeypatch.setenv("MY_KEY", f" {SECRET}\n")
    secrets.write_text(f'OPENAI = "{SECRET}-1"\n[anthropic]\napi_key = "{SECRET}-2"\n')
    keys.put_keyring("My model", f"{SECRET}-3")
    assert keys.read("none") is None
    assert keys.read("env:MY_KEY") == SECRET
    assert keys.read("secrets:OPENAI") == f"{SECRET}-1"
    assert keys.read("secrets:anthropic.api_key") == f"{SECRET}-2"
    assert keys.read("keyring:My model") == f"{SECRET}-3"
    assert store.kept == {("understudy", "My model"): f"{SECRET}-3"}


def test_a_missing_key_is_said_with_what_to_do(secrets, store, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    secrets.write_text('A = "x"\n[b]\nc = 1\n')
    for source in ("env:NO_SUCH_KEY", "secrets:B", "secrets:b", "secrets:b.c", "secrets:A.x", "keyring:none here"):
        with pytest.raises(InputError) as error:
            keys.read(source)
        assert error.value.todo
    secrets.write_text(f'A = "{SECRET}')
    with pytest.raises(InputError, match="cannot be read as TOML") as error:
        keys.read("secrets:A")
    assert SECRET not in str(error.value)


def test_a_computer_without_a_keyring_says_so(monkeypatch):
    def none(*_):
        raise NoKeyringError("no backend")

    monkeypatch.setattr(keyring, "get_password", none)
    monkeypatch.setattr(keyring, "set_password", none)
    for use in (lambda: keys.read("keyring:x"), lambda: keys.put_keyring("x", SECRET)):
        with pytest.raises(InputError, match="keyring cannot be used") as error:
            use()
        assert SECRET not in str(error.value)


def test_the_key_stands_nowhere_in_the_database(db, workspace, monkeypatch, store):
    monkeypatch.setenv("MY_KEY", SECRET)
    keys.put_keyring("A", SECRET)
    connections.save(db, 0, "A", "openai", "m", key_source="env:MY_KEY")
    connections.save(db, 0, "B", "openai", "m", key_source="keyring:A")
    with Server(key="another") as server:
        made = connections.save(db, 0, "C", "openai", "m", base_url=server.url, key_source="env:MY_KEY")
        with pytest.raises(InputError) as error:
            connections.test_call(made)
    assert SECRET not in str(error.value)
    db.conn.commit()
    assert not [file for file in workspace.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_test_call_says_how_it_went(db, kind):
    with Server(lambda call: Text('{"category": "1"}')) as server:
        url = server.url if kind == "openai" else server.root
        said = connections.test_call(connections.save(db, 0, "A", kind, "model-x", base_url=url))
    assert said.startswith("model-x answered in ") and "without probabilities" in said


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("status", 401, words="no"), "Check the key"),
        (Fault("status", 404, code="model_not_found", words="The model does not exist"), "knows no model 'model-x'"),
        (servers.QUOTA, "no credit left"),
        (servers.rate_limited(3), "slow down"),
        (servers.SERVER_ERROR, "try again later"),
        (Fault("hang"), "No whole answer|No answer"),
        (Fault("reset"), "broke off"),
        (Text("", finish="length"), "cut off"),
    ],
    ids=str,
)
def test_a_test_call_that_fails_says_what_is_wrong_and_what_to_do(db, kind, fault, words):
    with Server(lambda call: fault) as server:
        url = server.url if kind == "openai" else server.root
        patience = Params(
            timeout_s=0.5 if fault == Fault("hang") else 20
        )  # a busy machine takes its time over the others
        made = connections.save(db, 0, "A", kind, "model-x", base_url=url, params=patience)
        with pytest.raises(InputError, match=words) as error:
            connections.test_call(made)
    assert error.value.todo and error.value.where == "A"


def test_a_test_call_to_nobody_says_so(db):
    with Server() as server:
        pass
    made = connections.save(db, 0, "A", "openai", "m", base_url=server.url)
    with pytest.raises(InputError, match="No server answers at"):
        connections.test_call(made)


def test_parameters_kept_by_another_version_are_read(db):
    connections.save(db, 0, "A", "openai", "m")
    db.execute("update connections set params = ?", [json.dumps({"votes": 2, "of_the_future": 1})])
    assert connections.find(db, 0, "A").params == Params(votes=2)


def test_only_variables_named_on_the_machine_hold_keys(db, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with pytest.raises(InputError, match="UNDERSTUDY_KEY_VARIABLES=AWS_SECRET_ACCESS_KEY"):
        connections.save(db, 0, "A", "openai", "m", key_source="env:AWS_SECRET_ACCESS_KEY")
    with pytest.raises(InputError, match="not listed"):  # also where an earlier release kept it
        keys.read("env:AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("UNDERSTUDY_KEY_VARIABLES", "OTHER, AWS_SECRET_ACCESS_KEY")
    assert keys.read("env:AWS_SECRET_ACCESS_KEY") == SECRET
    connections.save(db, 0, "A", "openai", "m", key_source="env:OPENAI_API_KEY")


@pytest.mark.parametrize("pasted", ["0123456789abcdef0123456789abcdef", "sk-abcdefghijklmnop1234"])
def test_a_pasted_key_is_no_name_and_not_repeated(db, pasted):
    for name, model, source in ((pasted, "m", "none"), ("A", pasted, "none"), ("A", "m", f"env:{pasted}")):
        with pytest.raises(InputError, match="looks like a key") as refused:
            connections.save(db, 0, name, "openai", model, key_source=source)
        assert pasted not in str(refused.value)
    assert connections.all(db, 0) == []


def test_a_key_stays_with_the_server_it_was_given_for(db, store):
    """Another address of the same server is the same; another scheme, host, port or kind of service is not."""
    keys.put_keyring("A", SECRET)

    def move(base_url, kind="openai", **more):
        return connections.save(db, 0, "a", kind, "m", base_url=base_url, key_source="keyring:A", **more)

    move("https://one.example/v1")
    move("https://ONE.example:443/v2/")
    for there in ("https://two.example/v1", "http://one.example/v1", "https://one.example:8443/v1", None):
        with pytest.raises(
            InputError, match=r"a moves from https://one\.example:443 to .*its key was given for the first"
        ):
            move(there)
    assert connections.find(db, 0, "A").base_url == "https://ONE.example:443/v2"
    assert connections.save(db, 0, "A", "openai", "m", base_url="https://two.example/v1").key_source == "none"
    move("https://two.example/v1")
    move("https://three.example/v1", key_given_again=True)


def test_sections_of_secrets_toml_hold_keys(secrets):
    secrets.write_text(f'TOP = "k"\nport = 8501\n[openai]\napi_key = "{SECRET}"\n[a.b-c]\nkey = "k"\nempty = ""\n')
    assert keys.secret_names() == ["TOP", "a.b-c.key", "openai.api_key"]
    assert keys.read("secrets:openai.api_key") == SECRET and keys.read("secrets:a.b-c.key") == "k"
    with pytest.raises(InputError, match=r"section of secrets\.toml, not a key\. Name its line: openai\.api_key"):
        keys.read("secrets:openai")
    with pytest.raises(InputError, match=r"There is no openai\.key .* line key = \"the key\" under \[openai\]"):
        keys.read("secrets:openai.key")
