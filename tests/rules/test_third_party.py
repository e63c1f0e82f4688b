"""Rules of other people: by an entry point of an installed distribution, and by a dotted path."""

import subprocess
import sys
import textwrap

import pytest

from neurocap_search.errors import UserError
from neurocap_search.pruning import MedianPolicy, SuccessiveHalvingPolicy
from neurocap_search.rules import RuleContext, known_rules, make_rule
from tests.rules.streams import random_stream, replayed

CONTEXT = RuleContext(max_t=9)
MODULE = """
from neurocap_search.pruning import MedianPolicy, PruningPolicy, SuccessiveHalvingPolicy
from neurocap_search.errors import UserError

def strict(context):
    return SuccessiveHalvingPolicy(**{**context.halving(), "reduction_factor": 5})

class Rules:
    @staticmethod
    def median(context):
        return MedianPolicy(**context.compared())

ONCE = SuccessiveHalvingPolicy(metric="val_accuracy", max_t=9)
NUMBER = 3

def once(context):
    return ONCE

def nothing(context):
    return None

def raises(context):
    raise KeyError("no such setting")

def refuses(context):
    raise UserError("strict: give it at least two trials.")

def does_not_fit(context):
    return SuccessiveHalvingPolicy(metric=context.metric, max_t=0)

def no_argument():
    return ONCE
"""


