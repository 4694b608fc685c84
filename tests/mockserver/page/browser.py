"""A headless Chromium, steered as its developer tools are: by a WebSocket."""

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

#: How long to wait for what should happen, in seconds; on a busy machine that takes a while.
PATIENCE = 30.0

#: Keys by their names, with the number and the text that they have.
KEYS: Mapping[str, tuple[int, str]] = {
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "Space": (32, " "),
    "End": (35, ""),
    "Home": (36, ""),
    "ArrowUp": (38, ""),
    "ArrowDown": (40, ""),
}


class Tab:
    """A page in the browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)
        self._session: str | None = None
        #: What went wrong on the page: exceptions, and what the browser refused.
        self.problems: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._target = target
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)

    def send(self, method: str, **parameters: object) -> Any:  # noqa: ANN401 - JSON
        """Send a command; return its result."""
        number = next(self._numbers)
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": number, "method": method, "params": parameters, **session}
        self._connection.send(json.dumps(message))
        while True:
            received = json.loads(self._connection.recv(PATIENCE))
            if received.get("id") == number:
                assert "error" not in received, received
                return received["result"]
            self._note(received.get("method"), received.get("params", {}))

    def close(self) -> None:
        """Close the page."""
        self.send("Target.closeTarget", targetId=self._target)

    def _note(self, event: str | None, parameters: Mapping[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(parameters["exceptionDetails"]))
        # What the network answers, the page shows by itself.
        if event == "Log.entryAdded" and parameters["entry"]["source"] != "network":
            self.problems.append(parameters["entry"]["text"])

    def open(self, url: str) -> None:
        """Go to a URL."""
        self.send("Page.navigate", url=url)
        self.until("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:  # noqa: ANN401 - JSON
        """Return the value of an expression of JavaScript."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str) -> Any:  # noqa: ANN401 - JSON
        """Wait until an expression is true; return its value."""
        end = time.monotonic() + PATIENCE
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, f"never true: {expression}\n{self.problems}"
            time.sleep(0.02)
        return value

    def text(self, selector: str) -> str:
        """Return the text that is seen of an element."""
        text: str = self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText")
        return text

    def until_text(self, selector: str, part: str) -> None:
        """Wait until an element has a text."""
        found = f"document.querySelector({json.dumps(selector)})?.innerText"
        self.until(f"{found}?.includes({json.dumps(part)})")

    def click(self, selector: str) -> None:
        """Click in the middle of an element, which has to be seen there."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.until(f"{element}?.checkVisibility()")
        x, y = self.evaluate(
            f"(async () => {{ const e = {element}; e.scrollIntoView({{block: 'center'}});"
            " await new Promise(requestAnimationFrame);"
            " const r = e.getBoundingClientRect();"
            " const [x, y] = [r.left + r.width / 2, r.top + r.height / 2];"
            " const hit = document.elementFromPoint(x, y);"
            " if (!e.contains(hit)) throw Error(`covered by ${hit?.outerHTML}`);"
            " return [x, y]; })()"
        )
        for event in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=event, x=x, y=y, button="left", clickCount=1)

    def choose(self, selector: str, value: str) -> None:
        """Choose an option of a select, as a person does who types the beginning of its label."""
        self.until(
            f"[...document.querySelector({json.dumps(selector)}).options]"
            f".some(({{value}}) => value === {json.dumps(value)})"
        )
        self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            f" e.value = {json.dumps(value)};"
            " e.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def press(self, key: str, *, times: int = 1, shift: bool = False) -> None:
        """Press a key."""
        number, text = KEYS[key]
        common = {
            "key": " " if key == "Space" else key,
            "code": key,
            "windowsVirtualKeyCode": number,
            "modifiers": 8 if shift else 0,
        }
        for _ in range(times):
            down = {"type": "keyDown" if text else "rawKeyDown", "text": text}
            self.send("Input.dispatchKeyEvent", **common, **down)
            self.send("Input.dispatchKeyEvent", **common, type="keyUp")

    def type(self, text: str) -> None:
        """Type a text where the focus is."""
        self.send("Input.insertText", text=text)

    def tab_to(self, selector: str) -> None:
        """Press Tab until an element has the focus."""
        wanted = f"document.activeElement?.matches({json.dumps(selector)})"
        for _ in range(80):
            if self.evaluate(wanted):
                return
            self.press("Tab")
        raise AssertionError(f"Tab never reaches {selector}")

    def resize(self, width: int, height: int = 900) -> None:
        """Give the page a size."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, **features: str) -> None:
        """Prefer something, such as `color_scheme="dark"`."""
        named = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self.send("Emulation.setEmulatedMedia", features=named)

    def clipboard(self) -> str:
        """Return what is on the clipboard."""
        text: str = self.evaluate("navigator.clipboard.readText()")
        return text

    def picture(self, path: Path) -> None:
        """Write a picture of the page, as PNG."""
        data = self.send("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def chromium(folder: Path) -> Generator[ClientConnection]:
    """Start the browser with an empty profile in the folder; yield the connection to it."""
    assert CHROMIUM
    process = subprocess.Popen(
        [
            CHROMIUM,
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
            *("--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port, path = _address(folder / "DevToolsActivePort", process)
        with connect(f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None) as connection:
            permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
            grant = {"method": "Browser.grantPermissions", "params": {"permissions": permissions}}
            connection.send(json.dumps({"id": 0, **grant}))
            yield connection
    finally:
        process.terminate()
        process.wait()


def _address(file: Path, process: "subprocess.Popen[bytes]") -> list[str]:
    end = time.monotonic() + PATIENCE
    while not (file.exists() and file.read_text(encoding="utf-8").count("\n")):
        assert process.poll() is None, "the browser ended"
        assert time.monotonic() < end, "the browser never said where it is"
        time.sleep(0.02)
    return file.read_text(encoding="utf-8").splitlines()
