"""Who is on the field: the trials that wait, run and are paused."""

from ray.tune.experiment import Trial


class Roster:
    """The living trials of an experiment, without scanning Ray's list of all of them.

    Ray gives a trial that a resumed search starts again a new id; the policy and the record know it by its
    first one, here called its key.

    Attributes:
        limit: Trials that may be active (waiting or running) at once; None: as many as there is room for.
        chosen: The paused trial that Ray was told to resume and that does not run yet.
        lost: Trials that ended before they ran without a word to the scheduler.
    """

    def __init__(self) -> None:
        self.limit: int | None = None
        self.chosen: Trial | None = None
        self.lost: list[Trial] = []
        self._told = False
        self._keys: dict[str, str] = {}
        self._waiting: dict[str, Trial] = {}
        self._living: dict[str, Trial] = {}
        self._paused: dict[str, Trial] = {}

    @property
    def num_active(self) -> int:
        """Trials that wait or run, paused ones not among them."""
        return len(self._living) - len(self._paused)

    @property
    def num_paused(self) -> int:
        """Trials that are paused."""
        return len(self._paused)

    @property
    def has_room(self) -> bool:
        """True if one more trial may be active."""
        return self.limit is None or self.num_active < self.limit

    def rename(self, key: str, trial_id: str) -> None:
        """Know Ray's trial ``trial_id`` by the key of the trial it goes on with."""
        self._keys[trial_id] = key

    def key(self, trial_id: str) -> str:
        """Return what policy and record call Ray's trial ``trial_id``."""
        return self._keys.get(trial_id, trial_id)

    def knows(self, key: str) -> bool:
        """Tell whether a trial was added and has not ended."""
        return key in self._living

    def add(self, trial: Trial) -> None:
        """Take in a trial; again after a failure."""
        key = self.key(trial.trial_id)
        self._living[key] = trial
        (self._paused if trial.status == Trial.PAUSED else self._waiting)[key] = trial

    def pause(self, trial: Trial) -> None:
        """Note that a running trial pauses."""
        key = self.key(trial.trial_id)
        self._living[key] = self._paused[key] = trial

    def end(self, key: str) -> None:
        """Forget a trial."""
        trial = self._living.pop(key, None)
        self._paused.pop(key, None)
        self._waiting.pop(key, None)
        if trial is self.chosen:
            self.chosen = None

    def paused(self, key: str) -> Trial | None:
        """Return a trial that has come to a stand and may be resumed or ended."""
        trial = self._paused.get(key)
        return trial if trial is not None and trial.status == Trial.PAUSED else None

    def pending(self) -> Trial | None:
        """Return the first trial that waits for a worker."""
        while self._waiting:
            key, trial = next(iter(self._waiting.items()))
            if trial.status == Trial.PENDING:
                return trial
            del self._waiting[key]
            if trial.status == Trial.ERROR:
                self.lost.append(trial)
        return None

    def choose(self, key: str) -> None:
        """Let a paused trial go on next; one that has not come to a stand yet is not chosen."""
        if (trial := self.paused(key)) is not None:
            self.chosen, self._told = trial, False

    def taken_up(self) -> str | None:
        """Return the chosen trial's key once, as soon as Ray has acted on the choice."""
        trial = self.chosen
        if trial is None or trial.status == Trial.PAUSED:
            return None
        if trial.status != Trial.PENDING:
            self.chosen = None
        if self._told:
            return None
        self._told = True
        key = self.key(trial.trial_id)
        self._paused.pop(key, None)
        return key
