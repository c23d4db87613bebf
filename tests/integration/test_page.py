"""test_page.py: the page of local-cloud: its files, the JSON beside them, who is let in, and, in a real
browser, what a person does with it by mouse and by keyboard."""

import base64
import hashlib
import json
import re
import socket
import unittest

from browser import BrowserCase, contrast
from local_cloud import LOCAL_CLOUD, LocalCloudCase
from models import ROWS
from page_case import ATTACK, GENRES, Behind, PageCase, described, genre, page_settings
from process import Run
from programs import SOURCE
from sanitizers import SANITIZER_ENVIRONMENT

FILES = {"/": "page.html", "/page/page.js": "page.js"}
LINK = b'<link rel="stylesheet" href="page/page.css">'
LIST = "return document.querySelector('#list > li') && !document.querySelector('#list[aria-busy]')"
IDS = "return [...document.querySelectorAll('#list > li')].map((e) => e.dataset.id)"


class Files(PageCase):
    def test_the_files_are_those_of_the_source_small_and_cached_by_tag(self):
        """The style is in the page, so that the first paint waits for nothing; the policy allows this one alone."""
        cloud = self.cloud
        size = 0
        style = (SOURCE / "local/page/page.css").read_bytes()
        allowed = base64.b64encode(hashlib.sha256(style).digest()).decode()
        for path, name in FILES.items():
            with self.subTest(path=path):
                got = cloud.request("GET", path)
                expected = (SOURCE / "local/page" / name).read_bytes().replace(LINK, b"<style>" + style + b"</style>")
                self.assertEqual((200, expected), (got.status, got.body))
                self.assertIn(f"style-src 'sha256-{allowed}';", got.headers["Content-Security-Policy"])
                size += len(got.body)
                head = cloud.request("HEAD", path)
                self.assertEqual((200, str(len(got.body)), b""), (head.status, head.headers["Content-Length"], head.body))
                same = cloud.request("GET", path, headers={"If-None-Match": f'"x", W/{got.headers["ETag"]}'})
                self.assertEqual((304, b""), (same.status, same.body))
                self.assertEqual(200, cloud.request("GET", path, headers={"If-None-Match": '"x"'}).status)
                self.assertIn("default-src 'none'", got.headers["Content-Security-Policy"])
                self.assertNotIn("unsafe", got.headers["Content-Security-Policy"])
                self.assertEqual("nosniff", got.headers["X-Content-Type-Options"])
        self.assertLessEqual(size, 60000)
        self.assertEqual(403, cloud.request("POST", "/").status)

    def test_the_files_name_no_other_host_and_write_no_html(self):
        for name in (*FILES.values(), "page.css"):
            text = (SOURCE / "local/page" / name).read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            self.assertEqual([], re.findall(r"https?://[^\s'\"]*|(?<=[\"'(])//\w[^\s'\"]*", text), name)
            self.assertEqual([], re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), name)

    def test_what_the_model_has(self):
        about = self.cloud.request("GET", "/page/about").json
        self.assertEqual((200, 100, len(ROWS), "title", True, True, "/predict", None),
                         tuple(about[name] for name in ("users", "items", "ratings", "title", "ranking", "has_ratings",
                                                        "api", "stream")))
        self.assertEqual({"min": 0.5, "max": 5}, about["scale"])
        self.assertEqual([{"name": "genres", "values": sorted([*GENRES, "Color"])},
                          {"name": "year", "from": 1990, "to": 1999}], about["attributes"])

    def test_users_and_items_are_found(self):
        cloud = self.cloud
        found = cloud.request("GET", "/page/users?q=19").json["users"]
        self.assertEqual(["19", *(str(n) for n in range(190, 200))], sorted(u["userId"] for u in found))
        self.assertEqual(("19", len(described().rated["19"])), (found[0]["userId"], found[0]["ratings"]))
        self.assertEqual(20, len(cloud.request("GET", "/page/users").json["users"]))
        self.assertEqual({"users": []}, cloud.request("GET", "/page/users?q=%00".replace("%00", "none")).json)
        found = cloud.request("GET", "/page/items?q=film+1991").json["items"]
        self.assertEqual(10, len(found))
        self.assertTrue(all("(1991)" in item["title"] for item in found))
        self.assertEqual(sorted((item["count"] for item in found), reverse=True), [item["count"] for item in found])
        self.assertEqual("1042", cloud.request("GET", "/page/items?q=1042").json["items"][0]["movieId"])
        self.assertEqual(20, len(cloud.request("GET", "/page/items?q=%20").json["items"]))

    def test_a_users_ratings_newest_first(self):
        cloud = self.cloud
        got = cloud.request("GET", "/page/ratings?userId=7").json
        rows = sorted((row for row in ROWS if row[0] == "7"), key=lambda row: -int(row[3]))
        self.assertEqual([(row[1], float(row[2]), int(row[3])) for row in rows],
                         [(r["movieId"], r["rating"], r["timestamp"]) for r in got["ratings"]])
        self.assertEqual(len(rows), got["total"])
        self.assertTrue(all(r["title"] for r in got["ratings"]))
        for query in ("", "?userId=", "?userId=unknown", "?user=7"):
            self.assertEqual(404, cloud.request("GET", f"/page/ratings{query}").status, query)
        self.assertEqual(400, cloud.request("GET", "/page/ratings?userId=%zz").status)

    def test_other_paths_and_methods(self):
        cloud = self.cloud
        for method, path, status in (("GET", "/page/none", 404), ("PUT", "/page/about", 405), ("GET", "/page/list?userId=1", 404),
                                     ("POST", "/page/ratings", 405), ("GET", "/pages", 403), ("DELETE", "/page/page.js", 403)):
            self.assertEqual(status, cloud.request(method, path, b"").status, f"{method} {path}")

    def test_only_clients_that_address_this_machine_as_such_are_let_in(self):
        cloud = self.cloud
        for host, status in (("localhost", 200), ("LOCALHOST:80", 200), (f"127.0.0.1:{cloud.port}", 200), ("[::1]:8", 200),
                             ("127.evil.example", 403), ("evil.example:8000", 403), ("localhost.evil.example", 403),
                             ("10.0.0.1", 403)):
            for path in ("/", "/page/ratings?userId=7"):
                self.assertEqual(status, cloud.request("GET", path, headers={"Host": host}).status, host)


