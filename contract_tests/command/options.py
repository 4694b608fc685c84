"""The options of a run, defined once: the command and pytest take the same."""

import argparse
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

import httpx

from ..capabilities import Capabilities, CapabilitiesError, name_problem, read_capabilities
from ..contract import AnyJson, Contract, RevisionError, load_contract
from ..judging.limits import EFFORTS
from ..mutants.catalogue import MUTANTS, mutant_named
from ..mutants.conforming_variants import CONFORMING_VARIANTS
from ..report.baseline import BaselineError, load_baseline
from ..report.writers import WRITERS
from ..wording import hint
from .outputs import output_problems, outputs
from .routes import declare_route, key_problems, route_problems

#: Targets that need no address -> the fixture that provides them.
EMBEDDED = {"mock": "rerank_mock", "server": "rerank_server"}
#: More names of options, where pytest or a plugin does not have them for something else.
_OURS = {
    "--fail-on-difference": "--strict",
    "--report-junit": "--junitxml",
    "--request-timeout": "--timeout",
}
#: Options that choose what runs and how it is reported, not how it is judged.
_TELLING = {
    *("only", "har", "github", "show_tests", "baseline", "write_baseline"),
    *(name.replace("-", "_") for name in WRITERS),
}


def declare(add: Callable[..., object], *, ours: bool = False) -> None:
    """Declare every option with `add`, as argparse has it; in a command of `ours` by all names."""
    declare_asking(add, ours=ours)
    _declare_judging(add, ours=ours)


def declare_asking(add: Callable[..., object], *, ours: bool = False) -> None:
    """Declare the options that say whom to ask, how much, and at what cost."""
    add(
        "--target",
        default="mock",
        metavar="mock|server|URL",
        help="the embedded mock, the same at a socket, or a base URL such as https://host/v1 "
        "(default: %(default)s)",
    )
    declare_revision(add)
    add(
        "--api-key-env",
        default="SILICONFLOW_API_KEY",
        metavar="NAME",
        help="environment variable that holds the key for a URL (default: %(default)s)",
    )
    add(
        "--second-api-key-env",
        metavar="NAME",
        help="environment variable that holds the key of a second caller, to check that "
        "neither gets the other's answers (default: one caller sends everything)",
    )
    declare_route(add, lambda name: _names(name, ours=ours))
    add(
        "--model",
        action="append",
        default=[],
        metavar="NAME[=PAGE_NAME]",
        help="model to judge, repeatable; PAGE_NAME is the model of the page that it is judged as "
        "(default: all that the target serves; at effort smoke, the cheapest of each kind)",
    )
    add(
        "--capabilities",
        type=Path,
        metavar="FILE",
        help="what the target declares that it can do: that must hold, and the rest is skipped",
    )
    add(
        "--effort",
        choices=list(EFFORTS),
        default="standard",
        help="how much to try (default: %(default)s)",
    )
    add(
        "--seed",
        type=whole,
        default=0,
        help="seed of everything that is drawn (default: %(default)s)",
    )
    add("--max-requests", type=positive, metavar="N", help="hard limit on requests")
    add("--max-tokens", type=positive, metavar="N", help="hard limit on input tokens")
    add("--max-cost", type=_money, metavar="CNY", help="hard limit on the price of the tokens")
    add(
        "--price",
        type=_priced,
        action="append",
        default=[],
        metavar="NAME=CNY",
        help="what a million tokens of a model cost, repeatable (default: the published price)",
    )
    add("--max-rpm", type=positive, metavar="N", help="hard limit on requests per minute")
    declare_har(add)


