"""How the judge works inside pytest: options, the target, parameters from the contract, report."""

import os
from collections.abc import Generator, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

import httpx
import pytest

from .capabilities import with_names
from .command import recorder, xdist
from .command.cases import CASES
from .command.options import (
    EMBEDDED,
    capabilities_of,
    declare,
    judging_words,
    prices,
    problem,
)
from .command.outputs import outputs, write_outputs
from .command.plan import NONE, TESTS, Tests, parts, plan
from .command.routes import access_of, headers_of, route_of, secrets_of
from .command.selection import chosen, firsts, is_on, models_for, rank, requirements_of
from .contract import AnyJson, Model, load_contract
from .exchanges import Credential
from .judging.connection import Connection, InconclusiveError, UndeclaredError, UnshownError
from .judging.judge import Judge, PrerequisiteError, ViolatedError
from .judging.ledger import Ledger
from .judging.limits import EFFORTS, Budget, Pace, Startup
from .judging.outcomes import EXIT_CODES, Verdict
from .judging.run import Run
from .judging.served import NotServedError
from .mutants.catalogue import mutant_named
from .mutants.conforming_variants import CONFORMING_VARIANTS
from .mutants.operators import Answerer, Mutant, WrappedTarget
from .report.baseline import Deviation, load_baseline
from .report.builder import report_of
from .report.github import annotations
from .report.junit import properties
from .report.model import TITLE, Report
from .report.terminal import lines, style, violation_lines
from .targets import HttpTarget, Target

