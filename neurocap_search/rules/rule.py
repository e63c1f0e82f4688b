"""A rule: a name, and what makes a fresh policy."""

from collections.abc import Callable
from dataclasses import dataclass

from neurocap_search.errors import UserError
from neurocap_search.pruning import PruningPolicy
from neurocap_search.rules.context import RuleContext

PolicyMaker = Callable[[RuleContext], PruningPolicy]
"""Makes a policy that knows nothing yet."""


@dataclass(frozen=True)
class Rule:
    """A pruning rule by its name.

    Attributes:
        name: As the user typed it.
        make: Makes its policies.
    """

    name: str
    make: PolicyMaker

    def policy(self, context: RuleContext) -> PruningPolicy:
        """Return a policy that knows nothing yet, for one stream of trials.

        Raises:
            UserError: If the rule does not fit the stream, such as one of more epochs than there are.

        Example:
            >>> from neurocap_search.rules import make_rule
            >>> make_rule("i_epoch:3").policy(RuleContext(max_t=16)).milestones
            (3,)
        """
        try:
            return self.make(context)
        except ValueError as error:
            raise UserError(f"Rule {self.name!r} does not fit: {error}") from error
