"""The outcome of a comparison: what changed, what that does, and what could not be compared."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from ..checks.violations import shorten
from ..contract import AnyJson
from ..exchanges import is_array
from ..wording import counted

#: Most names of one reason that are kept, and most that are printed.
KEPT, NAMED = 1000, 8


class DiffError(ValueError):
    """What cannot be compared; the message says why."""


class Effect(str, Enum):
    """What a change does. Listed from worst to best."""

    #: What clients sent or read until now no longer works.
    BREAKS_CLIENTS = "breaks_clients"
    #: Clients lose nothing; servers have to do something new.
    BREAKS_SERVERS = "breaks_servers"
    #: Clients may notice it.
    VISIBLE = "visible"
    HARMLESS = "harmless"

    @property
    def words(self) -> str:
        """The effect as the end of a sentence."""
        return self.value.replace("_", " ")


class Kind(str, Enum):
    """What was compared."""

    REVISIONS = "revisions"
    OBSERVATIONS = "observations"
    REPORTS = "reports"
    RECORDINGS = "recordings"


#: Kind -> what is counted of it.
COUNTED = {
    Kind.REVISIONS: "requirement",
    Kind.OBSERVATIONS: "switch",
    Kind.REPORTS: "requirement",
    Kind.RECORDINGS: "pair",
}


@dataclass(frozen=True)
class Change:
    """One difference."""

    #: What changed, such as `request.top_n.minimum`, a switch, or `status`.
    place: str
    #: What was before; None where nothing was.
    old: AnyJson
    #: What is now; None where nothing is.
    new: AnyJson
    effect: Effect
    #: What shows it, where that needs a word.
    note: str = ""

    @property
    def values(self) -> tuple[str, str]:
        """Both values in short."""
        return _shown(self.old), _shown(self.new)


@dataclass
class Uncompared:
    """What could not be compared for one reason."""

    count: int = 0
    #: The first of them.
    names: list[str] = field(default_factory=list[str])

    def add(self, name: str, count: int = 1) -> None:
        """Count more; what they are called."""
        self.count += count
        if len(self.names) < KEPT:
            self.names.append(name)

    @property
    def in_short(self) -> str:
        """The first names, and how many more there are."""
        names = ", ".join(self.names[:NAMED])
        more = f" and {self.count - NAMED} more" if len(self.names) > NAMED else ""
        return f"{names}{more}"


@dataclass(frozen=True)
class Comparison:
    """What changed between two of a kind."""

    kind: Kind
    #: What the user calls them.
    old: str
    new: str
    #: How many requirements, switches or pairs of exchanges were compared.
    compared: int
    #: The worst first.
    changes: tuple[Change, ...]
    #: Why something could not be compared -> what.
    uncompared: Mapping[str, Uncompared] = field(default_factory=dict[str, Uncompared])
    #: How the two differ without a change of what they are about.
    notes: tuple[str, ...] = ()

    @property
    def breaks_clients(self) -> bool:
        """Whether one of the changes does."""
        return any(change.effect is Effect.BREAKS_CLIENTS for change in self.changes)

    @property
    def summary(self) -> str:
        """How much changed, in one line."""
        plural = "switches" if self.kind is Kind.OBSERVATIONS else ""
        among = counted(self.compared, COUNTED[self.kind], plural)
        if not self.compared:
            return "nothing could be compared"
        if not self.changes:
            return f"no difference in {among}"
        effects = Counter(change.effect for change in self.changes)
        parts = [f"{effects[effect]} {effect.words}" for effect in Effect if effects[effect]]
        return f"{counted(len(self.changes), 'change')} in {among}: {', '.join(parts)}"


def worst_first(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes by what they do, otherwise in the order in which they were found."""
    order = list(Effect)
    return tuple(sorted(changes, key=lambda change: order.index(change.effect)))


def _shown(value: AnyJson) -> str:
    if value is None:
        return "nothing"
    return shorten(" or ".join(map(str, value)) if is_array(value) else str(value))
