"""A scheduler's whole state as versioned JSON."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurocap_search.pruning import Decision

if TYPE_CHECKING:
    from neurocap_search.pruning import PruningPolicy

VERSION = 1


class SavesState:
    """Gives a scheduler ``state_dict`` and ``load_state_dict``, and Ray's ``save`` and ``restore``."""

    decisions: dict[str, list[Decision]]

    if TYPE_CHECKING:

        @property
        def policy(self) -> PruningPolicy:
            """The policy that decides."""

    def state_dict(self) -> dict[str, Any]:
        """Return the policy's state and all decisions as JSON-ready values."""
        decisions = {trial: [d.to_json() for d in made] for trial, made in self.decisions.items()}
        return {"version": VERSION, "policy": self.policy.state_dict(), "decisions": decisions}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a state from :meth:`state_dict`.

        Raises:
            ValueError: If the state is of another version or of another policy.
        """
        if state.get("version") != VERSION:
            raise ValueError(
                f"Expected the state of a scheduler, version {VERSION}; received version "
                f"{state.get('version')!r}. Load it with the release that saved it."
            )
        self.policy.load_state_dict(state["policy"])
        self.decisions = {
            trial: [Decision.from_json(d) for d in made] for trial, made in state["decisions"].items()
        }

    def save(self, checkpoint_path: str) -> None:
        """Write the state to a JSON file; Ray 2.60 never calls this, your program may."""
        Path(checkpoint_path).write_text(json.dumps(self.state_dict(), allow_nan=False), encoding="utf-8")

    def restore(self, checkpoint_path: str) -> None:
        """Read what :meth:`save` wrote.

        Raises:
            ValueError: If the file holds something else.
        """
        self.load_state_dict(json.loads(Path(checkpoint_path).read_text(encoding="utf-8")))
