"""States that a file tells become changes, in the order of time: whatever the order of the file, in memory or not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from skysql.transfer import formats, states
from tests.world.commands import load, rows


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def naive_changes(stored: list[tuple], observations: list[tuple]) -> list[tuple]:
    """Changes (object, time, value) after an import of observations (likewise) into a table with these changes."""
    changes, before = [], {}
    tagged = [(*change, True) for change in stored] + [(*seen, False) for seen in observations]
    for object, moment, value, known in sorted(tagged, key=lambda row: row[:2]):
        if known or before.get(object) != value:
            changes.append((object, moment, value))
        before[object] = value
    return changes


@pytest.fixture(params=["memory", "file"])
def held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows wait for the last one in memory, or in a file."""
    monkeypatch.setattr(formats, "CHUNK", 7)
    monkeypatch.setattr(states, "SLICE", 11)
    if request.param == "file":
        monkeypatch.setattr(states, "MOST", 5)


@pytest.mark.parametrize("key", ["o", "o:TEXT"])
@pytest.mark.parametrize("seed", range(4))
def test_what_a_change_is_goes_by_time_not_by_place_in_the_file(seed: int, key: str, held: None) -> None:
    rng = random.Random(seed)
    changes: list[tuple] = []
    for size in (60, 1, 30):  # the later imports meet what is stored
        seen = [(rng.randint(1, 4), rng.randint(0, 40), rng.choice(["free", "plus", "pro"])) for _ in range(size)]
        lines = "".join(f"{o},{t},{p}\n" for o, t, p in seen)
        load("o,t,plan\n" + lines, "--object", key, "--time", "t", "--state", "plan", "--time-unit", "s")
        changes = naive_changes(changes, seen)
        found = rows("SELECT CAST(o AS INTEGER), ts / 1000000, plan FROM users")
        assert sorted(found, key=lambda row: row[:2]) == changes


@pytest.mark.parametrize("key", [[], ["user:TEXT"]])
def test_rows_that_wait_in_a_file_are_the_same(key: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(2)
    cells = [["", "free", "pro", "a 'b'"], ["", "1", "-2"], ["", "0.5", "9e999"], ["", "true", "false"]]
    lines = "".join(
        f"{rng.randint(1, 9)},{rng.randint(0, 99)},{rng.choice(['', 'buy', 'see'])},"
        + ",".join(rng.choice(each) for each in cells * 2) + "\n"
        for _ in range(900)
    )  # fmt: skip
    names = [f"{role}{kind}" for role in ("s", "a") for kind in ("text", "integer", "real", "boolean")]
    options = ["--time", "t", "--time-unit", "s", "--action", "action", "--object", *(key or ["user"])]
    for name in names:
        kind = name[1:].upper()
        options += ["--state" if name[0] == "s" else "--attribute", f"{name}:{kind}"]
    found = []
    for most in (states.MOST, 100):
        monkeypatch.setattr(states, "MOST", most)
        load("user,t,action," + ",".join(names) + "\n" + lines, *options)
        events = rows("SELECT * FROM users")
        found.append([row[1:] for row in sorted(events, key=lambda row: row[1])] if key else events)  # ids may differ
        Path("shop.db").unlink()
    assert found[0] == found[1]


def test_changes_column_is_taken_as_it_stands(held: None) -> None:
    text = 'o,t,plan,changes\n1,1,free,\n1,2,,"{""plan"": null}"\n1,3,,"{""plan"": null}"\n1,4,free,\n'
    load(text, "--object", "o", "--time", "t", "--time-unit", "us", "--state", "plan")
    assert rows("SELECT ts, plan, changes FROM users") == [
        (1, "free", '{"plan":"free"}'),
        (2, None, '{"plan":null}'),
        (3, None, '{"plan":null}'),
        (4, "free", '{"plan":"free"}'),
    ]
