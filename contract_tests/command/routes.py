"""The options that say how a target is reached: headers, certificates, a proxy, time."""

import argparse
import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from urllib.request import getproxies

import httpx

from ..report.model import USUAL, Access
from ..transport import TIMEOUT, Route, proxy_for, trust

#: Headers that the judge sets in each request as the test needs them.
_OURS = {
    "authorization": "the key stands in the variable that --api-key-env names",
    "content-length": "it follows from the body",
    "content-type": "the tests choose it",
    "transfer-encoding": "the tests choose it",
}
#: Names of headers whose values are secrets.
_SECRET = re.compile(r"key|token|secret|auth(?!or)|cookie|password|credential", re.IGNORECASE)
_NAME = re.compile(r"[!#$%&'*+.^_`|~\w-]+", re.ASCII)


def declare_route(add: Callable[..., object], names: Callable[[str], list[str]]) -> None:
    """Declare the options with `add`, as argparse has it; each has all of its `names`."""
    declare_headers(add)
    add(
        "--ca-file",
        type=Path,
        metavar="FILE",
        help="PEM file of the certificates to trust (default: $SSL_CERT_FILE, else the usual ones)",
    )
    add("--insecure", action="store_true", help="accept any certificate")
    add(
        "--proxy",
        metavar="URL",
        help="proxy to use (default: that of the environment, such as $HTTPS_PROXY); never used "
        "for a loopback address",
    )
    declare_timeout(add, names("--request-timeout"))
    add(
        "--wait",
        type=partial(seconds, may_be_0=True),
        default=0.0,
        metavar="SECONDS",
        help="wait up to that long until the target is up (default: 0)",
    )


def declare_headers(add: Callable[..., object]) -> None:
    """Declare the options that name headers."""
    add(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="header to send with every request, repeatable",
    )
    add(
        "--header-env",
        action="append",
        default=[],
        metavar="NAME=VARIABLE",
        help="the same with a secret value, which stands in an environment variable and is shown "
        "nowhere",
    )


def declare_timeout(add: Callable[..., object], names: Sequence[str]) -> None:
    """Declare the option that says how long an answer may take, by all of its names."""
    add(
        *names,
        type=seconds,
        default=TIMEOUT,
        metavar="SECONDS",
        help="longest time for one request with its whole answer (default: 60)",
    )


def route_of(options: argparse.Namespace, base_url: str) -> Route:
    """How the target at `base_url` is reached."""
    return Route(
        timeout=options.request_timeout,
        ca_file=options.ca_file,
        insecure=options.insecure,
        proxy=proxy_for(base_url, options.proxy),
    )


def access_of(options: argparse.Namespace) -> Access:
    """What a reader needs to reach the target as the run does."""
    if "://" not in options.target:
        return USUAL
    second = options.second_api_key_env or USUAL.second_key
    return Access(tuple(_curl_options(options)), options.api_key_env, second)


def _curl_options(options: argparse.Namespace) -> Iterator[str]:
    if options.ca_file:
        yield f"--cacert {shlex.quote(str(options.ca_file))}"
    if options.insecure:
        yield "--insecure"
    proxy = proxy_for(options.target, options.proxy)
    if options.proxy and proxy:
        yield f"--proxy {shlex.quote(proxy)}"
    elif proxy:
        yield f"--proxy {_variable_of(proxy)}"
    elif getproxies().keys() - {"no"}:
        yield "--noproxy '*'"
    if options.request_timeout != TIMEOUT:
        yield f"--max-time {options.request_timeout:g}"


def _variable_of(proxy: str) -> str:
    """The variable that names the proxy: a password in it is not shown."""
    for name, value in os.environ.items():
        if name.lower().endswith("_proxy") and value and proxy.endswith(value):
            return f'"${name}"'
    return shlex.quote(str(httpx.URL(proxy).copy_with(userinfo=b"")))


