"""The page of local-cloud in Chromium: its size, its first paint, and the time until a list is shown and
changed by a rating. The browser is driven as in tests/integration/browser.py."""

import contextlib
import http.server
import statistics
import subprocess
import sys
import threading

from common import BIN, ROOT, free_port, run, say, train_job
from serving import EVERY_CPU, running

LOADS = 21
PAINT = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
SHOWN = "return document.querySelector('#list > li') && !document.querySelector('#list[aria-busy]')"


class OneLine(http.server.BaseHTTPRequestHandler):
    """A page of one line: what the browser takes for any page."""

    def do_GET(self):  # noqa: N802
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>x</title><p>x")

    def log_message(self, *_):
        pass


def page(folder):
    sys.path.insert(0, str(ROOT / "tests/integration"))
    import browser  # noqa: PLC0415

    say("\n## page: the page of local-cloud, on loopback")
    sources = [ROOT / "local/page" / name for name in ("page.html", "page.css", "page.js")]
    say(f"{sum(path.stat().st_size for path in sources)} bytes (limit 60000)")
    if not browser.find_programs():
        say("first paint: NOT MEASURED HERE: chromium and chromedriver are not installed")
        return
    prefix = train_job(folder / "page", {}, "train")
    for name in ("ratings.csv", "movies.csv"):
        (prefix / "input/data/train" / name).symlink_to(ROOT / "data" / name)
    run(BIN / "train", "--prefix", prefix, stderr=subprocess.PIPE)
    port, api = free_port(), free_port()
    env = {"SAGEMAKER_BIND_TO_PORT": str(port), "SERVE_ADDRESS": "127.0.0.1", "SERVE_ACCESS_LOG": "errors"}
    command = [BIN / "local-cloud", "--port", api, "--log", "functions", "--endpoint", f"movies=http://127.0.0.1:{port}",
               "--function", f"predict={BIN / 'predict'}", "--processes", 2, "--start", "early",
               "--variable", "ENDPOINT_NAME=movies", "--variable", "METRICS=false",
               "--variable", f"MOVIES_URI={ROOT / 'data/movies.csv'}", "--route", "ANY /predict=predict",
               "--page", prefix / "model/model.bin", "--page-ratings", ROOT / "data/ratings.csv"]
    with running([BIN / "serve", "--prefix", prefix], port, env, EVERY_CPU), \
            running(command, api, {}, EVERY_CPU, "/page/about"), contextlib.closing(
                browser.Driver(*browser.find_programs())) as driver:
        least = http.server.ThreadingHTTPServer(("127.0.0.1", 0), OneLine)
        threading.Thread(target=least.serve_forever, daemon=True).start()
        floors, paints, lists, changes = [], [], [], []
        for i in range(LOADS):
            seen = browser.Page(driver, f"http://127.0.0.1:{least.server_port}/", False, (1280, 900))
            floors.append(seen.wait_for(PAINT, "a paint"))
            seen = browser.Page(driver, f"http://localhost:{api}/#user={i + 2}", False, (1280, 900))
            seen.wait_for(SHOWN, "a list")
            paints.append(seen.wait_for(PAINT, "a paint"))
            lists.append(seen.script("return Math.max(...performance.getEntriesByType('resource').map((e) => e.responseEnd))"))
            before = seen.script("return performance.getEntriesByType('resource').length")
            seen.click("#list .star:last-child")
            changes.append(seen.wait_for(
                "const e = performance.getEntriesByType('resource').slice(arguments[0]).find((e) => e.name.endsWith('/predict'));"
                "return e && e.duration", "another list", before))
        for what, times in (("first paint of a page of one line", floors), ("first paint", paints), ("last response of the first list", lists), ("list after a rating", changes)):
            say(f"{what}: median {statistics.median(times):.0f} ms, slowest of {LOADS} {max(times):.0f} ms"
                + (" (limit 100 ms)" if what == "first paint" else ""))


PARTS = {"page": page}
