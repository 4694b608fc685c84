"""How the judge works inside pytest: options, the target, parameters from the contract, report."""

import os
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from .command import xdist
from .command.cases import CASES
from .command.options import EMBEDDED, declare, files, judging_words, problem
from .command.plan import plan
from .command.routes import headers_of, route_of, secrets_of
from .command.selection import chosen, is_on, model_of, models_for, rank, requirements_of
from .contract import AnyJson, Model, load_contract
from .exchanges import Credential
from .judging.connection import Connection, InconclusiveError
from .judging.judge import Judge, PrerequisiteError, ViolatedError
from .judging.ledger import Ledger
from .judging.limits import EFFORTS, Budget, Pace, Startup
from .judging.outcomes import EXIT_CODES, Verdict, verdict
from .judging.run import Run
from .judging.served import NotServedError
from .mutants.catalogue import MUTANTS
from .mutants.conforming_variants import CONFORMING_VARIANTS
from .mutants.operators import Answerer, WrappedTarget
from .report.builder import report_of
from .report.github import annotations, summarize, summary_file
from .report.junit import properties
from .report.model import TITLE, Report
from .report.terminal import lines, style, violation_lines
from .report.writers import save
from .targets import HttpTarget, Target

#: Where the embedded mock is; what answers in this process is never asked through a proxy.
LOOPBACK = "http://127.0.0.1"
NO_MODEL = "no model of this kind is judged"
HERE = Path(__file__).parent
RUN = pytest.StashKey[Run]()
REPORT = pytest.StashKey[Report]()
WRAPPERS = pytest.StashKey[list[Answerer]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of a run."""
    declare(parser.getgroup("rerank-contract").addoption)


def pytest_configure(config: pytest.Config) -> None:
    """Open the run."""
    for line in (
        "requirement(*ids): the requirements that the test tries",
        "models(which): every model, or the first of a form; supports= a gated field",
        "states(schema): the test tries the requirements that keywords of that schema state",
        "effort(name): the least effort at which the test runs",
    ):
        config.addinivalue_line("markers", line)
    trouble = problem(config.option) or xdist.problem(config)
    if trouble:
        raise pytest.UsageError(trouble)
    contract = load_contract(_option(config, "revision"))
    effort = EFFORTS[_option(config, "effort")]
    forms = {model.form for model in chosen(contract, _option(config, "model"))}
    limit: int | None = _option(config, "max_requests")
    run = Run(
        contract=contract,
        effort=effort,
        seed=_option(config, "seed"),
        ledger=Ledger(contract, strict=_option(config, "fail_on_difference")),
        connection=Connection(
            Budget(
                limit or effort.requests * len(forms),
                hard=limit is not None,
                token_limit=_option(config, "max_tokens"),
                cost_limit=_option(config, "max_cost"),
            ),
            price=lambda name: contract.model_named(name).price,
            pace=Pace(_option(config, "max_rpm")),
            api_key_env=_option(config, "api_key_env"),
            second_api_key_env=_option(config, "second_api_key_env") or "",
            headers=headers_of(config.option),
            startup=Startup(_option(config, "wait")),
        ),
        callers=_callers(config),
        target=_option(config, "target"),
    )
    config.stash[RUN] = run
    mutant = _option(config, "mutant")
    wrappers = [CONFORMING_VARIANTS[name](contract) for name in _option(config, "freedom")]
    config.stash[WRAPPERS] = [*wrappers, MUTANTS[mutant].answer] if mutant else wrappers


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give tests the models, faults, bounds, fields and switches of the contract."""
    run = metafunc.config.stash[RUN]
    judged = chosen(run.contract, _option(metafunc.config, "model"))
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
                marks=pytest.mark.requirement(*case.requirements),
            )
            for case in cases
        ]
        if missing:
            marks = [pytest.mark.requirement(*sorted(missing)), pytest.mark.skip(NO_MODEL)]
            params.append(pytest.param(None, None, id="no model", marks=marks))
        metafunc.parametrize(("model", name), params)
    if "model" in metafunc.fixturenames and not names:
        models = models_for(metafunc.definition.get_closest_marker("models"), judged)
        metafunc.parametrize("model", models, ids=lambda model: model.id)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the most telling tests first, and leave out what the options and the contract do."""
    ours = [item for item in items if item.path.parent == HERE]
    others = [item for item in items if item.path.parent != HERE]
    run = config.stash[RUN]
    on = {item for item in ours if is_on(item, run.contract, _option(config, "only"), run.effort)}
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


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Print the most that the run will send, before it starts."""
    run = config.stash[RUN]
    ours = [item for item in items if item.path.parent == HERE]
    sends = [(model_of(item), run.effort.examples) for item in ours]
    return (
        list(plan(sends, run.effort, run.connection.budget, run.connection.pace.rpm))
        if ours
        else []
    )