def _declare_judging(add: Callable[..., object], *, ours: bool) -> None:
    """Declare the options that say what to judge, and how to report it."""
    add(
        "--only",
        action="append",
        default=[],
        metavar="ID",
        help="run only the tests of this requirement, or of all below a name such as "
        "request.top_n; repeatable",
    )
    declare_strict(add, ours=ours)
    add(
        "--no-near-keys",
        action="store_true",
        help="send no keys that are nearly valid: they are as secret as the key, and the target's "
        "own log will see them",
    )
    add(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="known deviations, each with a reason and an expiry date: they do not fail the run, "
        "but stale and expired entries do",
    )
    add(
        "--write-baseline",
        type=Path,
        metavar="FILE",
        help="write the deviations found as a baseline, for you to add the reasons",
    )
    add(
        "--show-tests",
        action="store_true",
        help="print a test for pytest with each failure; HTML and JSON have them anyway",
    )
    declare_reports(add, ours=ours)
    add(
        "--github",
        action="store_true",
        help="annotate the run of a GitHub workflow, and write its step summary",
    )
    add(
        "--mutant",
        metavar="NAME",
        help="make the target break one requirement, and stop where the judge notices",
    )
    add(
        "--freedom",
        action="append",
        default=[],
        type=_freedom,
        metavar="NAME",
        help="change the target within the contract, repeatable; the judge must not report it",
    )


def declare_revision(add: Callable[..., object]) -> None:
    """Declare the option that names a revision of the contract."""
    add(
        "--revision",
        metavar="NAME|FOLDER",
        help="revision of the contract: a shipped one, or a folder (default: the newest)",
    )


def declare_strict(add: Callable[..., object], *, ours: bool = False) -> None:
    """Declare the option that makes a difference a failure."""
    add(
        *_names("--fail-on-difference", ours=ours),
        action="store_true",
        help="also fail where the target differs from the observed service",
    )


def declare_reports(add: Callable[..., object], *, ours: bool = False) -> None:
    """Declare the options that write reports."""
    for name, form in WRITERS.items():
        what = f"write {form.what} there"
        add(*_names(f"--{name}", ours=ours), type=Path, metavar="FILE", help=what)


def _names(name: str, *, ours: bool) -> list[str]:
    """All names of an option; in a command of ours it has more."""
    return [name, _OURS[name]] if ours and name in _OURS else [name]


def declare_har(add: Callable[..., object]) -> None:
    """Declare the option that records."""
    add(
        "--har",
        type=Path,
        metavar="FILE",
        help="record every exchange there as it comes, as an HTTP archive (HAR 1.2) without keys",
    )


def problem(options: argparse.Namespace) -> str | None:
    """What is wrong with the options, found before anything is sent; None where nothing is."""
    return next(_problems(options), None)


def words(options: argparse.Namespace) -> list[str]:
    """Our options as words that mean the same to the command and to pytest."""
    return list(_words(options, set(defaults())))


def judging_words(options: argparse.Namespace) -> list[str]:
    """The same as `words`, without those that choose what runs and how it is reported."""
    return list(_words(options, set(defaults()) - _TELLING))


def prices(contract: Contract, options: argparse.Namespace) -> dict[str, Decimal]:
    """Model -> CNY per million tokens; models of which that is not known are left out."""
    published = {name: model.price for name, model in contract.models.items()}
    stated = (text.rpartition("=") for text in options.price)
    known = {name: price for name, price in published.items() if price is not None}
    return known | {name: Decimal(amount) for name, _, amount in stated}


def capabilities_of(options: argparse.Namespace, contract: Contract) -> Capabilities:
    """What the target declares; all where it declares nothing. Raises `CapabilitiesError`."""
    path: Path | None = options.capabilities
    return read_capabilities(path, contract) if path else Capabilities()


def selects(wanted: str, requirement: str) -> bool:
    """Whether `--only wanted` means the requirement: by its id, or by the front of it."""
    return f"{requirement}.".startswith(f"{wanted}.")


def revision_problem(revision: str | None) -> str | None:
    """Why the revision cannot be loaded; None if it can."""
    try:
        load_contract(revision)
    except RevisionError as error:
        return f"--revision: {error}"
    return None


def _problems(options: argparse.Namespace) -> Iterator[str]:
    if trouble := revision_problem(options.revision):
        yield trouble
        return
    contract = load_contract(options.revision)
    if options.target not in EMBEDDED:
        yield from target_problems(options.target)
        for variable in filter(None, (options.api_key_env, options.second_api_key_env)):
            yield from key_problems(variable, options.target)
    yield from route_problems(options)
    yield from _model_problems(options, contract)
    for wanted in options.only:
        if not any(selects(wanted, name) for name in contract.requirements):
            yield f"--only: no requirement is called {wanted}{_suggestion(contract, wanted)}"
    if options.mutant:
        yield from _mutant_problems(contract, options.mutant)
    if options.baseline:
        try:
            load_baseline(options.baseline, contract)
        except BaselineError as error:
            yield f"--baseline: {error}"
    read = {
        "--baseline": options.baseline,
        "--capabilities": options.capabilities,
        "--ca-file": options.ca_file,
    }
    yield from output_problems({**outputs(options), "--har": options.har}, read)