def headers_of(options: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    """The headers for every request; a secret value is `$` and the name of its variable."""
    given = [header.partition(":") for header in options.header]
    secret = [header.partition("=") for header in options.header_env]
    return (
        *((name.strip(), value.strip()) for name, _, value in given),
        *((name.strip(), f"${variable.strip()}") for name, _, variable in secret),
    )


def secrets_of(options: argparse.Namespace) -> dict[str, str]:
    """Name of each variable of a secret header -> its value."""
    variables = [header.partition("=")[2].strip() for header in options.header_env]
    return {variable: os.environ[variable] for variable in variables}


def route_problems(options: argparse.Namespace) -> Iterator[str]:
    """What is wrong with the options."""
    yield from header_problems(options)
    yield from _file_problems(options)
    if options.target.startswith(("http://", "https://")):
        yield from _proxy_problems(options)


def header_problems(options: argparse.Namespace) -> Iterator[str]:
    """What is wrong with the options that name headers."""
    for header in options.header:
        name, colon, value = header.partition(":")
        if not colon or not value.isascii() or not value.isprintable():
            yield f"--header: {header!r} is not of the form 'Name: value'"
        yield from _name_problems("--header", name.strip())
        if _SECRET.search(name) and name.strip().lower() not in _OURS:
            yield (
                f"--header: {name.strip()} looks like a secret, and reports show this option; put "
                f"the value into an environment variable and use --header-env {name.strip()}=NAME"
            )
    for header in options.header_env:
        name, equals, variable = header.partition("=")
        if not equals or not variable.strip():
            yield f"--header-env: {header!r} is not of the form 'Name=VARIABLE'"
        else:
            yield from _name_problems("--header-env", name.strip())
            yield from secret_problems(variable.strip(), f"the value of {name.strip()}")


def key_problems(variable: str, target: str) -> Iterator[str]:
    """Why the variable does not hold a key."""
    yield from secret_problems(variable, f"the key of {target}")
    if os.environ.get(variable, "").lower().startswith("bearer "):
        yield f"${variable} begins with Bearer, which is sent before the key anyway: leave it out"


def secret_problems(variable: str, what: str) -> Iterator[str]:
    """Why the variable does not hold a secret that a header can carry."""
    secret = os.environ.get(variable, "")
    if not re.fullmatch(r"[A-Za-z_]\w*", variable, re.ASCII):
        # It may be the secret itself, and is not repeated.
        yield f"put {what} into an environment variable, and give the name of that"
    elif not secret:
        state = "is empty: set it" if variable in os.environ else "is not set: set it"
        yield f"${variable} {state} to {what}"
    elif flaw := _flaw(secret):
        yield f"${variable} {flaw}: leave that out"


def _flaw(secret: str) -> str:
    """What a header cannot carry of a secret, without repeating it; empty where there is nothing.

    It stays as it is: nobody else may take the secret as it was meant.
    """
    flaws = {
        "begins with a byte order mark": secret.startswith("\ufeff"),
        "ends with a carriage return, as lines of Windows do": secret.endswith(("\r", "\r\n")),
        "ends with a line break": secret.endswith("\n"),
        "begins or ends with a space": secret != secret.strip(),
        "has a line break in it, or another character that does not print": not all(
            letter.isprintable() for letter in secret
        ),
        "has a character that is not ASCII": not secret.isascii(),
    }
    return next((flaw for flaw, has in flaws.items() if has), "")


def _name_problems(option: str, name: str) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield f"{option}: {name!r} is not the name of a header"
    elif name.lower() in _OURS:
        yield f"{option}: {name} cannot be set: {_OURS[name.lower()]}"


def _file_problems(options: argparse.Namespace) -> Iterator[str]:
    named = {"--ca-file": options.ca_file}
    if options.ca_file is None:
        named["$SSL_CERT_FILE"] = os.environ.get("SSL_CERT_FILE") or None
    for name, path in named.items():
        if path is None or options.insecure:
            continue
        try:
            trust(Path(path), insecure=False)
        except OSError as error:
            reason = error.strerror if isinstance(error, FileNotFoundError) else "not a PEM file"
            yield f"{name}: {path} has no certificates to trust: {reason}"


def _proxy_problems(options: argparse.Namespace) -> Iterator[str]:
    proxy = proxy_for(options.target, options.proxy)
    where = "--proxy" if options.proxy else "the proxy of the environment"
    if proxy is None:
        return
    try:
        url = httpx.URL(proxy)
    except httpx.InvalidURL as error:
        yield f"{where} is not a URL: {error}"
        return
    if url.scheme not in ("http", "https") or not url.host:
        yield f"{where}: only proxies at an http or https URL can be used"
    elif options.proxy and url.userinfo:
        yield (
            f"{where}: leave the name and password out, since reports show this option; put the "
            "URL with them into $HTTPS_PROXY instead"
        )


def seconds(text: str, *, may_be_0: bool = False) -> float:
    """Read how many seconds something may take."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf") or (number == 0 and not may_be_0):
        above = "" if may_be_0 else " above 0"
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds{above}")
    return number
