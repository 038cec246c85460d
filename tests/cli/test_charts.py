"""Charts: files of each form are written, are well-formed, and hold the names and values that they should show."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import skysql
from skysql.cli import charts, main

pytest.importorskip("matplotlib")

LONG = "purchase of an extraordinarily long-named article in the summer sale $5 & $6"
NAMES = (
    "sign up",
    "日本語の名前",
    LONG,
    "naïve — größer 🙂",
    "a_b^c",
    '<b>&"quoted"',
    "<",
    "$x$",
    "\\frac",
    "50%",
    "é",
    "z",
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    db = skysql.connect("shop.db")
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    rows = []
    for object_id in range(1, 14):
        plan = ("free", "pro", None)[object_id % 3]
        for day, action in enumerate(NAMES[: object_id + 1]):
            moment = f"2026-01-{1 + day * 2 + object_id % 2:02d}"
            rows.append((object_id, moment, action, plan if day == 0 else None))
    db.executemany("INSERT INTO users(object_id, timestamp, action, plan) VALUES (?, ?, ?, ?)", rows)
    db.commit()
    db.close()
    return tmp_path


def chart(sql: str, output: str, *options: str, status: int = 0) -> None:
    assert main.main(["chart", "shop.db", sql, "-o", output, *options]) == status


def texts(svg: str) -> str:
    """All texts of a picture, in order."""
    return "\n".join(
        " ".join("".join(e.itertext()).split()) for e in ElementTree.fromstring(svg).iter() if e.tag[-4:] == "text"
    )


def drawn(sql: str, *options: str) -> str:
    """The texts of the picture of a statement, which is drawn in every form."""
    for suffix in charts.FORMATS:
        chart(sql, f"chart{suffix}", *options)
    png = Path("chart.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and len(png) > 2000
    svg = Path("chart.svg").read_text()
    page = Path("chart.html").read_text()
    assert page.startswith("<!doctype html>") and page.count("<svg") == page.count("</svg>") == 1
    inside = page[page.index("<svg") : page.index("</svg>") + 6]
    assert texts(inside) == texts(svg)
    return texts(svg)


def steps(*names: str) -> str:
    return json.dumps([{"action": name} for name in names]).replace("'", "''")


def test_a_funnel(capsys: pytest.CaptureFixture[str]) -> None:
    shown = drawn("SELECT * FROM sky_funnel('users', 'sign up > 日本語の名前 > a_b^c')", "--title", "Into the $shop$")
    assert capsys.readouterr().err.splitlines()[0] == "chart.svg: funnel, 3 rows"
    for text in ("Into the $shop$", "sign up", "日本語の名前", "a_b^c", "13 100 %", "10 76.9 %"):
        assert text in shown, text


def test_a_funnel_by_segment() -> None:
    options = '{"by": "plan"}'
    shown = drawn(f"SELECT * FROM sky_funnel('users', 'sign up > 日本語の名前 > a_b^c', NULL, '{options}')")
    for text in ("free", "pro", "NULL", "5 100 %"):
        assert text in shown, text


def test_a_funnel_of_twelve_steps_with_odd_names() -> None:
    shown = drawn(f"SELECT * FROM sky_funnel('users', '{steps(*NAMES)}')")
    for name in NAMES:
        assert name in shown or name == LONG, name
    assert "purchase of an extraordinarily" in shown and "…" in shown and LONG not in shown


def test_a_funnel_of_one_step_and_without_names() -> None:
    one = "SELECT step, objects FROM sky_funnel('users', 'sign up > <') WHERE step = 1"
    assert "step 1\n13 100 %" in drawn(one, "--kind", "funnel")


def test_more_segments_than_colours() -> None:
    options = '{"by": "object_id"}'
    shown = drawn(f"SELECT * FROM sky_funnel('users', 'sign up > 日本語の名前', NULL, '{options}')")
    assert "the 5 smallest segments are not shown" in shown


def test_retention() -> None:
    shown = drawn("SELECT * FROM sky_retention('users', 'sign up', NULL, 'day', 5)")
    for text in ("Retention", "2026-01-01 6", "2026-01-02 7", "period since the birth", "100", "0"):
        assert text in shown, text
    shown = drawn("SELECT cohort, period, share FROM sky_retention('users', NULL, NULL, 'day', 90)")
    assert "2026-01-01" in shown


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('{"from": "sign up", "depth": 2}', ("sign up 13", "日本語の名前 13", "(end) 1", "+2", "after the first")),
        ('{"to": "$x$", "depth": 1}', ("< 7", "$x$ 7", "-1", "before the last")),
        ('{"starts": "every", "depth": 5, "top": 2}', ("(other)", "(end)", "sign up")),
    ],
)
def test_a_flow(options: str, expected: tuple[str, ...]) -> None:
    shown = drawn(f"SELECT * FROM sky_flow('users', '{options}')")
    for text in expected:
        assert text in shown, text


def test_the_smallest_of_many_nodes_are_drawn_as_one() -> None:
    rows = [(1, "a", f"action {i}", 100 - i) for i in range(60)]
    shown = picture("step source target objects", rows)
    assert "action 0 100" in shown and "action 59" not in shown and "(other)" in shown


def test_lines() -> None:
    shown = drawn("SELECT * FROM sky_lifecycle('users', 'day')")
    assert "new, returning, resurrecting, dormant by period" in shown
    for text in ("new", "returning", "resurrecting", "dormant", "period"):
        assert text in shown.splitlines(), text
    shown = drawn("SELECT * FROM sky_stickiness('users', NULL, 'day')")
    assert "periods" in shown and "objects" in shown and "share" not in shown
    revenue = "SELECT strftime('%Y-%m', timestamp) AS month, plan, count(*) FROM users GROUP BY 1, 2"
    assert {"free", "pro", "NULL", "month"} <= set(drawn(revenue).splitlines())
    assert "n" in drawn("SELECT object_id, count(*) AS n FROM users GROUP BY 1").splitlines()


def picture(names: str, rows: list[Any], kind: str | None = None) -> str:
    charts.draw(charts.Data(tuple(names.split()), rows), "picture.svg", kind)
    return texts(Path("picture.svg").read_text())


def test_several_series_and_gaps() -> None:
    shown = picture("day a b", [("2026-01-01", 1, None), ("2026-01-02", None, -2.5), ("2026-01-03", 3, 4)])
    assert {"a", "b"} <= set(shown.splitlines())
    many = [(day, f"s{i}", i) for day in (1, 2) for i in range(20)]
    shown = picture("day name n", many)
    assert "s19" in shown and "s3" not in shown.splitlines() and "the 12 smallest series are not shown" in shown


@pytest.mark.parametrize(
    "sql",
    [
        """SELECT * FROM sky_funnel('users', '["0", "0"]', NULL, '{"by": "plan"}')""",
        "SELECT * FROM sky_retention('users', 'sign up', NULL, 'day') WHERE period > 1000",
        "SELECT * FROM sky_flow('users') WHERE step = 99",
        "SELECT * FROM sky_lifecycle('users', 'day') WHERE period > '2100'",
    ],
)
def test_no_rows(sql: str) -> None:
    assert "no rows" in drawn(sql)


def test_nobody_in_the_funnel() -> None:
    assert "0 0 %" in drawn("""SELECT * FROM sky_funnel('users', '["0", "0"]')""")


def test_a_page_has_the_rows_and_the_statement() -> None:
    sql = "SELECT * FROM sky_funnel('users', 'sign up > <')"
    chart(sql, "page.html", "--title", "A <b> & c")
    page = Path("page.html").read_text()
    assert "<title>A &lt;b&gt; &amp; c</title>" in page
    assert "<pre>SELECT * FROM sky_funnel(&#x27;users&#x27;, &#x27;sign up &gt; &lt;&#x27;)</pre>" in page
    assert re.search(r"<th>segment</th><th>step</th><th>name</th>", page)
    assert '<tr><td>NULL</td><td class="number">2</td><td>&lt;</td><td class="number">8</td>' in page
    assert "http" not in re.sub(r'xmlns\S*|"http://www.w3.org[^"]*"|https://matplotlib.org/|http://\S+/\S*"', "", page)


def test_the_same_rows_give_the_same_bytes() -> None:
    sql = "SELECT * FROM sky_flow('users')"
    for name in ("a", "b"):
        chart(sql, f"{name}.svg")
        chart(sql, f"{name}.png")
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("SELECT action, plan FROM users", "x.svg"), "the columns action, plan make no chart .*funnel: step, objects"),
        (("SELECT action FROM users", "x.svg"), "the columns action make no chart"),
        (("SELECT action FROM users", "x.gif"), "cannot draw into 'x.gif' .name it .svg, .png or .html"),
        (
            ("SELECT 1 AS a, 2 AS b", "x.svg", "--kind", "flow"),
            "kind flow needs step, source, target, objects, and there",
        ),
        (("SELECT * FROM sky_funnel('usrs', 'a > b')", "x.svg"), "there is no sky table 'usrs'"),
        (("DELETE FROM users WHERE 0 = 1", "x.svg"), "this statement has no rows to draw"),
        (("SELECT 1 AS a, 2 AS b", "missing/x.svg"), "missing/x.svg: No such file or directory"),
    ],
)
def test_what_cannot_be_drawn(arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    chart(arguments[0], arguments[1], *arguments[2:], status=1)
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and re.search(message, err), err
    assert not Path("x.svg").exists()


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    chart("SELECT 1 AS a, 2 AS b", "x.svg", status=1)
    assert "charts need matplotlib, which is not installed (pip install 'skysql[charts]')" in capsys.readouterr().err