class Settings(LocalCloudCase):
    def test_a_client_on_another_address_is_refused(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("198.51.100.1", 9))  # sends nothing
            except OSError as error:
                self.not_here(f"this machine has no address but its loopback's: {error}")
            own = probe.getsockname()[0]
        cloud = self.cloud(**page_settings(), address="0.0.0.0")
        with socket.create_connection((own, cloud.port)) as client:
            client.sendall(b"GET /page/ratings?userId=7 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            self.assertTrue(client.makefile("rb").read().startswith(b"HTTP/1.1 403 "))

    def test_without_the_setting_there_is_no_page(self):
        cloud = self.one()
        for path in ("/", "/page/about", "/page/page.js"):
            self.assertEqual((403, {"message": "Missing Authentication Token"}),
                             ((got := cloud.request("GET", path)).status, got.json))

    def test_a_program_that_is_gone_is_reported(self):
        behind = Behind([])
        cloud = self.cloud(**page_settings(behind=behind))
        behind.close()
        for got in (cloud.request("GET", "/page/list?userId=1"),
                    cloud.post("/page/ratings", {"userId": "7", "movieId": 1001})):
            self.assertEqual((502, "the program behind the page does not respond"), (got.status, got.json["message"]))

    def fails(self, *words):
        run = Run([LOCAL_CLOUD, "--port", "0", "--function", "f=/bin/true", *words], env=SANITIZER_ENVIRONMENT)
        result = run.wait()
        self.assertNotEqual(0, result.status, result)
        return result.log_text()

    def test_settings_that_do_not_go_together_or_files_that_are_none(self):
        ratings = self.folder / "text"
        ratings.write_text("no,ratings\nat,all\n")
        self.assertIn("page-stream needs a page and an endpoint", self.fails("--page-stream", "ratings"))
        self.assertIn("/no/model.bin", self.fails("--page", "/no/model.bin"))
        self.assertIn("text", self.fails("--page", str(described().model_bin), "--page-ratings", str(ratings)))


class Stream(PageCase):
    behind = True

    def setUp(self):
        self.behind.written.clear()
        self.behind.gets.clear()

    def test_a_rating_is_a_record_with_its_time(self):
        got = self.cloud.post("/page/ratings", {"userId": "7", "movieId": 1001, "rating": 4.5})
        self.assertEqual((200, "495"), (got.status, got.json["SequenceNumber"]))
        [(target, stream, key, event)] = self.behind.written
        self.assertEqual(("Kinesis_20131202.PutRecord", "ratings", "7"), (target, stream, key))
        self.assertEqual({"userId": "7", "movieId": 1001, "rating": 4.5}, {n: event[n] for n in ("userId", "movieId", "rating")})
        self.assertGreater(event["timestamp"], 1.7e9)
        self.assertEqual(200, self.cloud.post("/page/ratings", {"userId": 7, "movieId": "1"}).status)
        self.assertEqual("7", self.behind.written[-1][2])

    def test_what_is_no_rating_is_refused(self):
        for body in ({}, [], {"userId": "1", "movieId": "2", "rating": "5"}, {"userId": "", "movieId": "2"}, {"userId": "1"},
                     {"userId": "1", "movieId": "2", "event": "forget"}, "{", b'{"userId":"1","userId":"2","movieId":"2"}'):
            self.assertEqual(400, self.cloud.post("/page/ratings", body).status, body)
        self.assertEqual(415, self.cloud.request("POST", "/page/ratings", b'{"userId":"1","movieId":"2"}',
                                                 {"Content-Type": "text/plain"}).status)
        self.assertEqual([], self.behind.written)

    def test_a_list_is_the_containers(self):
        got = self.cloud.request("GET", "/page/list?userId=a%2Fb&top_n=3&where=%7B%22a%22%3A1%7D" + "&with=" + "title," * 100)
        self.assertEqual(200, got.status)
        self.assertEqual(["/recommend/cached/a%2Fb?top_n=3&where=%7B%22a%22%3A1%7D" + "&with=" + "title," * 100], self.behind.gets)
        self.assertEqual(400, self.cloud.request("GET", "/page/list?top_n=3").status)


class Browsing(BrowserCase):
    def visit(self, cloud, fragment="", **how):
        page = self.open(f"http://localhost:{cloud.port}/{fragment}", **how)
        page.wait_for(LIST, "a list")
        return page

    def change(self, page, act):
        """The list after `act` has changed it."""
        before = page.script(IDS)
        act()
        return page.wait_for(f"const ids = (() => {{ {IDS} }})(); return ids.join() !== arguments[0] && "
                             "(() => { " + LIST + " })() ? ids : null", "another list", ",".join(before))


class InABrowser(Browsing, PageCase):
    predict = True

    def test_a_person_chooses_filters_rates_and_compares_by_mouse(self):
        cloud = self.cloud
        page = self.visit(cloud, "#user=7")
        self.assertEqual("For user 7", page.text("#list-title"))
        self.assertEqual(len(described().rated["7"]), len(page.texts("#ratings li")))
        expected = cloud.post("/predict", {"userId": "7", "top_n": 10}).json["recommendations"]
        self.assertEqual([entry["movieId"] for entry in expected], page.script(IDS))
        self.assertRegex(page.text("#list > li"), r"Because of .+ \d+\s%")

        page.script("document.querySelector('#user').value = ''")
        page.type("#user", "12")
        self.change(page, lambda: page.click("#who [type=submit]"))
        self.assertEqual("For user 12", page.text("#list-title"))

        ids = self.change(page, lambda: page.click(".chip[data-value=War]"))
        self.assertEqual({"War"}, {genre(item) for item in ids})
        page.type("#year-from", "1995")
        ids = page.wait_for("const t = [...document.querySelectorAll('#list h3')].map((e) => e.innerText); "
                            "return t.length && t.every((x) => /\\(199[5-9]\\)/.test(x)) ? t : null", "films from 1995")
        self.change(page, lambda: page.click("#clear"))

        first = page.script(IDS)[0]
        page.click(f'[data-key="similar:{first}"]')
        similar = page.wait_for("return document.querySelectorAll('.more-like li').length", "similar items")
        self.assertEqual(6, similar)

        ids = self.change(page, lambda: page.click(f'[data-key="list:{first}:5"]'))
        self.assertNotIn(first, ids)
        request = json.loads(page.script("return document.querySelector('#request').textContent"))
        self.assertIn((first, 5), [(r["movieId"], r["rating"]) for r in request["ratings"]])
        self.assertEqual(ids, [e["movieId"] for e in cloud.post("/predict", request).json["recommendations"]])
        self.assertEqual(first, page.script("return document.querySelector('#ratings li').dataset.id"))
        self.assertRegex(page.text("#status"), r"10 items for user 12 · [\d.]+ ms")

        page.click("#exchange summary")
        self.assertIn(f"curl -s http://localhost:{cloud.port}/predict", page.text("#curl"))
        self.assertEqual(ids, [e["movieId"] for e in json.loads(page.text("#response"))["recommendations"]])
        page.click('[data-key="drop:%s"]' % first)
        page.wait_for(f"return (() => {{ {IDS} }})().includes(arguments[0])", "the item again", first)
        self.assertEqual([], page.complaints())

    def test_titles_are_text_whatever_they_hold(self):
        page = self.visit(self.cloud, "#new-visitor")
        page.type("#words", "img onerror")
        page.wait_for("return document.querySelector('#found .name')?.innerText.includes('<img src=x onerror=')", "the attack")
        self.change(page, lambda: page.click("#found .star:last-child"))
        self.assertIn(ATTACK, page.text("#ratings"))
        self.assertEqual(0, page.script("return document.querySelectorAll('main img, main script').length"))
        self.assertEqual("Recommender", page.script("return document.title"))

    def test_a_visitor_does_everything_with_the_keyboard(self):
        page = self.visit(self.cloud, "#user=7")
        page.press("Tab", "Tab", "Tab", "Tab", "Tab")
        self.assertEqual("visitor", page.script("return document.activeElement.id"))
        self.change(page, lambda: page.press("Enter"))
        self.assertEqual("Liked by many", page.text("#list-title"))
        page.press("Tab")
        self.assertEqual("words", page.script("return document.activeElement.id"))
        page.wait_for("return document.querySelector('#found li')", "items to rate")
        page.press("Tab")
        rated = page.script("return document.activeElement.closest('li').dataset.id")
        ids = self.change(page, lambda: page.press("Right", "Right", "Right", "Enter"))
        self.assertNotIn(rated, ids)
        self.assertEqual("For you", page.text("#list-title"))
        self.assertEqual(rated, page.script("return document.querySelector('#ratings li').dataset.id"))
        # The focus stays where it was, at the next item, and can be seen.
        self.assertTrue(page.script("return document.activeElement.closest('#found') !== null"))
        self.assertEqual("solid", page.script("return getComputedStyle(document.activeElement.closest('.star')).outlineStyle"))
        unnamed = page.script(
            "return [...document.querySelectorAll('button, input, select, fieldset')].filter((e) => !(e.ariaLabel || "
            "e.labels?.length || e.innerText?.trim())).map((e) => e.outerHTML)")
        self.assertEqual([], unnamed)
        self.assertEqual(["polite", "alert"], page.script(
            "return [document.querySelector('#status').ariaLive, document.querySelector('#error').role]"))

    def test_both_colour_schemes_have_contrast_and_a_narrow_screen_no_sideways_scroll(self):
        cloud = self.cloud
        backs = []
        for dark in (False, True):
            page = self.visit(cloud, "#user=7", dark=dark, size=(360, 700))
            self.assertLessEqual(page.script("return document.documentElement.scrollWidth"), 360)
            style = ("const e = document.querySelector(arguments[0]), s = getComputedStyle(e); let b = e, c;"
                     "do { c = getComputedStyle(b).backgroundColor; b = b.parentElement } while (b && c === 'rgba(0, 0, 0, 0)');"
                     "return [s.color, c]")
            for selector in ("h1", "#model", "#list h3", ".tags", ".why", ".why b", ".guess b", "#who .main", "#status", "label", ".chip"):
                colours = page.script(style, selector)
                self.assertGreaterEqual(contrast(*colours), 4.5, f"{selector} {colours} dark={dark}")
            backs.append(page.script("return getComputedStyle(document.body).backgroundColor"))
        self.assertNotEqual(*backs)

    def test_a_refused_request_is_reported(self):
        page = self.visit(self.cloud, "#user=7")
        page.script("about.api = '/nowhere'")
        page.click(".chip[data-value=War]")
        page.wait_for("return !document.querySelector('#error').hidden", "an error")
        self.assertIn("Missing Authentication Token", page.text("#error"))


class OnAStream(Browsing, PageCase):
    behind = True

    def test_a_rating_on_the_stream_changes_the_list(self):
        page = self.visit(self.cloud, "#user=7")
        first = page.script(IDS)[0]
        ids = self.change(page, lambda: page.click(f'[data-key="list:{first}:4"]'))
        self.assertNotIn(first, ids)
        self.assertEqual(("7", first, 4), tuple(self.behind.written[0][3][n] for n in ("userId", "movieId", "rating")))
        self.assertRegex(page.wait_for("const t = document.querySelector('#status').innerText; return t.includes('after') && t",
                                       "the time"), r"changed \d+ ms after the rating")


if __name__ == "__main__":
    unittest.main()