def _model_problems(options: argparse.Namespace, contract: Contract) -> Iterator[str]:
    try:
        capabilities_of(options, contract)
    except CapabilitiesError as error:
        yield f"--capabilities: {error}"
    for name in options.model:
        if trouble := name_problem(contract, name):
            yield f"--model: {trouble}"


def _mutant_problems(contract: Contract, name: str) -> Iterator[str]:
    mutant = mutant_named(contract, name)
    if mutant is None:
        yield f"--mutant: no mutant is called {name}{hint(name, MUTANTS)}"
    elif mutant.requirement and mutant.requirement not in contract.requirements:
        yield f"--mutant: revision {contract.revision} does not have {mutant.requirement}"


def target_problems(target: str) -> Iterator[str]:
    """Why the target is no base URL."""
    try:
        url = httpx.URL(target)
    except httpx.InvalidURL as error:
        yield f"--target: {target} is not a URL: {error}"
        return
    if url.scheme not in ("http", "https") or not url.host:
        known = ", ".join(EMBEDDED)
        meant = f"; did you mean http://{target}?" if _lacks_a_scheme(target) else ""
        meant = meant or hint(target, EMBEDDED)
        yield f"--target: {target} is neither one of {known} nor an http(s) URL{meant}"
    elif url.query:
        yield "--target: leave the query out of the URL: every report prints it"
    elif url.userinfo:
        yield "--target: leave the name and password out of the URL: every report prints it"


def _lacks_a_scheme(target: str) -> bool:
    """Whether it is an address, but for what stands before it."""
    return bool(re.fullmatch(r"[\w.-]+(:\d+)?(/.*)?", target)) and bool(set(target) & set(":./"))


def _suggestion(contract: Contract, wanted: str) -> str:
    fronts = {name.rsplit(".", count)[0] for name in contract.requirements for count in range(3)}
    return hint(wanted, sorted(fronts))


@cache
def defaults() -> dict[str, AnyJson]:
    """Name of each option -> its default."""
    parser = argparse.ArgumentParser()
    declare(parser.add_argument)
    return vars(parser.parse_args([]))


def _words(options: argparse.Namespace, names: set[str]) -> Iterator[str]:
    for name, usual in defaults().items():
        value: AnyJson = getattr(options, name)
        # What decides about the run is said even where it is as usual.
        if name not in names or (value == usual and name not in ("target", "seed")):
            continue
        flag = "--" + name.replace("_", "-")
        if value is True:
            yield flag
        elif isinstance(usual, list):
            yield from (f"{flag}={item}" for item in value)
        else:
            yield f"{flag}={value}"


def whole(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number") from None


def positive(text: str) -> int:
    """A whole number above 0."""
    return _at_least(1, text, "a positive whole number")


def natural(text: str) -> int:
    """A whole number that is not negative."""
    return _at_least(0, text, "a whole number from 0 on")


def port(text: str) -> int:
    """A port to listen at; 0 picks a free one."""
    if not (text.isascii() and text.isdecimal() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text} is not a port: a number from 0 to 65535")
    return int(text)


def _at_least(least: int, text: str, what: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text} is not {what}")
    return int(text)


def _freedom(text: str) -> str:
    if text not in CONFORMING_VARIANTS:
        meant = hint(text, CONFORMING_VARIANTS)
        raise argparse.ArgumentTypeError(f"no freedom is called {text}{meant}")
    return text


def _priced(text: str) -> str:
    name, equals, amount = text.rpartition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text} is not a model and its price, as NAME=0.50")
    _money(amount)
    return text


def _money(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and amount >= 0):
        raise argparse.ArgumentTypeError(f"{text} is not an amount of money, such as 0.50")
    return amount
