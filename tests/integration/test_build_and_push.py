"""build_and_push.sh with stand-ins for aws and docker that record their calls.
Checklist 135 to 139 and contract 6 (docs/sagemaker.md)."""

import json
import re
import shlex
import subprocess
import unittest

from push_case import (ACCOUNT, DIGEST, DOCKER_2, NO_IMAGE, NO_REPOSITORY, PASSWORD, PushCase,
                       cli_error, found)

REGISTRY = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com"
URI = f"{REGISTRY}/movies@{DIGEST}\n"
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class Path(PushCase):
    """The way from nothing to a URI."""

    def test_each_step_in_its_order(self):
        """137"""
        self.plan("aws", "ecr", "describe-repositories", err=NO_REPOSITORY, status=254)
        self.plan("aws", "ecr", "create-repository", out="IMMUTABLE\n")
        done = self.push("movies")
        self.assertEqual(URI, done.stdout)
        steps = [next(word for word in call if word in (
            "version", "get-caller-identity", "describe-repositories", "create-repository",
            "describe-images", "get-login-password", "login", "build", "push")) for call in self.calls()]
        after_version = steps[steps.index("get-caller-identity"):]
        self.assertEqual({"version"}, set(steps[:steps.index("get-caller-identity")]))
        after_version = [step for step in after_version if step != "version"]
        # The two commands of the pipe may be recorded in any order.
        self.assertEqual({"get-login-password", "login"}, set(after_version[4:6]))
        self.assertEqual(["get-caller-identity", "describe-repositories", "create-repository",
                          "describe-images"], after_version[:4])
        self.assertEqual(["build", "push", "describe-images"], after_version[6:])

    def test_the_repository_is_made_with_a_scan_and_tags_that_stay(self):
        """137"""
        self.plan("aws", "ecr", "describe-repositories", err=NO_REPOSITORY, status=254)
        self.plan("aws", "ecr", "create-repository", out="IMMUTABLE\n")
        self.push("group/movies")
        made = self.call("create-repository")
        for words in (["--repository-name", "group/movies"], ["--image-tag-mutability", "IMMUTABLE"],
                      ["--image-scanning-configuration", "scanOnPush=true"]):
            self.assertEqual(words[1], made[made.index(words[0]) + 1])

    def test_a_repository_that_is_there_is_left_as_it_is(self):
        """137"""
        self.assertEqual(URI, self.push("movies").stdout)
        self.assertNotIn("create-repository", sum(self.calls(), []))

    def test_only_a_missing_repository_is_made(self):
        """137: not one that may not be looked at, or cannot be reached."""
        for err in (cli_error("AccessDeniedException", "DescribeRepositories",
                              "User: arn:aws:iam::123456789012:user/a is not authorized to perform: "
                              "ecr:DescribeRepositories on resource: movies"),
                    cli_error("ServerException", "DescribeRepositories", "try later"),
                    '\nCould not connect to the endpoint URL: "https://api.ecr.eu-central-9.x/"\n'):
            self.plan("aws", "ecr", "describe-repositories", err=err, status=254)
            self.refused("movies")
            self.assertNotIn("create-repository", sum(self.calls(), []))

    def test_another_process_makes_it_at_the_same_moment(self):
        self.plan("aws", "ecr", "describe-repositories", err=NO_REPOSITORY, status=254, times=1)
        self.plan("aws", "ecr", "create-repository", status=254,
                  err=cli_error("RepositoryAlreadyExistsException", "CreateRepository", "exists"))
        self.assertEqual(URI, self.push("movies").stdout)

    def test_the_password_goes_through_stdin_and_nowhere_else(self):
        self.push("movies")
        login, = [call for call in self.recorded() if "login" in call["argv"]]
        self.assertEqual(PASSWORD + "\n", login["stdin"])
        self.assertEqual(["docker", "login", "--username", "AWS", "--password-stdin", REGISTRY],
                         login["argv"])
        self.assertNotIn(PASSWORD, json.dumps(self.calls()))

    def test_it_is_built_for_amd64_from_the_top_on_any_machine(self):
        """136"""
        self.push("movies", "v1")
        build, push = self.call("build"), self.call("push")
        self.assertEqual("linux/amd64", build[build.index("--platform") + 1])
        self.assertEqual("Dockerfile", build[build.index("--file") + 1])
        self.assertIn("TARGETARCH=amd64", build)
        self.assertIn("BUILDER=linux/amd64", build)
        self.assertEqual(f"{REGISTRY}/movies:v1", build[build.index("--tag") + 1])
        self.assertEqual(".", build[-1])
        self.assertEqual(["docker", "push", f"{REGISTRY}/movies:v1"], push)

    def test_buildx_is_told_to_leave_out_attestations_and_ocis_types(self):
        """136, §1.11"""
        self.plan("docker", "buildx", "version", out="github.com/docker/buildx v0.12.1\n")
        self.assertEqual(URI, self.push("movies", "v1").stdout)
        build = self.call("buildx", "build")
        self.assertIn("--provenance=false", build)
        self.assertIn("--sbom=false", build)
        output = build[build.index("--output") + 1].split(",")
        self.assertLessEqual({"type=image", f"name={REGISTRY}/movies:v1", "push=true",
                              "oci-mediatypes=false", "compression=gzip"}, set(output))
        self.assertEqual("linux/amd64", build[build.index("--platform") + 1])
        self.assertFalse([call for call in self.calls("docker") if call[1] == "push"])

    def test_labels_and_time_stamps_come_from_git(self):
        """140: the arguments that make a build repeatable."""
        self.git("remote", "add", "origin", "https://someone:a-token@git.example.com/movies.git")
        self.push("movies")
        build = self.call("build")
        self.assertIn(f"REVISION={self.revision}", build)
        self.assertIn(f"SOURCE_DATE_EPOCH={self.git('log', '-1', '--format=%ct')}", build)
        self.assertIn("SOURCE=https://git.example.com/movies.git", build)
        self.assertNotIn("a-token", json.dumps(self.calls()))
        self.push("movies", SOURCE_DATE_EPOCH="77")
        self.assertIn("SOURCE_DATE_EPOCH=77", self.call("build"))

    def test_the_pushed_image_must_have_the_right_manifest(self):
        """136, §1.11"""
        for kind in (OCI, INDEX, "None"):
            self.plan("aws", "ecr", "describe-images", out=found(kind))
            self.plan("aws", "ecr", "describe-images", err=NO_IMAGE, status=254, times=1)
            self.assertIn(f'arrived as "{kind}", and SageMaker takes only {DOCKER_2}',
                          self.refused("movies"))

    def test_a_push_that_left_nothing_is_noticed(self):
        self.plan("aws", "ecr", "describe-images", err=NO_IMAGE, status=254)
        self.assertIn("ECR has no such image", self.refused("movies"))

    def test_stdout_has_the_uri_alone(self):
        self.plan("docker", "build", out="a lot\nof words\n", err="and more\n")
        self.assertEqual(URI, self.push("movies").stdout)