#: Where the embedded mock is; what answers in this process is never asked through a proxy.
LOOPBACK = "http://127.0.0.1"
NO_MODEL = "no model of this kind is judged"
HERE = Path(__file__).parent
TODAY = date.today()
RUN = pytest.StashKey[Run]()
REPORT = pytest.StashKey[Report]()
BASELINE = pytest.StashKey[Sequence[Deviation]]()
MUTANT = pytest.StashKey[Mutant | None]()
WRAPPERS = pytest.StashKey[list[Answerer]]()
JUDGED = pytest.StashKey[tuple[Model, ...]]()
UNWRITTEN = pytest.StashKey[list[str]]()
CLIENT = pytest.StashKey[httpx.Client]()
UNPRICED = "its price is not known, and --max-cost needs it: state it with --price NAME=CNY"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of a run."""
    declare(parser.getgroup("rerank-contract").addoption)


def pytest_configure(config: pytest.Config) -> None:
    """Open the run."""
    for line in (
        "requirement(*ids): the requirements that the test tries",
        "models(which): every model, every one where the effort is wide, the first, or the first"
        " of a form; supports= a gated field",
        "brief: one example will do",
        "states(schema): the test tries the requirements that keywords of that schema state",
        "effort(name): the least effort at which the test runs",
        "telling: the test is among the first to run",
        "sends(requests=1, tokens, examples, smoke): what an example sends at most, how many there"
        " are at most, and the requests of the one example at effort smoke",
        "near_keys: the test sends keys that are nearly valid",
    ):
        config.addinivalue_line("markers", line)
    trouble = problem(config.option)
    if trouble:
        raise pytest.UsageError(trouble)
    recorder.begin(config, xdist.worker(config))
    folder = xdist.shared_folder(config)
    tally = xdist.tally(folder)
    whole = load_contract(_option(config, "revision"))
    capabilities = capabilities_of(config.option, whole)
    contract = with_names(capabilities.cut(whole), _option(config, "model"))
    effort = EFFORTS[_option(config, "effort")]
    price_of = prices(contract, config.option)
    limit: int | None = _option(config, "max_requests")
    path: Path | None = _option(config, "baseline")
    baseline = load_baseline(path, contract) if path else ()
    run = Run(
        contract=contract,
        effort=effort,
        seed=_option(config, "seed"),
        ledger=Ledger(
            contract,
            strict=_option(config, "fail_on_difference"),
            known=frozenset(row.requirement for row in baseline if row.expires >= TODAY),
            undeclared=capabilities.undeclared(whole),
        ),
        connection=Connection(
            Budget(
                limit or effort.requests,
                hard=limit is not None,
                token_limit=_option(config, "max_tokens"),
                cost_limit=_option(config, "max_cost"),
                tally=tally,
            ),
            price=lambda name: price_of.get(name, Decimal(0)),
            pace=Pace(_option(config, "max_rpm"), tally=tally),
            api_key_env=_option(config, "api_key_env"),
            second_api_key_env=_option(config, "second_api_key_env") or "",
            capabilities=capabilities,
            headers=headers_of(config.option),
            startup=Startup(_option(config, "wait")),
        ),
        callers=_callers(config),
        target=_option(config, "target"),
    )
    if _option(config, "max_cost") is not None:
        names = {*contract.models, *_option(config, "model")}
        run.served.left_out.update(dict.fromkeys(names - price_of.keys(), UNPRICED))
    config.stash[RUN] = run
    config.stash[BASELINE] = baseline
    named = _option(config, "mutant")
    mutant = config.stash[MUTANT] = mutant_named(contract, named) if named else None
    wrappers = [CONFORMING_VARIANTS[name](contract) for name in _option(config, "freedom")]
    config.stash[WRAPPERS] = [*wrappers, mutant.begin()] if mutant else wrappers
    if folder:
        xdist.begin(config, run, folder, partial(_judged, config))


def _brief(is_brief: bool) -> list[pytest.MarkDecorator]:
    return [pytest.mark.brief] if is_brief else []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give tests the models, faults, bounds, fields and switches of the contract."""
    run = metafunc.config.stash[RUN]
    judged = _judged(metafunc.config)
    names = CASES.keys() & set(metafunc.fixturenames)
    for name in names:
        cases = list(CASES[name](run.strategies, judged, run.effort))
        every = CASES[name](run.strategies, run.contract.representatives(), run.effort)
        tried = {requirement for case in cases for requirement in case.requirements}
        missing = {requirement for case in every for requirement in case.requirements} - tried
        params = [
            pytest.param(
                case.model,
                case.value,
                id=case.id,
                marks=[pytest.mark.requirement(*case.requirements), *_brief(case.brief)],
            )
            for case in cases
        ]
        if missing:
            marks = [pytest.mark.requirement(*sorted(missing)), pytest.mark.skip(NO_MODEL)]
            params.append(pytest.param(None, None, id="no model", marks=marks))
        metafunc.parametrize(("model", name), params)
    if "model" in metafunc.fixturenames and not names:
        marker = metafunc.definition.get_closest_marker("models")
        in_depth = firsts(judged)
        params = [
            pytest.param(model, id=model.id, marks=_brief(model not in in_depth))
            for model in models_for(marker, judged, run.effort)
        ]
        metafunc.parametrize("model", params)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the most telling tests first, and leave out what the options and the contract do."""
    ours = [item for item in items if item.path.parent == HERE]
    others = [item for item in items if item.path.parent != HERE]
    run = config.stash[RUN]
    on = {
        item
        for item in ours
        if is_on(item, run.contract, _option(config, "only"), run.effort)
        and not run.ledger.undeclared.keys() & set(requirements_of(item, run.contract))
    }
    if _option(config, "no_near_keys"):
        on = {item for item in on if not item.get_closest_marker("near_keys")}
    # The judge breaks the contract on purpose, which the mock holds against its clients.
    mock = pytest.mark.rerank_mock(
        fail_on="nothing", assert_all_met=False, revision=run.contract.revision
    )
    for item in ours:
        item.user_properties += properties(
            run.contract.requirements[name] for name in requirements_of(item, run.contract)
        )
        if _option(config, "target") in EMBEDDED:
            item.add_marker(mock)
    items[:] = [*others, *sorted(on, key=lambda item: (rank(item, run.contract), ours.index(item)))]
    if len(on) < len(ours):
        config.hook.pytest_deselected(items=[item for item in ours if item not in on])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep from the budget what each test is planned to send."""
    run = session.config.stash[RUN]
    ours = [item for item in session.items if item.path.parent == HERE]
    drawn = ((item, examples_of(item)) for item in ours)
    named = {item.name: requirements_of(item, run.contract) for item in ours}
    tests = Tests(named, list(parts(drawn, run.effort, run.served.ranking)))
    session.config.stash[TESTS] = tests
    planned = run.connection.budget.planned
    for part in tests.parts:
        planned[part.test] = planned.get(part.test, 0) + part.requests


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Print what the run is likely to send at most, before it starts."""
    return list(plan(config.stash.get(TESTS, NONE).parts, config.stash[RUN].connection))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close what the run has opened."""
    recorder.end(config)
    if CLIENT in config.stash:
        config.stash[CLIENT].close()


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Target:
    """What is judged. The judge knows the mock only by the name of its fixtures."""
    config, name, where = request.config, request.node.name, _option(request.config, "target")
    requirements = requirements_of(request.node, config.stash[RUN].contract)
    if where not in EMBEDDED:
        return recorder.recorded(config, _at_url(config), name, requirements)
    mock = request.getfixturevalue(EMBEDDED[where])
    client, keys = _client(config, LOOPBACK), (mock.api_key, mock.state.open_account())
    embedded = HttpTarget(client, mock.base_url, *keys, secrets_of(config.option))
    return recorder.recorded(config, _wrapped(config, embedded), name, requirements)


