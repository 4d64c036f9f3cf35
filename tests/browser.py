"""A headless Chromium, driven through its debugging protocol: to load pages and look at them."""

import asyncio
import base64
import json
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any, Self

from tornado.websocket import WebSocketClientConnection, websocket_connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"),
    # A page that nobody sees would be given little time, and draw itself late or never.
    *("--disable-background-timer-throttling", "--disable-renderer-backgrounding"),
    "--disable-backgrounding-occluded-windows",
)
COMPLAINTS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")


class Browser:
    """One page, 1000 pixels wide.

    Parameters
    ----------
    folder
        Where the browser may write.
    """

    _process: "subprocess.Popen[bytes]"
    _socket: WebSocketClientConnection

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._calls = 0
        self.complaints: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        assert CHROMIUM is not None
        arguments = [CHROMIUM, *OPTIONS, f"--user-data-dir={self._folder}", "about:blank"]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(arguments, stdout=quiet, stderr=quiet)
        port = await self._port()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            pages: list[dict[str, str]] = json.load(answer)
        [url] = [page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page"]
        self._socket = await websocket_connect(url, max_message_size=2**28)
        for domain in ("Runtime", "Log", "Page"):
            await self.call(f"{domain}.enable")
        await self.resize(1000)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.wait()

    async def _port(self) -> str:
        file = self._folder / "DevToolsActivePort"
        for _ in range(300):
            if file.exists() and (lines := file.read_text().split()):
                return lines[0]
            await asyncio.sleep(0.1)
        raise TimeoutError("the browser did not start")

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol; what the page complains of meanwhile is kept."""
        self._calls += 1
        number = self._calls
        message = json.dumps({"id": number, "method": method, "params": params})
        await self._socket.write_message(message)
        while True:
            text = await self._socket.read_message()
            assert text is not None, "the browser has gone"
            answer: dict[str, Any] = json.loads(text)
            if answer.get("method") in COMPLAINTS:
                self.complaints.append(answer)
            if answer.get("id") == number:
                result: dict[str, Any] = answer["result"]
                return result

    async def run(self, script: str) -> Any:
        """Return the value of a script."""
        answer = await self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def wait_for(self, script: str) -> Any:
        """Return the value of a script as soon as it is true."""
        for _ in range(300):
            if value := await self.run(script):
                return value
            await asyncio.sleep(0.1)
        raise TimeoutError(f"never came true: {script}")

    async def resize(self, width: int) -> None:
        """Make the page as wide as this."""
        size = {"width": width, "height": 1200, "deviceScaleFactor": 1, "mobile": False}
        await self.call("Emulation.setDeviceMetricsOverride", **size)

    async def darken(self) -> None:
        """Let the page know that its reader prefers dark ones."""
        dark = {"name": "prefers-color-scheme", "value": "dark"}
        await self.call("Emulation.setEmulatedMedia", features=[dark])

    async def open(self, page: Path, query: str = "") -> None:
        """Load a file."""
        await self.call("Page.navigate", url=page.as_uri() + query)
        await self.wait_for("document.readyState === 'complete'")

    async def screenshot(self, file: Path, selector: str) -> None:
        """Keep a picture of an element."""
        script = f"""(() => {{
            const box = document.querySelector({selector!r}).getBoundingClientRect();
            return {{x: box.x, y: box.y + scrollY, width: box.width, height: box.height, scale: 1}};
        }})()"""
        clip = await self.run(script)
        picture = await self.call("Page.captureScreenshot", format="png", clip=clip)
        file.write_bytes(base64.b64decode(picture["data"]))