class Where(PushCase):
    """Account, region and profile."""

    def region_of(self, *words, **environment):
        self.push(*words, "movies", **environment)
        who = self.call("get-caller-identity")
        return who[who.index("--region") + 1]

    def test_the_order_of_regions(self):
        """135"""
        self.plan("aws", "configure", "get", "region", out="ap-south-1\n")
        variables = {"region": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-2"}
        self.assertEqual("sa-east-1", self.region_of("--region", "sa-east-1", **variables))
        self.assertEqual("sa-east-1", self.region_of("--region=sa-east-1", **variables))
        self.assertEqual("eu-west-1", self.region_of(**variables))
        self.assertEqual("us-east-2", self.region_of(region=None, AWS_DEFAULT_REGION="us-east-2"))
        self.assertEqual("us-east-2", self.region_of(region="", AWS_DEFAULT_REGION="us-east-2"))
        self.assertEqual("ap-south-1", self.region_of(region=None))

    def test_no_region_is_guessed(self):
        """135"""
        self.assertIn("no region: give --region", self.refused("movies", region=None))
        self.assertEqual(["configure"], [call[1] for call in self.calls()])

    def test_an_invalid_region_is_reported(self):
        for region in ("Frankfurt", "eu-central", "eu-central-1a", "x/../y-1", "-1"):
            self.assertIn("is not a region", self.refused("movies", region=region))

    def test_a_profile_is_passed_to_every_call(self):
        self.plan("aws", "configure", "get", "region", out="ap-south-1\n")
        self.push("--profile", "work", "movies", region=None)
        for call in self.calls("aws"):
            self.assertEqual(["aws", "--profile", "work"], call[:3])

    def test_every_other_call_names_the_region(self):
        self.push("movies")
        for call in self.calls("aws"):
            self.assertEqual(["aws", "--region", "eu-central-1"], call[:3])

    def test_a_profile_that_is_not_there(self):
        self.plan("aws", "configure", "get", "region", status=255,
                  err="\nThe config profile (unknown) could not be found\n")
        self.assertIn('no profile "unknown"', self.refused("--profile", "unknown", "movies", region=None))

    def test_registries_of_other_partitions(self):
        """138"""
        for region, suffix in (("cn-north-1", "amazonaws.com.cn"), ("us-gov-west-1", "amazonaws.com"),
                               ("us-iso-east-1", "c2s.ic.gov"), ("us-isob-east-1", "sc2s.sgov.gov"),
                               ("eusc-de-east-1", "amazonaws.eu"), ("us-east-1", "amazonaws.com")):
            done = self.push("movies", region=region)
            self.assertEqual(f"{ACCOUNT}.dkr.ecr.{region}.{suffix}/movies@{DIGEST}\n", done.stdout)


class Tags(PushCase):
    def pushed(self, *words):
        done = self.push(*words)
        build = self.call("build")
        return build[build.index("--tag") + 1].rpartition(":")[2], done.stderr

    def test_the_revision(self):
        self.assertEqual(self.tag, self.pushed("movies")[0])

    def test_uncommitted_files_make_a_tag_of_their_own(self):
        clean = self.tag
        tags = {clean}
        for change in ("changed", "changed again"):
            (self.repository / "Dockerfile").write_text(change)
            tag, output = self.pushed("movies")
            self.assertRegex(tag, rf"\A{clean}-dirty-[0-9a-f]{{12}}\Z")
            self.assertIn("not committed", output)
            self.assertIn(f"REVISION={self.revision}-dirty", self.call("build"))
            self.assertEqual(tag, self.pushed("movies")[0])  # the same files, the same tag
            tags.add(tag)
        (self.repository / "new.c").write_text("a file that git does not know")
        tags.add(self.pushed("movies")[0])
        self.assertEqual(4, len(tags))
        before = self.git("count-objects")
        self.pushed("movies")
        self.assertEqual(before, self.git("count-objects"))  # the repository has no new objects
        self.assertEqual("", self.git("diff", "--cached"))
        (self.repository / ".gitignore").write_text("*.o\n")
        self.commit()
        (self.repository / "ignored.o").write_text("")
        self.assertEqual(self.tag, self.pushed("movies")[0])

    def test_other_dockerfiles_and_arguments_are_other_images(self):
        (self.repository / "Other").write_text("FROM scratch\n")
        self.commit()
        tags = [self.pushed(*words, "movies")[0] for words in (
            (), ("--function", "predict"), ("--file", "Other"), ("--target", "build"),
            ("--build-arg", "A=1"), ("--build-arg", "A=2"), ("--build-arg=A=2", "--target=build"))]
        self.assertEqual(len(tags), len(set(tags)), tags)
        self.assertEqual(f"{self.tag}-predict", tags[1])
        for tag in tags:
            self.assertRegex(tag, rf"\A{self.tag}")

    def test_a_revision_that_is_there_is_not_built_again(self):
        self.plan("aws", "ecr", "describe-images", out=found())
        done = self.push("movies")
        self.assertEqual(URI, done.stdout)
        self.assertEqual([], [call for call in self.calls("docker") if "version" not in call])
        self.assertIn("there already", done.stderr)

    def test_an_existing_image_with_a_wrong_manifest_is_not_accepted(self):
        self.plan("aws", "ecr", "describe-images", out=found(OCI))
        self.assertIn("arrived as", self.refused("movies"))

    def test_a_given_tag_that_is_taken_is_refused_where_tags_stay(self):
        """138"""
        self.plan("aws", "ecr", "describe-images", out=found())
        self.assertIn("movies:v1 is there already", self.refused("movies", "v1"))
        self.assertEqual([], [call for call in self.calls("docker") if "version" not in call])

    def test_a_given_tag_moves_where_tags_may(self):
        self.plan("aws", "ecr", "describe-images", out=found())
        self.plan("aws", "ecr", "describe-repositories", out="MUTABLE\n")
        self.assertEqual(URI, self.push("movies", "latest").stdout)
        self.call("push")

    def test_latest_is_never_pushed_where_tags_stay(self):
        """138: neither into a repository that is there nor into one that would be made."""
        self.assertIn('"latest" cannot be pushed', self.refused("movies", "latest"))
        self.plan("aws", "ecr", "describe-repositories", err=NO_REPOSITORY, status=254)
        self.assertIn('"latest" cannot be pushed', self.refused("movies", "latest"))
        self.assertNotIn("create-repository", sum(self.calls(), []))

    def test_without_git_a_tag_must_be_given(self):
        subprocess.run(["rm", "-rf", self.repository / ".git"], check=True)
        self.assertIn("no git checkout", self.refused("movies", GIT_CEILING_DIRECTORIES=str(self.folder)))
        self.assertEqual(URI, self.push("movies", "v1").stdout)
        self.assertFalse([word for word in self.call("build") if word.startswith("REVISION")])


class Others(PushCase):
    """Another Dockerfile, another function."""

    def test_a_function(self):
        self.push("movies", "--function", "predict")
        build = self.call("build")
        self.assertEqual("lambda/Dockerfile", build[build.index("--file") + 1])
        self.assertIn("FUNCTION=predict", build)

    def test_a_file_a_stage_and_arguments(self):
        (self.repository / "Other").write_text("FROM scratch\n")
        self.push("movies", "v1", "--file", "Other", "--target=build", "--build-arg", "A=b c",
                  "--build-arg", "http_proxy")
        build = self.call("build")
        self.assertEqual("Other", build[build.index("--file") + 1])
        self.assertEqual("build", build[build.index("--target") + 1])
        self.assertEqual("A=b c", build[build.index("--build-arg") + 1])
        self.assertIn("http_proxy", build)

    def test_another_platform_is_another_image(self):
        self.push("movies", "--function", "predict", "--platform", "linux/arm64")
        build = self.call("build")
        self.assertEqual("linux/arm64", build[build.index("--platform") + 1])
        self.assertIn("TARGETARCH=arm64", build)
        self.assertNotIn("BUILDER", " ".join(build))  # every machine compiles that with its own programs
        self.assertTrue(build[build.index("--tag") + 1].endswith(f":{self.tag}-predict-arm64"))
        self.push("movies", "--function", "predict", "--platform=linux/amd64")
        build = self.call("build")
        self.assertTrue(build[build.index("--tag") + 1].endswith(f":{self.tag}-predict"))

    def test_another_context(self):
        (self.repository / "Other").write_text("FROM scratch\nCOPY model /\n")
        place = self.home / "place"
        place.mkdir()
        self.push("movies", "v1", "--file", "Other", "--context", str(place))
        self.assertEqual(str(place), self.call("build")[-1])
        self.plan("docker", "buildx", "version", out="github.com/docker/buildx v0.12.1\n")
        self.push("movies", "v1", "--file", "Other", f"--context={place}")
        self.assertEqual(str(place), self.call("buildx", "build")[-1])
        # Without a tag an argument names the content.
        self.push("movies", "--file", "Other", "--context", str(place), "--build-arg", "MODEL=7")
        self.assertEqual(str(place), self.call("buildx", "build")[-1])

    def test_it_runs_from_any_folder(self):
        link = self.folder / "home"
        done = subprocess.run([self.repository / "build_and_push.sh", "--help"], cwd=link, text=True,
                              capture_output=True, check=True, env={"PATH": str(self.tools)})
        self.assertIn("./build_and_push.sh [options] IMAGE-NAME [TAG]", done.stdout)
        self.assertEqual("", done.stderr)
        self.assertEqual(done.stdout, subprocess.run(
            [self.repository / "build_and_push.sh", "-h"], cwd=link, text=True, check=True,
            capture_output=True, env={"PATH": str(self.tools)}).stdout)


class Failures(PushCase):
    """Each is one sentence, status 1 (2 for wrong arguments), nothing on stdout."""

    def test_wrong_words(self):
        for words, sentence in (
                ((), "how is the image to be called?"),
                (("Movies",), '"Movies" cannot be a repository'),
                (("m",), "cannot be a repository"),
                (("-movies",), "there is no option -movies"),
                (("movies-",), "cannot be a repository"),
                (("a//b",), "cannot be a repository"),
                (("movies:v1",), "cannot be a repository"),
                (("a" * 257,), "too long"),
                (("movies", "a/b"), '"a/b" cannot be a tag'),
                (("movies", ".v1"), "cannot be a tag"),
                (("movies", "v" * 129), "cannot be a tag"),
                (("movies", "v1", "v2"), "one word too many"),
                (("movies", "--fast"), "there is no option --fast"),
                (("movies", "--region"), "--region needs a value"),
                (("movies", "--region="), "--region needs a value"),
                (("movies", "--file", "Nowhere"), "there is no Nowhere here"),
                (("movies", "--context", "nowhere"), "there is no folder nowhere"),
                (("movies", "--context", "lambda"), "--context needs a TAG or a --build-arg"),
                (("movies", "--context", "lambda", "--file", "Dockerfile"), "--context needs a TAG or"),
                (("movies", "--platform", "linux/riscv64"), '--platform is "linux/riscv64"'),
                (("movies", "--function", "nothing"), 'no function "nothing"'),
                (("movies", "--function", "aws"), 'no function "aws"'),  # a library, not a function
                (("movies", "--function", "../x"), "cannot be a function's name"),
                (("movies", "--function", "predict", "--file", "lambda/Dockerfile"), "not both")):
            self.assertIn(sentence, self.refused(*words, status=2), words)
            self.assertEqual([], [call for call in self.calls() if call[1:] not in (
                ["version", "--format", "{{.Server.Version}}"], ["buildx", "version"])
                and "get-caller-identity" not in call])

    def test_a_missing_program(self):
        for name, sentence in (("aws", "the aws CLI is not installed"), ("docker", "docker is not installed")):
            kept = (self.tools / name).read_text()
            (self.tools / name).unlink()
            self.assertIn(sentence, self.refused("movies"))
            self.assertIn(sentence, self.refused("movies", "--dry-run"))
            self.put_program(name, kept)

    def test_an_engine_that_does_not_respond(self):
        self.plan("docker", "version", "--format", status=1,
                  err="Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is it running?\n")
        self.assertRegex(self.refused("movies"), "engine does not respond: Cannot connect to the Docker daemon")
        self.assertEqual([], self.calls("aws"))

    def test_credentials(self):
        def sts_error(code, text):
            return cli_error(code, "GetCallerIdentity", text)

        for err, sentence in (
                ('\nUnable to locate credentials. You can configure credentials by running "aws configure".\n',
                 "the aws CLI has no credentials"),
                ("\nPartial credentials found in env, missing: AWS_SECRET_ACCESS_KEY\n", "has no credentials"),
                (sts_error("ExpiredToken", "The security token included in the request is expired"), "have expired"),
                ("\nThe SSO session associated with this profile has expired or is otherwise invalid.\n",
                 "have expired"),
                ("\nError loading SSO Token: Token for work does not exist\n", "have expired"),
                (sts_error("InvalidClientTokenId", "The security token included in the request is invalid."),
                 "AWS does not know these credentials"),
                (sts_error("SignatureDoesNotMatch", "Check your key"), "AWS does not know these credentials"),
                (sts_error("AccessDenied", "no"), "not allowed to find out the account: that takes sts:GetCallerIdentity"),
                ("\nThe config profile (x) could not be found\n", "no profile"),
                ('\nCould not connect to the endpoint URL: "https://sts.eu-central-1.amazonaws.com/"\n',
                 "AWS cannot be reached in eu-central-1"),
                ("something new\n", "cannot find out the account: something new"),
                ("", "it gave no reason")):
            self.plan("aws", "sts", "get-caller-identity", err=err, status=254)
            self.assertIn(sentence, self.refused("movies"))
            self.assertEqual([], [call for call in self.calls("docker") if "version" not in call])

    def test_an_invalid_account(self):
        for out in ("None\n", "", "12345\n", f"{ACCOUNT} x\n"):
            self.plan("aws", "sts", "get-caller-identity", out=out)
            self.assertIn("not twelve digits", self.refused("movies"))

    def test_no_permission(self):
        def denied(operation):
            return cli_error("AccessDeniedException", operation,
                             f"User: arn:aws:iam::{ACCOUNT}:user/a is not authorized to perform: ecr:{operation}")

        self.plan("aws", "ecr", "describe-repositories", err=NO_REPOSITORY, status=254)
        self.plan("aws", "ecr", "create-repository", err=denied("CreateRepository"), status=254)
        self.assertIn("not allowed to create the repository movies: that takes ecr:CreateRepository",
                      self.refused("movies"))
        del self.planned["aws"][:2]
        self.plan("aws", "ecr", "describe-images", err=denied("DescribeImages"), status=254)
        self.assertIn("that takes ecr:DescribeImages", self.refused("movies"))
        del self.planned["aws"][0]
        self.plan("aws", "ecr", "get-login-password", err=denied("GetAuthorizationToken"), status=254)
        self.plan("docker", "login", err="Error: Cannot perform an interactive login\n", status=1)
        self.assertIn("that takes ecr:GetAuthorizationToken", self.refused("movies"))
        self.assertNotIn("build", sum(self.calls("docker"), []))

    def test_docker_that_fails(self):
        self.plan("docker", "login", status=1,
                  err="Error response from daemon: login attempt failed with status: 400 Bad Request\n")
        self.assertIn(f"docker cannot log in to {REGISTRY}: Error response", self.refused("movies"))
        self.assertNotIn("build", sum(self.calls("docker"), []))
        del self.planned["docker"][0]
        self.plan("docker", "push", err="denied: not authorized to perform: ecr:InitiateLayerUpload\n", status=1)
        self.assertIn("could not be pushed", self.refused("movies"))
        self.plan("docker", "build", err="COPY failed\n", status=1)
        done = self.push("movies", status=1)
        self.assertIn("COPY failed\nbuild_and_push: the image could not be built", done.stderr)
        self.assertNotIn("push", [call[1] for call in self.calls("docker")])

    def test_an_invalid_digest(self):
        self.plan("aws", "ecr", "describe-images", out="None\n")
        self.assertIn("says that the digest", self.refused("movies"))


class DryRun(PushCase):
    def test_no_command_is_run(self):
        """139: no network, no account, no engine; only the presence of buildx is checked."""
        done = self.push("movies", "v1", "--dry-run")
        self.assertEqual([["docker", "buildx", "version"]], self.calls())
        self.assertIn("ecr create-repository", done.stdout)

    def test_the_printed_commands_are_the_executed_ones(self):
        """139: its lines, run as a shell script, make the same calls and print the same URI."""
        for buildx in (False, True):
            if buildx:
                self.plan("docker", "buildx", "version", out="v0.12.1\n")
            self.plan("aws", "ecr", "describe-repositories", err=NO_REPOSITORY, status=254)
            self.plan("aws", "ecr", "create-repository", out="IMMUTABLE\n")
            words = ["movies", "--function", "predict", "--build-arg", "A=it's \"b\" $c", "--profile", "p q"]
            script = self.push(*words, "--dry-run").stdout
            self.push(*words)
            looked = (["docker", "version", "--format", "{{.Server.Version}}"], ["docker", "buildx", "version"])
            real = [call for call in self.calls() if call not in looked]
            (self.folder / "calls").write_text("")
            done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True,
                                  cwd=self.repository, env={"PATH": str(self.tools), "STANDIN": str(self.folder)})
            printed = [call for call in self.calls() if call not in looked]
            self.assertEqual(sorted(real), sorted(printed))
            self.assertEqual(URI, done.stdout.splitlines()[-1] + "\n")

    def test_it_prints_shell_words(self):
        lines = self.push("movies", "--dry-run", "--build-arg", "A=b c").stdout
        self.assertIn("--build-arg 'A=b c'", lines)
        self.assertTrue(re.search(r"^docker push ", lines, re.MULTILINE))
        shlex.split(lines, comments=True)


if __name__ == "__main__":
    unittest.main()
