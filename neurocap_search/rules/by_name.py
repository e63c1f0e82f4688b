"""Rules by the names that users type."""

from neurocap_search.errors import UserError, did_you_mean
from neurocap_search.rules.builtin import BUILTIN
from neurocap_search.rules.rule import Rule
from neurocap_search.rules.third_party import from_path, from_plugin, plugins


def make_rule(name: str) -> Rule:
    """Return a rule by its name; parameters follow a colon.

    Args:
        name: One of :func:`known_rules`, or ``package.module:factory`` with a function of a
            :class:`~neurocap_search.rules.RuleContext` that returns a policy. Nothing but what is named is
            imported.

    Raises:
        UserError: If there is no such rule, its parameters are wrong, or it cannot be imported.

    Example:
        >>> from neurocap_search.rules import RuleContext
        >>> rule = make_rule("i_epoch:3")
        >>> type(rule.policy(RuleContext(max_t=16))).__name__
        'IEpochPolicy'
        >>> make_rule("ashaa")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        neurocap_search.errors.UserError: Unknown rule 'ashaa'. Did you mean asha? Known: full, ...
    """
    head, colon, arguments = name.partition(":")
    if head in BUILTIN:
        return Rule(name, BUILTIN[head].parse(arguments if colon else None))
    installed = plugins()
    if name in installed:
        return Rule(name, from_plugin(installed[name]))
    make = from_path(name)
    if make is None:
        near = did_you_mean(head, [*BUILTIN, *installed])
        raise UserError(
            f"Unknown rule {name!r}.{near} Known: {', '.join(known_rules())}. A rule of your own is named by "
            "its path, package.module:factory."
        )
    return Rule(name, make)


def known_rules() -> dict[str, str]:
    """Return a line about each rule, by its name; capitals and brackets stand for parameters.

    Installed rules of other packages come last; none is imported for this.

    Example:
        >>> known_rules()["i_epoch:N[:K]"]
        'all train N epochs, the best K (default 3) to the end'
    """
    ours: dict[str, str] = {}
    for name, known in BUILTIN.items():
        members = {f"{name}:{member}": about for member, about in known.members.items()}
        ours |= members or {name + known.form: known.about}
    others = {name: f"installed: {point.value}" for name, point in plugins().items() if name not in BUILTIN}
    return ours | others
