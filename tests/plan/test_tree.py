"""How plans print."""

from skysql.plan.tree import Tree, leaves


def test_what_hangs_on_a_line_is_set_off_from_what_follows():
    within = Tree("within", (Tree("a", leaves(["b"])),))
    tree = Tree("plan", (Tree("steps", leaves(["one", "two"])), within, Tree("last")))
    assert str(tree).splitlines() == [
        "plan",
        "├─ steps",
        "│  ├─ one",
        "│  └─ two",
        "├─ within",
        "│  └─ a",
        "│     └─ b",
        "└─ last",
    ]


def test_equal_branches_are_branches_of_their_own():
    branch = Tree("same")
    assert str(Tree("plan", (branch, branch))).splitlines() == ["plan", "├─ same", "└─ same"]


def test_a_line_alone():
    assert str(Tree("plan")) == "plan"
