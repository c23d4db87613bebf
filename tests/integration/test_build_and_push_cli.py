"""build_and_push.sh with the real aws CLI, which checks every option and formats
its own errors, in front of a small ECR in this file; and, where an engine and Debian's
docker-registry are installed, with the real docker and a registry that accepts real pushes.
Checklist 14, 15, 135 to 138 and contract 6 (docs/sagemaker.md)."""

import base64
import http.client
import http.server
import json
import os
import shutil
import subprocess
import threading
import time
import unittest
import urllib.parse
import warnings
from pathlib import Path

import container
from local_cloud import PATIENCE
from push_case import ACCOUNT, DIGEST, DOCKER_2, PASSWORD, PYTHON, PushCase

REGION = "eu-central-1"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
               "AWS_EC2_METADATA_DISABLED": "true"}
PARTITIONS = [Path(path) / "botocore/data/partitions.json" for path in
              ("/usr/lib/python3/dist-packages/awscli", "/usr/lib/python3/dist-packages")]


def real_aws():
    return shutil.which("aws", path="/usr/bin:/bin") or shutil.which("aws")


class Ecr:
    """The calls of ECR and STS that the script makes, over HTTP on loopback."""

    def __init__(self):
        self.repositories, self.images, self.refusals, self.requests = {}, {}, {}, []
        ecr = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                target = self.headers.get("X-Amz-Target")
                if target:
                    self.send(*ecr.respond(target.rpartition(".")[2], json.loads(body)))
                else:
                    self.send(*ecr.identity(dict(urllib.parse.parse_qsl(body))), kind="text/xml")

            def send(self, status, content, kind="application/x-amz-json-1.1"):
                content = content if isinstance(content, str) else json.dumps(content)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content.encode())

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def identity(self, form):
        self.requests.append((form["Action"], form))
        if "GetCallerIdentity" in self.refusals:
            code, message = self.refusals["GetCallerIdentity"]
            return 403, (f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
                         f"<Message>{message}</Message></Error></ErrorResponse>")
        return 200, ("<GetCallerIdentityResponse><GetCallerIdentityResult>"
                     f"<Arn>arn:aws:iam::{ACCOUNT}:user/a</Arn><UserId>A</UserId>"
                     f"<Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>")

    def respond(self, operation, request):
        self.requests.append((operation, request))
        if operation in self.refusals:
            code, message = self.refusals[operation]
            return 400, {"__type": code, "message": message}
        return getattr(self, operation)(request)

    @staticmethod
    def missing(what):
        return 400, {"__type": f"{what}NotFoundException", "message": f"The {what} does not exist"}

    def DescribeRepositories(self, request):
        name, = request["repositoryNames"]
        if name not in self.repositories:
            return self.missing("Repository")
        return 200, {"repositories": [{"repositoryName": name, **self.repositories[name]}]}

    def CreateRepository(self, request):
        self.repositories[request["repositoryName"]] = made = {
            "imageTagMutability": request.get("imageTagMutability", "MUTABLE"),
            "imageScanningConfiguration": request.get("imageScanningConfiguration", {"scanOnPush": False})}
        return 200, {"repository": made}

    def GetAuthorizationToken(self, _):
        token = base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()
        return 200, {"authorizationData": [{"authorizationToken": token, "expiresAt": 2e9,
                                            "proxyEndpoint": f"https://{REGISTRY}"}]}

    def look(self, _repository, tag):
        """(digest, media type, bytes) of a tag; None when there is none."""
        return self.images.get(tag)

    def DescribeImages(self, request):
        image, = request["imageIds"]
        found = self.look(request["repositoryName"], image["imageTag"])
        if found is None:
            return self.missing("Image")
        return 200, {"imageDetails": [{"imageDigest": found[0], "imageManifestMediaType": found[1],
                                       "imageSizeInBytes": found[2]}]}


class CliCase(PushCase):
    def setUp(self):
        super().setUp()
        if real_aws() is None:
            self.not_here("the aws CLI is not installed")
        self.ecr = Ecr()
        self.addCleanup(self.ecr.close)
        self.reach(self.ecr.url)

    def reach(self, url):
        """aws on PATH is the real one, and these are its services."""
        self.put_program("aws", f"#!{shutil.which('bash')}\n"
                                f"PATH=$PATH:/usr/bin:/bin exec {real_aws()} --endpoint-url {url} \"$@\"\n")

    def push(self, *words, **how):
        return super().push(*words, **{**CREDENTIALS, **how})