@pytest.fixture
def on_path(tmp_path, monkeypatch):
    """Write modules into a folder on Python's path; they are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")

    write("their_rules", MODULE)
    yield write
    for name in set(sys.modules) - before:
        if name.startswith("their_"):
            del sys.modules[name]


@pytest.fixture
def installed(on_path, tmp_path):
    """Install a distribution of rules, as pip would leave it behind."""
    info = tmp_path / "their_rules-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: their-rules\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(
        textwrap.dedent(
            """
            [neurocap_search.rules]
            strict = their_rules:strict
            median-of-theirs = their_rules:Rules.median
            asha = their_rules:strict
            number = their_rules:NUMBER
            absent = their_rules:absent
            gone = their_uninstalled:rule
            broken = their_broken:rule
            """
        ),
        encoding="utf-8",
    )
    on_path("their_broken", "raise RuntimeError('needs a licence')")


@pytest.mark.usefixtures("installed")
def test_an_installed_rule_is_known_by_its_name_and_decides():
    known = known_rules()
    assert known["strict"] == "installed: their_rules:strict"
    assert list(known)[-6:] == ["strict", "median-of-theirs", "number", "absent", "gone", "broken"]
    assert "their_rules" not in sys.modules
    policy = make_rule("strict").policy(CONTEXT)
    assert (
        policy.state_dict()
        == SuccessiveHalvingPolicy(**CONTEXT.halving() | {"reduction_factor": 5}).state_dict()
    )
    stream = random_stream(20)
    assert replayed("strict", stream, CONTEXT) == replayed(
        "asha", stream, RuleContext(max_t=9, reduction_factor=5)
    )
    assert isinstance(make_rule("median-of-theirs").policy(CONTEXT), MedianPolicy)


@pytest.mark.usefixtures("installed")
def test_an_installed_rule_cannot_take_the_name_of_one_of_ours():
    assert make_rule("asha").policy(CONTEXT).reduction_factor == 3
    assert "installed" not in known_rules()["asha"]


@pytest.mark.usefixtures("installed")
def test_only_the_rule_that_is_named_is_imported():
    make_rule("strict")
    assert "their_rules" in sys.modules
    assert "their_broken" not in sys.modules


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("strcit", r"^Unknown rule 'strcit'\. Did you mean strict\? Known: full, .*, strict, "),
        (
            "number",
            r"^Rule 'number' is 3, which cannot be called\. It must be a function of a RuleContext that",
        ),
        (
            "absent",
            r"^Rule 'absent': the entry point 'their_rules:absent' of group 'neurocap_search\.rules' cannot",
        ),
        ("gone", r"cannot be imported: ModuleNotFoundError: No module named 'their_uninstalled'$"),
        ("broken", r"cannot be imported: RuntimeError: needs a licence$"),
    ],
)
def test_what_is_wrong_with_an_installed_rule_is_said(name, message):
    with pytest.raises(UserError, match=message):
        make_rule(name)


@pytest.mark.usefixtures("on_path")
@pytest.mark.parametrize(
    ("path", "type_"),
    [("their_rules:strict", SuccessiveHalvingPolicy), ("their_rules:Rules.median", MedianPolicy)],
)
def test_a_rule_by_its_path(path, type_):
    rule = make_rule(path)
    assert rule.name == path
    assert isinstance(rule.policy(CONTEXT), type_)
    assert rule.policy(CONTEXT) is not rule.policy(CONTEXT)


def test_a_rule_in_a_package(on_path, tmp_path):
    (tmp_path / "their_package").mkdir()
    (tmp_path / "their_package" / "__init__.py").touch()
    (tmp_path / "their_package" / "rules.py").write_text(MODULE, encoding="utf-8")
    assert isinstance(make_rule("their_package.rules:strict").policy(CONTEXT), SuccessiveHalvingPolicy)


@pytest.mark.usefixtures("on_path")
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("their_rules:strcit", r"^Rule 'their_rules:strcit': the module 'their_rules' has no 'strcit'\.$"),
        ("their_rules:Rules.mean", r"the module 'their_rules' has no 'Rules\.mean'\.$"),
        ("their_rules:NUMBER", r"^Rule 'their_rules:NUMBER' is 3, which cannot be called\."),
        (
            "their.rules:strict",
            r"^Rule 'their\.rules:strict': the module 'their\.rules' cannot be imported: ModuleNotFound"
            r"Error: No module named 'their'\. Is it installed, or its folder named in PYTHONPATH\?$",
        ),
        (
            "their_ruels:strict",
            r"^Unknown rule 'their_ruels:strict'\. Known: .* its path, package\.module:factory\.$",
        ),
        ("their_rules.strict", r"^Unknown rule 'their_rules\.strict'\. Known: .* package\.module:factory\.$"),
        ("__main__:strict", r"^Unknown rule '__main__:strict'|has no 'strict'"),
        ("their_rules:", r"^Unknown rule 'their_rules:'"),
        ("../their_rules:strict", r"^Unknown rule"),
    ],
)
def test_what_is_wrong_with_a_path_is_said(path, message):
    with pytest.raises(UserError, match=message):
        make_rule(path)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import their_missing_part", "ModuleNotFoundError: No module named"),
        ("1/0", "ZeroDivisionError: division"),
    ],
)
def test_a_module_that_fails_is_not_called_absent(on_path, text, error):
    on_path("their_broken", text)
    message = rf"^Rule 'their_broken:rule': the module 'their_broken' cannot be imported: {error}"
    with pytest.raises(UserError, match=message):
        make_rule("their_broken:rule")


@pytest.mark.usefixtures("on_path")
@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (
            "nothing",
            r"^Rule 'their_rules:nothing' returned None of type NoneType\. It must return a PruningPolicy\.$",
        ),
        ("raises", r"^Rule 'their_rules:raises' made no policy: KeyError: 'no such setting'$"),
        ("refuses", r"^strict: give it at least two trials\.$"),
        (
            "does_not_fit",
            r"^Rule 'their_rules:does_not_fit' made no policy: ValueError: max_t must be above 0",
        ),
        (
            "no_argument",
            r"^Rule 'their_rules:no_argument' made no policy: TypeError: no_argument\(\) takes 0 ",
        ),
    ],
)
def test_a_factory_that_makes_no_policy_is_told_of(factory, message):
    with pytest.raises(UserError, match=message):
        make_rule(f"their_rules:{factory}").policy(CONTEXT)


@pytest.mark.usefixtures("on_path")
def test_a_factory_must_make_a_new_policy_each_time():
    rule = make_rule("their_rules:once")
    rule.policy(CONTEXT)
    with pytest.raises(UserError, match=r"returned the same policy twice\. It must make a new one each time"):
        rule.policy(CONTEXT)


@pytest.mark.usefixtures("installed")
def test_names_of_rules_import_nothing_of_theirs(tmp_path):
    code = "import sys, neurocap_search.rules as r; r.known_rules(); r.make_rule('asha'); print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "neurocap_search.rules.third_party" in said
    assert "their_" not in said