@pytest.fixture(scope="session")
def client(pytestconfig: pytest.Config) -> Iterator[httpx.Client]:
    """One client for the whole run: connections are kept, and TLS is set up once."""
    where = _option(pytestconfig, "target")
    base_url = LOOPBACK if where in EMBEDDED else where
    with route_of(pytestconfig.option, base_url).open(base_url) as client:
        yield client


@pytest.fixture
def target(request: pytest.FixtureRequest, client: httpx.Client) -> Target:
    """What is judged. The judge knows the mock only by the name of its fixtures."""
    config = request.config
    base_url, second = _option(config, "target"), _option(config, "second_api_key_env")
    if base_url in EMBEDDED:
        mock = request.getfixturevalue(EMBEDDED[base_url])
        base_url, key, second_key = mock.base_url, mock.api_key, mock.state.open_account()
    else:
        key, second_key = os.environ[_option(config, "api_key_env")], os.environ.get(second or "")
    secrets = secrets_of(config.option)
    target: Target = HttpTarget(client, base_url, key, second_key, secrets)
    for wrap in request.config.stash[WRAPPERS]:
        target = WrappedTarget(target, wrap)
    return target


@pytest.fixture
def judge(request: pytest.FixtureRequest, target: Target) -> Judge:
    """The judge of one test."""
    run = request.config.stash[RUN]
    name, requirements = request.node.name, frozenset(requirements_of(request.node, run.contract))
    run.ledger.tests[name] = requirements
    return Judge(run, target, name, requirements)


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
    except NotServedError as error:
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
        report = report_of(judge.run, judging_words(pyfuncitem.config.option))
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
    mutant = _option(item.config, "mutant")
    if mutant and ledger.violations.get(MUTANTS[mutant].requirement):
        item.session.shouldstop = f"the judge noticed that the target {mutant}"
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: AnyJson) -> None:
    """Take over what a worker of pytest-xdist has found out of its share."""
    xdist.take_over(node.config, node)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the report, and let the exit code say the verdict."""
    config = session.config
    if exitstatus == pytest.ExitCode.INTERNAL_ERROR:
        session.exitstatus = EXIT_CODES[Verdict.BROKEN]
    shares = xdist.shares(config)
    if shares and verdict(shares) is not Verdict.CONFORMS:
        session.exitstatus = EXIT_CODES[verdict(shares)]
    ours = [item for item in session.items if item.path.parent == HERE]
    if not ours and not config.stash[RUN].ledger.fault:
        return
    if session.shouldstop or session.shouldfail or exitstatus == pytest.ExitCode.INTERRUPTED:
        _leave_open(ours, config.stash[RUN])
    report = report_of(config.stash[RUN], judging_words(config.option))
    config.stash[REPORT] = report
    xdist.hand_over(config, report.outcomes)
    for name, path in files(config.option).items():
        save(report, name, path)
    summary = summary_file() if _option(config, "github") else None
    if summary:
        summarize(report, summary)
    crashed = exitstatus == pytest.ExitCode.INTERNAL_ERROR
    if not crashed and report.verdict is not Verdict.CONFORMS:
        session.exitstatus = EXIT_CODES[report.verdict]


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


def _leave_open(items: list[pytest.Item], run: Run) -> None:
    """Call inconclusive what the tests are after that did not come to run."""
    ledger = run.ledger
    for item in items:
        if item.name not in ledger.tests:
            for name in set(requirements_of(item, run.contract)) - ledger.skipped.keys():
                ledger.inconclusive.setdefault(name, "the run ended before all of it was tried")


def _option(config: pytest.Config, name: str) -> AnyJson:
    return config.getoption(name)


def _callers(config: pytest.Config) -> tuple[Credential, ...]:
    """Who asks: the mock has an account for a second caller, others may be given its key."""
    has_second = _option(config, "target") in EMBEDDED or _option(config, "second_api_key_env")
    return (Credential.KEY, Credential.SECOND_KEY) if has_second else (Credential.KEY,)
