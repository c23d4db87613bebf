"""browser.py: Chromium without a window, driven over WebDriver's HTTP interface (W3C) of chromedriver.

    class Example(BrowserCase):
        def test_a_sentence(self):
            page = self.open("http://localhost:8000/", dark=True, size=(400, 800))
            page.click("#more")
            page.wait_for("return document.title === 'x'", "the title")
            self.assertEqual([], page.complaints())
"""

import base64
import http.client
import json
import re
import shutil
import tempfile
import time

from process import Run
from skipping import LoudCase

PATIENCE = 60
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Space": " ", "Right": "\ue014", "Left": "\ue012", "Down": "\ue015"}


def find_programs():
    """chromedriver and the browser, or None."""
    driver = shutil.which("chromedriver")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return (driver, browser) if driver and browser else None


class Driver:
    """A chromedriver and one session of it."""

    def __init__(self, driver, browser):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._run = Run([driver, "--port=0"])
        self._port = int(self._run.wait_for(r"successfully on port (\d+)", deadline=PATIENCE).group(1))
        words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                 "--disable-extensions", "--disable-background-networking", "--no-first-run",
                 f"--user-data-dir={self._profile.name}"]
        self._session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"binary": browser, "args": words}}}})["sessionId"]

    def _call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{path}: {value['error']}: {value['message'].splitlines()[0]}")
        return value

    def call(self, method, path, body=None):
        return self._call(method, f"/session/{self._session}{path}", body)

    def close(self):
        try:
            self.call("DELETE", "")
        finally:
            self._run.signal(15)
            self._run.wait(PATIENCE)
            self._profile.cleanup()


class Page:
    def __init__(self, driver, url, dark, size):
        self._driver = driver
        self.chrome("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.chrome("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1],
                    deviceScaleFactor=1, mobile=False)
        self.complaints()
        driver.call("POST", "/url", {"url": "about:blank"})
        driver.call("POST", "/url", {"url": url})

    def chrome(self, command, **parameters):
        return self._driver.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def script(self, text, *arguments):
        return self._driver.call("POST", "/execute/sync", {"script": text, "args": list(arguments)})

    def wait_for(self, script, what, *arguments):
        """The value of a script once it is true."""
        end = time.monotonic() + PATIENCE
        while not (value := self.script(script, *arguments)):
            if time.monotonic() > end:
                raise AssertionError(f"waited {PATIENCE} s in vain for {what}; the page says "
                                     f"{self.text('body')[:2000]!r}; {self.complaints()}")
            time.sleep(0.02)
        return value

    def element(self, selector):
        found = self._driver.call("POST", "/element", {"using": "css selector", "value": selector})
        return found[ELEMENT]

    def click(self, selector):
        """A click of the mouse at the middle of the element, which must be visible there."""
        self._driver.call("POST", f"/element/{self.element(selector)}/click", {})

    def type(self, selector, text):
        self._driver.call("POST", f"/element/{self.element(selector)}/value", {"text": text})

    def press(self, *names):
        """Keys, one after another, for whatever has the focus."""
        actions = [{"type": kind, "value": KEYS.get(name, name)} for name in names for kind in ("keyDown", "keyUp")]
        self._driver.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def text(self, selector):
        return self.script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def texts(self, selector):
        return self.script("return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText)", selector)

    def complaints(self):
        """Errors and warnings of the browser's console since the last call."""
        return [entry["message"] for entry in self._driver.call("POST", "/se/log", {"type": "browser"})
                if entry["level"] in ("SEVERE", "WARNING")]

    def picture(self, path):
        path.write_bytes(base64.b64decode(self._driver.call("GET", "/screenshot")))


def contrast(one, other):
    """Of two colours as getComputedStyle writes them, by WCAG 2."""
    def luminance(colour):
        channels = [int(c) / 255 for c in re.findall(r"\d+", colour)[:3]]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


class BrowserCase(LoudCase):
    """One browser for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.driver = None
        programs = find_programs()
        if programs:
            cls.driver = Driver(*programs)
            cls.addClassCleanup(cls.driver.close)

    def setUp(self):
        if self.driver is None:
            self.not_here("no browser: chromium and chromedriver (Debian's chromium-driver) are not installed")

    def open(self, url, dark=False, size=(1280, 900)):
        return Page(self.driver, url, dark, size)
