"""SQL text read without a parser: tokens, what quoting makes, and which module a virtual table is of."""


import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

import skysql
from skysql.errors import ProgrammingError
from skysql.model.alteration import Rename, parse
from skysql.model.quoting import identifier, quote, unquote, value_literal
from skysql.model.table import arguments_of, parse_arguments
from skysql.model.tokens import after_blank, join, module_of, names_in, replace_tokens, to_semicolon, tokenize

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
REALS = st.sampled_from([0.0, -2.5, 1e-9, float("inf"), float("-inf")])
VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | REALS | TEXTS | st.binary()


def texts(sql: str) -> list[str]:
    return [token.text for token in tokenize(sql)]


def test_tokens_are_sqlites():
    sql = "SELECT a.[b c], \"d\"\"e\", 'it''s', x'0f', 1_000.5e-3 -- end\n||?1 + :p /* all */ ->> '$' <> 0xfF"
    assert texts(sql) == [
        *("SELECT", "a", ".", "[b c]", ",", '"d""e"', ",", "'it''s'", ",", "x'0f'", ",", "1_000.5e-3"),
        *("||", "?1", "+", ":p", "->>", "'$'", "<>", "0xfF"),
    ]


@given(NAMES)
def test_a_quoted_name_is_one_token_and_reads_as_the_name(name):
    (token,) = tokenize(quote(name))
    assert token.is_name and token.name == name == unquote(quote(name))
    assert tokenize(identifier(name))[0].name == name
    assert apsw.Connection(":memory:").execute(f"SELECT 1 AS {identifier(name)}").get_description()[0][0] == name


@given(VALUES)
def test_a_literal_is_the_value(value):
    ((found,),) = apsw.Connection(":memory:").execute(f"SELECT {value_literal(value)}").fetchall()
    assert (type(found), found) == (type(value), value)


def test_text_that_is_put_together_keeps_its_tokens():
    assert join(["m(1)", "where", "x"]) == "m(1)where x"
    assert replace_tokens("a + b", lambda token: "where" if token.text == "+" else None) == "a where b"
    assert names_in("SELECT \"A\" FROM b WHERE c = 'd e'") >= {"a", "b", "c", "d", "e"}


@pytest.mark.parametrize(
    ("sql", "module"),
    [
        ("CREATE VIRTUAL TABLE users USING sky(plan TEXT)", "sky"),
        ("create virtual table if not exists main.[a b] using SKY_Objects", "sky_objects"),
        ("CREATE VIRTUAL TABLE \"USING\" USING fts5(x, tokenize = 'USING sky()')", "fts5"),
        ("CREATE VIRTUAL TABLE 'x' /* USING sky */ USING\n\"sky\" ()", "sky"),
        ("CREATE TABLE users(x DEFAULT 'USING sky()')", ""),
        ("CREATE VIEW v AS SELECT 'VIRTUAL TABLE t USING sky()'", ""),
        ("CREATE VIRTUAL TABLE users", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_the_module_of_a_definition(sql, module):
    assert module_of(sql) == module


@pytest.mark.parametrize(
    ("sql", "arguments"),
    [
        ("CREATE VIRTUAL TABLE t USING sky", []),
        ("CREATE VIRTUAL TABLE t USING sky( /* none */ )", []),
        ("CREATE VIRTUAL TABLE t USING sky(plan TEXT STATE, \"a,(b\" REAL)", ["plan TEXT STATE", ' "a,(b" REAL']),
    ],
)
def test_the_arguments_of_a_definition(sql, arguments):
    assert arguments_of(sql) == arguments


def test_comments_in_a_definition():
    (property,) = parse_arguments("t", ["plan /* which */ TEXT -- now\n STATE"]).properties
    assert (property.name, property.state) == ("plan", True)
    assert not parse_arguments("t", [" /* none */ "]).properties


@pytest.mark.parametrize("argument", ["plan = TEXT", "'plan' TEXT", '"" TEXT', "5 TEXT", "plan TEXT 'STATE'", "(plan)"])
def test_what_is_no_column(argument):
    with pytest.raises(ProgrammingError):
        parse_arguments("t", [argument])


def test_alterations_are_read_by_the_same_grammar():
    assert parse('RENAME "a ""b" TO [c d]') == Rename('a "b', "c d")
    for text in ("RENAME a TO 'b'", 'RENAME "" TO b', 'RENAME a TO "b', "RENAME a TO b;"):
        with pytest.raises(ProgrammingError):
            parse(text)


def test_semicolons_and_blanks():
    script = " ; -- ;\n SELECT ';' /* ; */; SELECT `;"
    assert script[after_blank(script) :].startswith("SELECT ';'")
    end = to_semicolon(script, after_blank(script))
    assert script[:end].endswith("/* ; */;")
    assert to_semicolon(script, end) == -1


def test_a_dump_leaves_out_companions_and_no_other_table():
    db = skysql.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE)")
    db.execute("CREATE TABLE notes(text DEFAULT 'CREATE VIRTUAL TABLE x USING sky_objects()')")
    created = [line for line in db.iterdump() if line.startswith("CREATE")]
    heads = [line.partition("(")[0] for line in created]
    assert heads == ["CREATE TABLE notes", "CREATE VIRTUAL TABLE users USING sky"]
    db.close()
