"""Who goes on next is remembered between questions, and is whom looking anew would find."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from neurocap_search.pruning.pausing_rung import PausingRung
from neurocap_search.pruning.rungs import Rung, Score

steps = st.tuples(
    st.sampled_from(["enter", "wait", "wait", "leave", "promote", "withdraw"]),
    st.integers(0, 5).map("t{}".format),
    st.integers(0, 3).map(float),
    st.none() | st.integers(0, 3).map(float),
)


def looked_for_anew(rung: PausingRung) -> str | None:
    rung._best = None
    return rung.best()


@settings(max_examples=400, deadline=None)
@given(history=st.lists(steps, max_size=40))
@example([("wait", "a", 0.0, None), ("enter", "b", 0.0, None)])
@example(
    [("wait", "a", 0.0, None), ("wait", "b", 1.0, None), ("leave", "b", 0, None), ("wait", "b", 0, None)]
)
@example(
    [("wait", "a", 0.0, None), ("wait", "b", 0.0, None), ("leave", "a", 0, None), ("wait", "a", 0, None)]
)
def test_the_best_is_whom_looking_anew_would_find(history):
    rung = PausingRung(Rung(1), 2)
    for action, trial, seen, predicted in history:
        rung.best()  # it is asked for, and remembered, before anything changes
        if action in ("enter", "wait"):
            rung.enter(trial, Score(seen, predicted))
            rung.best()
        if action == "wait":
            rung.wait(trial)
        elif action == "withdraw" or (action == "leave" and trial in rung):
            getattr(rung, action)(trial)
        elif action == "promote" and trial in rung:
            rung.promote(trial)
        found = rung.best()
        assert found == looked_for_anew(rung)