@pytest.fixture
def judge(request: pytest.FixtureRequest, target: Target) -> Judge:
    """The judge of one test."""
    run = request.config.stash[RUN]
    run.connection.budget.begin(request.node.name)
    name, requirements = request.node.name, frozenset(requirements_of(request.node, run.contract))
    run.ledger.tests[name] = requirements
    return Judge(run, target, name, requirements, examples_of(request.node))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Turn what the judge finds into pytest's outcomes, and keep why."""
    judge = pyfuncitem.funcargs.get("judge")
    if not isinstance(judge, Judge):
        return (yield)
    ledger = judge.run.ledger
    reason = failure = ""
    try:
        model = pyfuncitem.funcargs.get("model")
        if isinstance(model, Model):
            judge.needs(model)
        return (yield)
    except (NotServedError, UndeclaredError, UnshownError) as error:
        reason = str(error)
        ledger.skipped.update(dict.fromkeys(judge.requirements, reason))
    except InconclusiveError as error:
        reason = f"inconclusive: {error}"
        kept = ledger.unmet if isinstance(error, PrerequisiteError) else ledger.inconclusive
        # The first reason is the one to look at: later ones follow from it.
        kept.update(dict.fromkeys(judge.requirements - kept.keys(), str(error)))
    except ViolatedError as error:
        unmet = f"the test that was after it found {error} broken first"
        ledger.unmet.update(dict.fromkeys(judge.requirements - ledger.unmet.keys(), unmet))
        report = _report(pyfuncitem.config)
        show = partial(violation_lines, report, show_tests=_option(pyfuncitem.config, "show_tests"))
        blocks = map(show, error.violations)
        failure = "\n".join(line for block in blocks for line in block)
    # Outside of the except clauses, so that pytest does not print them as the context.
    if failure:
        pytest.fail(failure, pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Keep that a part of the suite could not even be read."""
    report = yield
    if report.failed and collector.path.parent == HERE:
        reason = f"{collector.path.name} could not be read: {report.longrepr}"
        collector.config.stash[RUN].ledger.fault = reason
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what was skipped before it began, and what went wrong in the suite itself."""
    report = yield
    run = item.config.stash[RUN]
    ledger, requirements = run.ledger, requirements_of(item, run.contract)
    if item.path.parent == HERE and call.excinfo is not None:
        if report.skipped and call.when == "setup":
            ledger.skipped.update(dict.fromkeys(requirements, NO_MODEL))
        elif report.failed and not call.excinfo.errisinstance(pytest.fail.Exception):
            reason = f"{call.excinfo.typename} in {item.name}: {call.excinfo.value}"
            ledger.broken.update(dict.fromkeys(requirements, reason))
            if not requirements:
                ledger.fault = reason
    mutant = item.config.stash[MUTANT]
    if mutant and _noticed(ledger, mutant):
        item.session.shouldstop = f"the judge noticed the mutant: {mutant.name}"
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the report, and let the exit code say the verdict."""
    config, ledger = session.config, session.config.stash[RUN].ledger
    if xdist.worker(config):
        return
    if exitstatus == pytest.ExitCode.INTERNAL_ERROR:
        session.exitstatus = EXIT_CODES[Verdict.BROKEN]
    tests = config.stash.get(TESTS, NONE)
    is_stopped = session.shouldstop or session.shouldfail
    if not tests.named and not ledger.fault and not is_stopped:
        return
    if is_stopped or exitstatus == pytest.ExitCode.INTERRUPTED:
        ledger.leave_open(tests.named)
    report = _report(config)
    config.stash[REPORT] = report
    crashed = exitstatus == pytest.ExitCode.INTERNAL_ERROR
    if not crashed and report.verdict is not Verdict.CONFORMS:
        session.exitstatus = EXIT_CODES[report.verdict]
    unwritten = write_outputs(outputs(config.option), report, TODAY)
    config.stash[UNWRITTEN] = [*unwritten, *recorder.end(config)]
    if config.stash[UNWRITTEN]:
        session.exitstatus = EXIT_CODES[Verdict.BROKEN]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the report."""
    config = terminalreporter.config
    report = config.stash.get(REPORT, None)
    if report is None:
        return
    terminalreporter.section(TITLE)
    for line in lines(report, show_tests=_option(config, "show_tests")):
        terminalreporter.write_line(line, **style(line))
    if _option(config, "github"):
        for line in annotations(report):
            terminalreporter.write_line(line)
    for line in config.stash[UNWRITTEN]:
        terminalreporter.write_line(line, red=True)


def _report(config: pytest.Config) -> Report:
    return report_of(
        config.stash[RUN],
        judging_words(config.option),
        access_of(config.option),
        config.stash[BASELINE],
        TODAY,
    )


def _noticed(ledger: Ledger, mutant: Mutant) -> bool:
    """Whether the requirement that the mutant breaks was found broken; else, any that fails."""
    broken = [name for name, found in ledger.violations.items() if found]
    if mutant.requirement:
        return mutant.requirement in broken
    return any(map(ledger.fails, broken))


def _judged(config: pytest.Config) -> tuple[Model, ...]:
    """The models that are judged, one of each kind first; the budget is made for them.

    A target at a URL is asked, before there is any test, what it serves.
    """
    if JUDGED not in config.stash:
        run, budget = config.stash[RUN], config.stash[RUN].connection.budget
        names = _option(config, "model") or run.connection.capabilities.models or ()
        models = xdist.judged(config, run) or chosen(run.contract, names, run.effort)
        is_asked = not (xdist.worker(config) or config.option.collectonly)
        if is_asked and _option(config, "target") not in EMBEDDED:
            target, served = recorder.recorded(config, _at_url(config)), run.served
            if not names:
                models = served.listed(target, run.contract.by_price())
            models = served.found(target, models, wide=run.effort.wide or bool(names))
        budget.limit = _option(config, "max_requests") or run.effort.most_requests(
            models, xdist.processes(config)
        )
        config.stash[JUDGED] = models
    return config.stash[JUDGED]


def _at_url(config: pytest.Config) -> Target:
    second = os.environ.get(_option(config, "second_api_key_env") or "")
    key = os.environ[_option(config, "api_key_env")]
    base_url = _option(config, "target")
    client = _client(config, base_url)
    return _wrapped(config, HttpTarget(client, base_url, key, second, secrets_of(config.option)))


def _wrapped(config: pytest.Config, target: Target) -> Target:
    for wrap in config.stash[WRAPPERS]:
        target = WrappedTarget(target, wrap)
    return target


def _client(config: pytest.Config, base_url: str) -> httpx.Client:
    """One client for the whole run: connections are kept, and TLS is set up once."""
    if CLIENT not in config.stash:
        config.stash[CLIENT] = route_of(config.option, base_url).open(base_url)
    return config.stash[CLIENT]


def examples_of(item: pytest.Item) -> int:
    """How many examples a test draws."""
    return 1 if item.get_closest_marker("brief") else item.config.stash[RUN].effort.examples


def _option(config: pytest.Config, name: str) -> AnyJson:
    return config.getoption(name)


def _callers(config: pytest.Config) -> tuple[Credential, ...]:
    """Who asks: the mock has an account for a second caller, others may be given its key."""
    has_second = _option(config, "target") in EMBEDDED or _option(config, "second_api_key_env")
    return (Credential.KEY, Credential.SECOND_KEY) if has_second else (Credential.KEY,)
