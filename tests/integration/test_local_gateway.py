"""test_local_gateway.py: local-cloud as API Gateway: its events (§2.2, §2.3) and its responses
(§2.4)."""

import base64
import json
import socket
import time
import unittest

from local_cloud import PATIENCE, LocalCloudCase, raw_request


class Events(LocalCloudCase):
    def event(self, response):
        self.assertEqual(200, response.status, response)
        return response.json["event"]

    def test_a_rest_event_has_the_members_of_the_contract(self):
        """§2.2"""
        cloud = self.one()
        before = int(time.time() * 1000)
        e = self.event(cloud.post("/f?a=1&a=2&b=%C3%A9+x&c", '{"n": "\u00e9"}'.encode(),
                                  {"X-Twice": "one", "User-Agent": "tester/1"}))
        after = time.time() * 1000
        self.assertEqual(("/f", "/f", "POST", '{"n": "é"}', False),
                         (e["resource"], e["path"], e["httpMethod"], e["body"], e["isBase64Encoded"]))
        self.assertEqual({"a": "2", "b": "é x", "c": ""}, e["queryStringParameters"])
        self.assertEqual({"a": ["1", "2"], "b": ["é x"], "c": [""]},
                         e["multiValueQueryStringParameters"])
        self.assertEqual(("one", ["one"]), (e["headers"]["X-Twice"], e["multiValueHeaders"]["X-Twice"]))
        self.assertEqual(f"127.0.0.1:{cloud.port}", e["headers"]["Host"])
        for name, value in (("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Proto", "http"),
                            ("X-Forwarded-Port", str(cloud.port))):
            self.assertEqual(value, e["headers"][name])
        self.assertRegex(e["headers"]["X-Amzn-Trace-Id"], r"\ARoot=1-")
        self.assertNotIn("Content-Length", e["headers"])
        self.assertIsNone(e["pathParameters"])
        self.assertIsNone(e["stageVariables"])
        context = e["requestContext"]
        for key, value in (("resourcePath", "/f"), ("httpMethod", "POST"), ("stage", "local"),
                           ("path", "/f"), ("protocol", "HTTP/1.1"), ("accountId", "123456789012")):
            self.assertEqual(value, context[key], key)
        self.assertRegex(context["requestTime"], r"\A\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\Z")
        self.assertTrue(before <= context["requestTimeEpoch"] <= after)
        self.assertEqual(("127.0.0.1", "tester/1"),
                         (context["identity"]["sourceIp"], context["identity"]["userAgent"]))
        self.assertEqual(14, len(context["identity"]))

    def test_headers_that_come_twice_are_all_there(self):
        cloud = self.one()
        got = raw_request(cloud.port, b"POST /f HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\n"
                                      b"X-\xe9: \xff\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                          .replace(b"X-\xe9", b"X-E"))
        e = json.loads(got.partition(b"\r\n\r\n")[2])["event"]
        self.assertEqual(("2", ["1", "2"]), (e["headers"]["X-A"], e["multiValueHeaders"]["X-A"]))
        self.assertEqual("\ufffd", e["headers"]["X-E"])
        self.assertNotIn("x-a", e["headers"])
        self.assertNotIn("Connection", e["headers"])
        self.assertIsNone(e["body"])
        self.assertIsNone(e["queryStringParameters"])
        self.assertIsNone(e["requestContext"]["identity"]["userAgent"])

    def test_an_http_api_event_has_the_members_of_the_contract(self):
        """§2.3"""
        cloud = self.one()
        e = self.event(cloud.post("/two?a=1&a=2&b=x%20y", '{"n":1}',
                                  {"Cookie": "a=1; b=2", "User-Agent": "tester/1", "X-Mixed": "V"}))
        self.assertEqual(("2.0", "POST /two", "/two", "a=1&a=2&b=x%20y", ["a=1", "b=2"], '{"n":1}'),
                         tuple(e[k] for k in ("version", "routeKey", "rawPath", "rawQueryString",
                                              "cookies", "body")))
        self.assertEqual({"a": "1,2", "b": "x y"}, e["queryStringParameters"])
        self.assertEqual("V", e["headers"]["x-mixed"])
        self.assertNotIn("cookie", e["headers"])
        self.assertFalse(e["isBase64Encoded"])
        self.assertEqual({"method": "POST", "path": "/two", "protocol": "HTTP/1.1",
                          "sourceIp": "127.0.0.1", "userAgent": "tester/1"},
                         e["requestContext"]["http"])
        for key in ("accountId", "apiId", "domainName", "domainPrefix", "requestId", "stage", "time"):
            self.assertIsInstance(e["requestContext"][key], str)
        self.assertNotIn("multiValueHeaders", e)
        e = self.event(cloud.request("POST", "/two"))
        self.assertNotIn("body", e)
        self.assertNotIn("cookies", e)

    def test_the_body_is_the_event_without_a_proxy(self):
        """36"""
        cloud = self.one()
        self.assertEqual({"userId": "2", "movieId": "2959"},
                         cloud.post("/raw", {"userId": "2", "movieId": "2959"}).json["event"])
        self.assertEqual({}, cloud.request("POST", "/raw").json["event"])
        self.assertEqual(400, cloud.post("/raw", "{nope").status)

    def test_binary_bodies_travel_as_base64(self):
        data = bytes(range(256))
        cloud = self.one()
        for path in ("/f", "/two"):
            e = self.event(cloud.post(path, data, {"Content-Type": "application/octet-stream; x=1"}))
            self.assertEqual((True, data), (e["isBase64Encoded"], base64.b64decode(e["body"])))
        e = self.event(cloud.post("/f", data, {"Content-Type": "image/png"}))
        self.assertTrue(e["isBase64Encoded"])
        e = self.event(cloud.post("/f", b"a\xffb", {"Content-Type": "text/plain"}))
        self.assertEqual((False, "a\ufffdb"), (e["isBase64Encoded"], e["body"]))
        e = self.event(cloud.post("/two", b"x", {"Content-Type": "application/x-thing"}))
        self.assertEqual((True, "eA=="), (e["isBase64Encoded"], e["body"]))

    def test_paths_have_parameters_and_stages(self):
        cloud = self.one()
        e = self.event(cloud.request("GET", "/users/a%20b"))
        self.assertEqual(({"id": "a b"}, "/users/{id}", "/users/a%20b"),
                         (e["pathParameters"], e["resource"], e["path"]))
        e = self.event(cloud.request("GET", "/files/x/y/z"))
        self.assertEqual({"path": "x/y/z"}, e["pathParameters"])
        e = self.event(cloud.post("/local/f", "{}"))
        self.assertEqual(("/f", "/local/f"), (e["path"], e["requestContext"]["path"]))

    def test_options_is_passed_on(self):
        """§2.5.1"""
        e = self.event(self.one().request("OPTIONS", "/f", headers={"Origin": "http://x"}))
        self.assertEqual(("OPTIONS", "http://x"), (e["httpMethod"], e["headers"]["Origin"]))

    def test_unknown_paths_are_403(self):
        cloud = self.one()
        for method, path in (("GET", "/"), ("POST", "/ff"), ("GET", "/f"), ("POST", "/f/"),
                             ("POST", "/users/"), ("GET", "/users/a/b"), ("GET", "/files"),
                             ("POST", "/local"), ("POST", "/endpoints/x")):
            response = cloud.request(method, path)
            self.assertEqual((403, {"message": "Missing Authentication Token"},
                              "MissingAuthenticationTokenException"),
                             (response.status, response.json, response.headers["x-amzn-ErrorType"]), path)


class Responses(LocalCloudCase):
    def respond(self, cloud, value, path="/f", headers=None):
        return cloud.post(path, {"respond": value}, headers)

    def test_status_headers_and_body_are_the_functions(self):
        """38, 41"""
        cloud = self.one()
        response = self.respond(cloud, {
            "statusCode": 418, "headers": {"X-One": "a", "x-both": "lost", "Content-Type": "text/x",
                                           "X-Number": 3, "X-Yes": True, "Access-Control-Allow-Origin": "*"},
            "multiValueHeaders": {"X-Both": ["b", "c"]}, "body": "té", "isBase64Encoded": False})
        self.assertEqual((418, "té", "text/x", "*"),
                         (response.status, response.body.decode(), response.headers["Content-Type"],
                          response.headers["Access-Control-Allow-Origin"]))
        self.assertEqual(["b", "c"], response.headers.get_all("X-Both"))
        self.assertEqual(("3", "true"), (response.headers["X-Number"], response.headers["X-Yes"]))
        self.assertTrue(response.headers["x-amzn-RequestId"])
        response = self.respond(cloud, {"statusCode": 204})
        self.assertEqual((204, b""), (response.status, response.body))
        response = self.respond(cloud, {"statusCode": 200, "body": None, "headers": None,
                                        "multiValueHeaders": None, "more": 1})
        self.assertEqual((200, b"", "application/json"),
                         (response.status, response.body, response.headers["Content-Type"]))

    def test_headers_that_belong_to_the_gateway_are_renamed(self):
        response = self.respond(self.one(), {"statusCode": 200, "headers": {
            "Content-Length": "999", "Connection": "close", "Transfer-Encoding": "chunked"},
            "body": "abc"})
        self.assertEqual((b"abc", "999", "3"), (response.body, response.headers["x-amzn-Remapped-Content-Length"],
                                                response.headers["Content-Length"]))
        self.assertNotIn("Transfer-Encoding", response.headers)

    def test_malformed_responses_are_502(self):
        """§2.4.3"""
        cloud = self.one()
        for wrong in ([], "text", 3, None, {}, {"body": "x"}, {"statusCode": "abc"}, {"statusCode": 99},
                      {"statusCode": 600}, {"statusCode": 200.5}, {"statusCode": 200, "body": {"a": 1}},
                      {"statusCode": 200, "body": 1}, {"statusCode": 200, "headers": []},
                      {"statusCode": 200, "headers": {"a": {}}}, {"statusCode": 200, "headers": {"a b": "c"}},
                      {"statusCode": 200, "headers": {"a": "x\r\nSet-Cookie: y"}},
                      {"statusCode": 200, "multiValueHeaders": {"a": "b"}},
                      {"statusCode": 200, "isBase64Encoded": "no", "body": ""}):
            response = self.respond(cloud, wrong)
            self.assertEqual((502, {"message": "Internal server error"}), (response.status, response.json), wrong)
        for raw in ("", "{", "\x00", '{"statusCode":200}x'):
            self.assertEqual(502, cloud.post("/f", {"raw": raw}).status, raw)
        self.assertIn("Malformed Lambda proxy response", cloud.stop().stderr)

    def test_base64_is_sent_as_bytes_to_clients_that_accept_them_first(self):
        """§2.4.8"""
        cloud = self.one()
        value = {"statusCode": 200, "body": base64.b64encode(bytes(range(256))).decode(),
                 "isBase64Encoded": True}
        for accept, raw in (("image/*", True), ("application/octet-stream, text/plain", True),
                            ("text/plain, application/octet-stream", False), ("*/*", False)):
            body = self.respond(cloud, value, headers={"Accept": accept}).body
            self.assertEqual(bytes(range(256)) if raw else value["body"].encode(), body, accept)
        self.assertEqual(bytes(range(256)), self.respond(cloud, value, "/two").body)
        value["body"] = "***"
        self.assertEqual(502, self.respond(cloud, value, headers={"Accept": "image/*"}).status)

    def test_payload_2_takes_any_json_as_the_body(self):
        """§2.4.6"""
        cloud = self.one()
        for value in ({"a": 1}, [1], "text", 3):
            response = self.respond(cloud, value, "/two")
            self.assertEqual((200, "application/json", value),
                             (response.status, response.headers["Content-Type"], response.json))
        response = self.respond(cloud, {"statusCode": 201, "body": "x", "cookies": ["a=1", "b=2"]}, "/two")
        self.assertEqual((201, b"x", ["a=1", "b=2"]),
                         (response.status, response.body, response.headers.get_all("Set-Cookie")))
        self.assertEqual(502, cloud.post("/two", {"raw": "no json"}).status)

    def test_failures_of_the_function_are_502_and_without_a_proxy_200(self):
        """43, §2.4.7"""
        cloud = self.one(timeout=1)
        for do in ({"error": {"errorMessage": "no"}}, {"exit": 1}, {"sleep": 100}):
            self.assertEqual((502, {"message": "Internal server error"}),
                             (lambda a: (a.status, a.json))(cloud.post("/f", do)))
        response = cloud.post("/raw", {"error": {"errorMessage": "no"}})
        self.assertEqual((200, {"errorMessage": "no"}), (response.status, response.json))

    def test_a_response_that_takes_too_long_is_504_and_the_function_continues(self):
        cloud = self.one(config={"gateway-timeout": 0.5})
        response = cloud.post("/f", {"sleep": 1, "print": ["works on"]})
        self.assertEqual((504, {"message": "Endpoint request timed out"}), (response.status, response.json))
        cloud.wait_for_line("works on")
        cloud.wait_for_line("REPORT")
        self.assertEqual(200, cloud.post("/raw", {"respond": 1}).status)


class Limits(LocalCloudCase):
    def test_more_than_the_rate_is_429(self):
        """§2.5.6"""
        cloud = self.one(config={"rate": 0.001, "burst": 3})
        responses = [cloud.post("/raw", {"respond": 1}) for _ in range(5)]
        self.assertEqual([200] * 3 + [429] * 2, [a.status for a in responses])
        self.assertEqual(({"message": "Too Many Requests"}, "TooManyRequestsException"),
                         (responses[3].json, responses[3].headers["x-amzn-ErrorType"]))
        self.assertEqual(200, cloud.invoke("f", {}).status)

    def test_an_invocation_that_lambda_refuses_is_500(self):
        """§2.4.4"""
        cloud = self.one(queue=0)
        calls = [cloud.later(cloud.post, "/raw", {"sleep": 1, "respond": 1}) for _ in range(4)]
        self.assertEqual([200] + [500] * 3, sorted(call.wait().status for call in calls))

    def test_requests_over_the_limits_are_refused(self):
        """§1.14"""
        cloud = self.one()
        self.assertEqual(431, cloud.post("/f", "{}", {"X-Long": "x" * 10300}).status)
        self.assertEqual(431, cloud.post("/f", "{}", {"X-Long": "x" * 20000}).status)
        self.assertEqual(413, cloud.post("/f", b"x" * (6 << 20)).status)
        self.assertEqual(413, cloud.post("/f", b"x" * (12 << 20)).status)
        self.assertEqual(400, cloud.post("/f?" + "&".join(f"a{n}=1" for n in range(40)), "{}").status)
        self.assertEqual(400, cloud.post("/f?a=%zz", "{}").status)
        self.assertEqual(200, cloud.post("/f", b"{}" + b" " * (6000000)).status)

    def test_expect_and_chunks_are_understood(self):
        cloud = self.one()
        got = raw_request(cloud.port, b"POST /raw HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                                      b"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n")
        self.assertEqual({"a": 1}, json.loads(got.partition(b"\r\n\r\n")[2])["event"])
        with socket.create_connection(("127.0.0.1", cloud.port), timeout=PATIENCE) as connection:
            connection.sendall(b"POST /raw HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                               b"Content-Length: 2\r\n\r\n")
            self.assertEqual(b"HTTP/1.1 100 Continue\r\n\r\n", connection.recv(100))
            connection.sendall(b"{}")
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200"))

    def test_a_head_request_has_no_body(self):
        response = self.one().request("HEAD", "/users/1")
        self.assertEqual((200, b""), (response.status, response.body))
        self.assertGreater(int(response.headers["Content-Length"]), 10)


if __name__ == "__main__":
    unittest.main()