class Cli(CliCase):
    def push_makes(self, tag):
        """docker's stand-in cannot push: the image exists from the second look-up on."""
        seen = []

        def look(_, request):
            seen.append(request)
            return (DIGEST, DOCKER_2, 7_000_000) if len(seen) > 1 and request == tag else None

        self.ecr.look = look

    def test_from_nothing_to_a_uri(self):
        """137: all steps, with arguments that the CLI accepts."""
        self.push_makes("v1")
        done = self.push("group/movies", "v1")
        self.assertEqual(f"{REGISTRY}/group/movies@{DIGEST}\n", done.stdout)
        self.assertEqual(["GetCallerIdentity", "DescribeRepositories", "CreateRepository",
                          "DescribeImages", "GetAuthorizationToken", "DescribeImages"],
                         [operation for operation, _ in self.ecr.requests])
        self.assertEqual({"imageTagMutability": "IMMUTABLE",
                          "imageScanningConfiguration": {"scanOnPush": True}},
                         self.ecr.repositories["group/movies"])
        login, = [call for call in self.recorded() if "login" in call["argv"]]
        self.assertEqual(PASSWORD + "\n", login["stdin"])

    def test_the_next_push_finds_it(self):
        self.ecr.repositories["movies"] = {"imageTagMutability": "IMMUTABLE"}
        self.ecr.images[self.tag] = (DIGEST, DOCKER_2, 1)
        self.assertEqual(f"{REGISTRY}/movies@{DIGEST}\n", self.push("movies").stdout)
        self.assertIn("already", self.refused("movies", self.tag))

    def test_regions_and_profiles_of_the_configuration(self):
        """135"""
        (self.home / ".aws").mkdir()
        (self.home / ".aws/config").write_text(
            "[default]\nregion = eu-west-3\n[profile work]\nregion = cn-north-1\n[profile bare]\n")
        (self.home / ".aws/credentials").write_text(
            "".join(f"[{name}]\naws_access_key_id = A\naws_secret_access_key = B\n"
                    for name in ("default", "work", "bare")))
        self.ecr.repositories["movies"] = {"imageTagMutability": "IMMUTABLE"}
        self.ecr.images[self.tag] = (DIGEST, DOCKER_2, 1)
        nothing = {name: None for name in CREDENTIALS}
        for words, more, host in (
                ((), {}, "eu-west-3.amazonaws.com/"),
                (("--profile", "work"), {}, "cn-north-1.amazonaws.com.cn/"),
                ((), {"AWS_PROFILE": "work"}, "cn-north-1.amazonaws.com.cn/")):
            done = self.push(*words, "movies", region=None, **{**nothing, **more})
            self.assertTrue(done.stdout.startswith(f"{ACCOUNT}.dkr.ecr.{host}"), done.stdout)
        self.assertIn("no region", self.refused("--profile", "bare", "movies", region=None, **nothing))
        self.assertIn('no profile "unknown"', self.refused("--profile", "unknown", "movies", **nothing))

    def test_errors_of_the_cli_become_a_sentence(self):
        self.assertIn("the aws CLI has no credentials",
                      self.refused("movies", AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None))
        self.assertIn("the aws CLI has no credentials", self.refused("movies", AWS_SECRET_ACCESS_KEY=None))
        for operation, code, sentence in (
                ("GetCallerIdentity", "InvalidClientTokenId", "AWS does not know these credentials"),
                ("GetCallerIdentity", "ExpiredToken", "the credentials have expired"),
                ("DescribeRepositories", "AccessDeniedException", "that takes ecr:DescribeRepositories"),
                ("CreateRepository", "AccessDeniedException", "that takes ecr:CreateRepository"),
                ("GetAuthorizationToken", "AccessDeniedException", "that takes ecr:GetAuthorizationToken")):
            self.ecr.refusals = {operation: (code, "no")}
            self.assertIn(sentence, self.refused("movies"), operation)
        self.ecr.close()
        self.reach("http://127.0.0.1:9")
        self.assertIn("AWS cannot be reached in eu-central-1", self.refused("movies"))

    def test_the_registries_of_all_partitions_are_where_botocore_has_them(self):
        """138"""
        files = [path for path in PARTITIONS if path.exists()]
        if not files:
            self.not_here("no partitions.json of botocore")
        partitions = json.loads(files[0].read_text())["partitions"]
        self.assertGreaterEqual(len(partitions), 5)
        for partition in partitions:
            region = next(name for name in partition["regions"] if "global" not in name)
            lines = self.push("movies", "v1", "--dry-run", region=region).stdout
            self.assertIn(f'"$account.dkr.ecr.{region}.{partition["outputs"]["dnsSuffix"]}"', lines)


class Registry(CliCase):
    """A registry on loopback behind a password, in place of ECR's."""

    def setUp(self):
        super().setUp()
        for why in (container.why_no_engine(), "" if shutil.which("docker-registry") else
                    "docker-registry is not installed (a package of that name)"):
            if why:
                self.not_here(why)
        self.start()
        self.ecr.look = self.look
        # The real docker, except that ECR's name is replaced by the registry's.
        self.put_program("docker", f"#!{PYTHON}\nimport os, sys\n"
                         f"os.environ['PATH'] += ':/usr/bin:/bin'\n"
                         f"words = [word.replace('{REGISTRY}', '127.0.0.1:{self.port}') for word in sys.argv]\n"
                         f"os.execv('{shutil.which('docker')}', words)\n")
        (self.repository / "Dockerfile").write_text(
            "FROM scratch\nCOPY build_and_push.sh /\nARG REVISION\nLABEL revision=$REVISION\n")
        self.commit()

    def start(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                import crypt
            except ImportError:
                self.not_here("this Python has no crypt for the registry's password")
            hashed = crypt.crypt(PASSWORD, "$2b$05$" + "a" * 22)
        (self.folder / "users").write_text(f"AWS:{hashed}\n")
        with http.server.HTTPServer(("127.0.0.1", 0), None) as probe:
            self.port = probe.server_address[1]
        (self.folder / "registry").mkdir()
        (self.folder / "registry.yml").write_text(json.dumps({
            "version": "0.1", "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "registry")}},
            "http": {"addr": f"127.0.0.1:{self.port}"},
            "auth": {"htpasswd": {"realm": "test", "path": str(self.folder / "users")}}}))
        registry = subprocess.Popen(["docker-registry", "serve", self.folder / "registry.yml"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(registry.wait)
        self.addCleanup(registry.kill)
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self.assertEqual(200, self.get("HEAD", "/v2/").status)
                return
            except ConnectionError:
                self.assertIsNone(registry.poll(), "the registry ended")
                self.assertLess(time.monotonic(), until, "the registry does not respond")
                time.sleep(0.05)

    def get(self, method, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, headers={
                "Authorization": "Basic " + base64.b64encode(f"AWS:{PASSWORD}".encode()).decode(),
                "Accept": ", ".join((DOCKER_2, "application/vnd.oci.image.manifest.v1+json",
                                     "application/vnd.oci.image.index.v1+json",
                                     "application/vnd.docker.distribution.manifest.list.v2+json"))})
            response = connection.getresponse()
            response.content = response.read()
            return response
        finally:
            connection.close()

    def look(self, repository, tag):
        found = self.get("GET", f"/v2/{repository}/manifests/{tag}")
        if found.status != 200:
            return None
        layers = json.loads(found.content).get("layers", [])
        return (found.headers["Docker-Content-Digest"], found.headers["Content-Type"],
                sum(layer["size"] for layer in layers))

    def push(self, *words, **how):
        names = {name: os.environ[name] for name in ("DOCKER_HOST",) if name in os.environ}
        done = super().push(*words, **{**names, **how})
        self.addCleanup(self.forget_images)
        return done

    def forget_images(self):
        named = subprocess.run(["docker", "image", "ls", "--quiet", f"127.0.0.1:{self.port}/group/movies"],
                               capture_output=True, text=True, check=False).stdout.split()
        if named:
            subprocess.run(["docker", "image", "rm", "--force", *set(named)], capture_output=True, check=False)

    def test_an_image_is_there_by_the_digest_that_was_printed(self):
        """14, 15, 136: one manifest of Docker's kind for amd64, gzip layers, no index."""
        done = self.push("group/movies")
        uri, = done.stdout.splitlines()
        self.assertTrue(uri.startswith(f"{REGISTRY}/group/movies@sha256:"))
        found = self.get("GET", f"/v2/group/movies/manifests/{uri.rpartition('@')[2]}")
        self.assertEqual((200, DOCKER_2), (found.status, found.headers["Content-Type"]))
        manifest = json.loads(found.content)
        self.assertEqual({"application/vnd.docker.image.rootfs.diff.tar.gzip"},
                         {layer["mediaType"] for layer in manifest["layers"]})
        config = json.loads(self.get("GET", f"/v2/group/movies/blobs/{manifest['config']['digest']}").content)
        self.assertEqual(("amd64", "linux"), (config["architecture"], config["os"]))
        self.assertEqual(self.revision, config["config"]["Labels"]["revision"])
        self.assertEqual(uri, self.push("group/movies").stdout.strip())  # nothing to do

    def test_a_registry_that_does_not_know_the_password(self):
        (self.folder / "users").write_text("")
        self.assertIn(f"docker cannot log in to {REGISTRY}", self.refused("group/movies"))

    def test_a_dockerfile_that_cannot_be_built(self):
        (self.repository / "Dockerfile").write_text("FROM scratch\nCOPY nowhere /\n")
        self.assertIn("could not be built", self.refused("group/movies"))
        self.assertIsNone(self.look("group/movies", self.tag))


if __name__ == "__main__":
    unittest.main()
