#!/usr/bin/env python3
"""account_standin.py: an AWS account for script/deploy and script/train-job, in a file.

It stands on PATH as `aws` (also as `curl`, and as build_and_push.sh), reads and writes
$STANDIN/account.json, and responds as the CLI would: --query by JMESPath, --output text by the
CLI's own formatter, errors in the CLI's words. Every call is appended to $STANDIN/calls, with
what it changed and the contents of the files it was given.

What goes wrong is in $STANDIN/faults.json: {"words": text in the command line, "err": text,
"status": n, "skip": so many calls succeed first, "stack": the stack's status from then on}. With
"interrupt" the call succeeds and is followed by a SIGINT, as from Ctrl-C.

A test calls it some dozens of times, so it starts quickly: as bytecode, without Python's
site, and with only those modules loaded that this call needs (deploy_case.DeployCase.put)."""

import json
import os
import signal
import sys

FOLDER = os.environ["STANDIN"]
ACCOUNT, REGION = "123456789012", "eu-central-1"
FILLED = ("EndpointImage", "PredictImage", "ModelUrl")


class Refused(Exception):
    def __init__(self, text, status=254):
        super().__init__(text)
        self.status = status


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def digest(data, name="sha256"):
    import hashlib
    return hashlib.new(name, data if isinstance(data, bytes) else data.encode()).hexdigest()


def refused(code, operation, message):
    return Refused(f"\nAn error occurred ({code}) when calling the {operation} operation: {message}")


class Account:
    def __init__(self, state, words):
        self.state, self.words, self.changes, self.kept = state, words, [], {}

    def option(self, name, default=None):
        return self.words[self.words.index(name) + 1] if name in self.words else default

    def after(self, name):
        at = self.words.index(name) + 1
        end = next((i for i in range(at, len(self.words)) if self.words[i].startswith("--")), len(self.words))
        return self.words[at:end]

    def change(self, what):
        self.changes.append(what)

    def document(self, option):
        self.kept[option] = json.loads(read(self.option(option).removeprefix("file://")))
        return self.kept[option]

    # -- sts, s3

    def sts_get_caller_identity(self):
        if not self.state["credentials"]:
            raise Refused("\nUnable to locate credentials. You can configure credentials by running \"aws configure\".", 253)
        return {"Account": ACCOUNT}

    def bucket(self, name, operation):
        if name not in self.state["buckets"]:
            raise refused("404", operation, "Not Found")
        return self.state["buckets"][name]

    def s3api_head_bucket(self):
        if self.option("--bucket") in self.state["foreign"]:
            raise refused("403", "HeadBucket", "Forbidden")
        assert self.option("--expected-bucket-owner") == ACCOUNT
        self.bucket(self.option("--bucket"), "HeadBucket")

    def s3_mb(self):
        self.state["buckets"][self.words[2].removeprefix("s3://")] = {}
        self.change("bucket")

    def s3api_get_public_access_block(self):
        self.bucket(self.option("--bucket"), "GetPublicAccessBlock")
        if self.option("--bucket") not in self.state["blocked"]:
            raise refused("NoSuchPublicAccessBlockConfiguration", "GetPublicAccessBlock",
                          "The public access block configuration was not found")
        return {"PublicAccessBlockConfiguration": {}}

    def s3api_put_public_access_block(self):
        self.bucket(self.option("--bucket"), "PutPublicAccessBlock")
        self.state["blocked"].append(self.option("--bucket"))
        self.change("access block")

    def s3api_head_object(self):
        found = self.bucket(self.option("--bucket"), "HeadObject")
        if self.option("--key") not in found:
            raise refused("404", "HeadObject", "Not Found")
        mark = self.state["marks"].get(f"{self.option('--bucket')}/{self.option('--key')}")
        return {"ETag": found[self.option("--key")], "Metadata": {"source": mark} if mark else {}}

    def s3api_list_objects_v2(self):
        found = self.bucket(self.option("--bucket"), "ListObjectsV2")
        some = [{"Key": k, "ETag": v} for k, v in sorted(found.items()) if k.startswith(self.option("--prefix"))]
        return {"Contents": some} if some else {}

    def s3api_list_object_versions(self):
        keys = sorted(self.bucket(self.option("--bucket"), "ListObjectVersions"))
        half = len(keys) // 2
        page = {"Versions": [{"Key": k, "VersionId": "v"} for k in keys[:half]],
                "DeleteMarkers": [{"Key": k, "VersionId": "d"} for k in keys[half:]]}
        return {name: some for name, some in page.items() if some}

    def s3api_delete_objects(self):
        deletion = self.document("--delete")
        for one in deletion["Objects"]:
            assert set(one) == {"Key", "VersionId"}, one
            del self.state["buckets"][self.option("--bucket")][one["Key"]]
        self.change("objects removed")
        return None

    def s3api_delete_bucket(self):
        if self.state["buckets"].pop(self.option("--bucket")):
            raise refused("BucketNotEmpty", "DeleteBucket", "The bucket you tried to delete is not empty")
        self.state["blocked"] = [b for b in self.state["blocked"] if b in self.state["buckets"]]
        self.change("bucket removed")

    def put(self, name, key, tag):
        self.state["buckets"][name][key] = tag
        marks = dict(word.split("=", 1) for word in [self.option("--metadata")] if word)
        self.state["marks"].pop(f"{name}/{key}", None)
        if marks:
            self.state["marks"][f"{name}/{key}"] = marks["source"]
        self.change(f"upload {key}")

    def s3_rm(self):
        name, _, key = self.words[2].removeprefix("s3://").partition("/")
        gone = [k for k in self.state["buckets"][name]
                if k == key or ("--recursive" in self.words and k.startswith(key))]
        for k in gone:
            del self.state["buckets"][name][k]
            self.change(f"remove {k}")

    def s3_cp(self):
        source, target = self.words[2:4]
        if "--recursive" in self.words:
            assert self.option("--exclude") == ".*" and target.endswith("/")
            name, _, folder = target.removeprefix("s3://").partition("/")
            for file in sorted(os.listdir(source)):
                if not file.startswith("."):
                    self.put(name, folder + file, digest(read(os.path.join(source, file)), "md5"))
            return
        if not target.startswith("s3://"):
            with open(target, "wb") as file:
                file.write(bytes.fromhex(self.state["tar"]))
            return
        name, _, key = source.removeprefix("s3://").partition("/")
        tag = self.bucket(name, "CopyObject")[key] if source.startswith("s3://") else \
            digest(read(source), "md5")
        name, _, key = target.removeprefix("s3://").partition("/")
        self.put(name, key, tag)

    # -- CloudFormation

    def stack(self):
        if self.state["stack"] is None:
            raise refused("ValidationError", "DescribeStacks", f"Stack with id {self.option('--stack-name')} does not exist")
        return self.state["stack"]

    def cloudformation_describe_stacks(self):
        stack = self.stack()
        return {"Stacks": [{"StackStatus": stack["status"],
                            "Parameters": [{"ParameterKey": k, "ParameterValue": v}
                                           for k, v in stack["parameters"].items()],
                            "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in self.outputs(stack).items()]}]}

    def outputs(self, stack):
        if stack["status"].startswith("ROLLBACK"):
            return {}
        name = self.option("--stack-name")
        found = {"BucketName": f"{name}-{ACCOUNT}-{REGION}", "SageMakerRoleArn": f"arn:aws:iam::{ACCOUNT}:role/r",
                 "ModelPackageGroupName": f"{name}-models"}
        if stack["parameters"].get("DataUri"):
            found["DataUri"] = stack["parameters"]["DataUri"]
        if stack["parameters"].get("TrainingNetwork") == "on":
            found["TrainingSubnets"], found["TrainingGroupId"] = "subnet-0a,subnet-1b", "sg-2c"
        if all(stack["parameters"].get(p) for p in FILLED):
            found["ApiUrl"] = f"https://abc.execute-api.{REGION}.amazonaws.com/v1"
            found["ApiKeyId"] = "keyid"
            found["ApiArn"] = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:abc/v1/POST/predict"
        return found

    def apigateway_get_api_key(self):
        assert self.option("--api-key") == "keyid"
        return {"id": "keyid", **({"value": "the-secret-key"} if "--include-value" in self.words else {})}

    def cloudformation_deploy(self):
        import re
        text = read(self.option("--template-file"))
        self.kept["template"] = digest(text)
        defaults = {}
        for part in re.split(r"\n  (?=\w+:)", text[text.index("\nParameters:"):text.index("\nRules:")])[1:]:
            found = re.search(r'Default: *("[^"]*"|[^,} \n]+)', part)
            defaults[part.partition(":")[0]] = found[1].strip('"')
        stack, name = self.state["stack"], self.option("--stack-name")
        if stack and stack["status"] == "ROLLBACK_COMPLETE":
            raise Refused("\nStack:arn is in ROLLBACK_COMPLETE state and can not be updated.", 255)
        assert self.option("--s3-bucket") in self.state["buckets"]
        given = dict(w.split("=", 1) for w in self.after("--parameter-overrides")) \
            if "--parameter-overrides" in self.words else {}
        assert set(given) <= set(defaults), given
        parameters = {**defaults, **(stack["parameters"] if stack else {}), **given}
        if parameters["Streams"] == "on" and parameters["PredictImage"]:
            assert parameters["RecommendImage"] and parameters["AggregateImage"]
            assert parameters["FeedbackImage"] or parameters["Cache"] == "off"
        if stack and stack["template"] == text and stack["parameters"] == parameters:
            print(f"No changes to deploy. Stack {name} is up to date", file=sys.stderr)
            return
        self.state["buckets"].setdefault(f"{name}-{ACCOUNT}-{REGION}", {})
        self.state["buckets"][self.option("--s3-bucket")][self.kept["template"]] = "t"
        self.state["stack"] = {"template": text, "parameters": parameters,
                               "status": "UPDATE_COMPLETE" if stack else "CREATE_COMPLETE"}
        self.change("stack")

    def cloudformation_delete_stack(self):
        if self.state["stack"] is not None and self.state["packages"]:
            self.state["stack"]["status"] = "DELETE_FAILED"
        else:
            self.state["stack"] = None
        self.change("stack removed")

    def cloudformation_wait(self):
        if self.words[2] == "stack-delete-complete" and self.state["stack"] is not None:
            raise Refused("\nWaiter StackDeleteComplete failed: terminal failure state", 255)

    def cloudformation_describe_stack_events(self):
        return {"StackEvents": [{"LogicalResourceId": "Bucket", "ResourceStatus": "CREATE_FAILED",
                                 "ResourceStatusReason": "a reason that CloudFormation gives"},
                                {"LogicalResourceId": "Api", "ResourceStatus": "CREATE_COMPLETE"}]}

    # -- SageMaker

    def sagemaker_describe_training_job(self):
        job = self.state["jobs"].get(self.option("--training-job-name"))
        if job is None:
            raise refused("ValidationException", "DescribeTrainingJob", "Requested resource not found.")
        status, secondary, message = job["to come"][0]
        if len(job["to come"]) > 1 and "SecondaryStatus" in self.option("--query"):
            del job["to come"][0]
        description = {"TrainingJobStatus": status, "SecondaryStatus": secondary,
                       "SecondaryStatusTransitions": [{"Status": secondary, "StatusMessage": message}] if message else []}
        if status == "Completed":
            description["FinalMetricDataList"] = [{"MetricName": "train:rmse", "Value": 0.75},
                                                  {"MetricName": "validation:rmse", "Value": 0.875}]
            if any(c["ChannelName"] == "current" for c in job["request"]["InputDataConfig"]):
                description["FinalMetricDataList"].append({"MetricName": "gate:promote", "Value": self.state["promote"]})
            description["ModelArtifacts"] = {"S3ModelArtifacts": job["model"]}
        if status == "Failed":
            description["FailureReason"] = "AlgorithmError: ratings.csv:41:9: rating \"4;5\" is not a number"
        return description

    def sagemaker_create_training_job(self):
        request = self.document("--cli-input-json")
        name = request["TrainingJobName"]
        assert name not in self.state["jobs"], name
        self.state["jobs"][name] = {"to come": list(self.state["training"]), "request": request,
                                    "model": f"{request['OutputDataConfig']['S3OutputPath']}{name}/output/model.tar.gz"}
        self.change("job")
        return {"TrainingJobArn": "arn"}

    def sagemaker_list_model_packages(self):
        if self.state["stack"] is None:
            raise refused("ValidationException", "ListModelPackages", "ModelPackageGroup arn does not exist.")
        return {"ModelPackageSummaryList": [
            {"ModelPackageArn": f"arn/{i}", "ModelPackageDescription": p["ModelPackageDescription"]}
            for i, p in enumerate(self.state["packages"])]}

    def sagemaker_create_model_package(self):
        self.state["packages"].append(self.document("--cli-input-json"))
        self.change("package")
        return {"ModelPackageArn": "arn"}

    def sagemaker_delete_model_package(self):
        self.state["packages"].pop()
        self.change("package removed")


def format_text(output):
    """The output as formatted by the CLI's own module. Its package would load the AWS client
    library, which takes a tenth of a second; the formatter needs only the name of str of it."""
    import importlib.machinery
    import io
    import types
    name = "awscli.compat"
    found = importlib.machinery.PathFinder.find_spec("awscli", sys.path)
    sys.modules["awscli"], sys.modules[name] = types.ModuleType("awscli"), types.ModuleType(name)
    sys.modules["awscli"].__path__ = found.submodule_search_locations
    sys.modules[name].six = types.SimpleNamespace(text_type=str)
    from awscli import text
    out = io.StringIO()
    text.format_text(output, out)
    return out.getvalue()


def aws(account, words):
    if words[:2] == ["configure", "get"]:
        return (0, account.state["region"] + "\n") if account.state["region"] else (1, "")
    if words[0] == "ecr":
        return ecr(account, words)
    output = getattr(account, "_".join(words[:2]).replace("-", "_"))()
    if output is None:
        return 0, ""
    import jmespath  # installed with the CLI
    if "--query" in words:
        output = jmespath.search(account.option("--query"), output)
    if account.option("--output") == "text":
        return 0, format_text(output) or "None\n"
    return 0, json.dumps(output, indent=4) + "\n"


def ecr(account, words):
    """The calls of build_and_push.sh, about images that docker has pushed."""
    if words[1] == "describe-repositories":
        return 0, "IMMUTABLE\n"
    if words[1] == "get-login-password":
        return 0, "password\n"
    name, tag = account.option("--repository-name"), account.option("--image-ids").removeprefix("imageTag=")
    calls = [json.loads(line)["argv"] for line in read(f"{FOLDER}/pushed").splitlines()]
    if not any(call[-1].endswith(f"/{name}:{tag}") for call in calls):
        raise refused("ImageNotFoundException", "DescribeImages", "The image does not exist")
    return 0, f"sha256:{digest(f'{name}:{tag}')}\t" \
              "application/vnd.docker.distribution.manifest.v2+json\t7000000\n"


def docker(account, words):
    if words[0] == "buildx":
        return 1, ""
    if words[0] == "login":
        sys.stdin.read()
    if words[0] == "push":
        with open(f"{FOLDER}/pushed", "a", encoding="utf-8") as pushed:
            pushed.write(json.dumps({"argv": words}) + "\n")
        account.change("image")
    return 0, "done\n"


def build_and_push(account, words):
    """Stands in for the script: an image is identified by the command's arguments."""
    if "--context" in words:
        top = account.option("--context")
        account.kept["context"] = sorted(os.path.relpath(os.path.join(at, name), top)
                                         for at, folders, files in os.walk(top) for name in folders + files)
        words = [w for w in words if w != account.option("--context")]
    image = digest(json.dumps(words))
    if image not in account.state["images"]:
        account.state["images"].append(image)
        account.change(f"image {words[-1]}")
    return 0, f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{words[-1]}@sha256:{image}\n"


def curl(account, words):
    response, status = '{"predicted_rating": 4.4}', account.state["http"]
    headers = [words[i + 1] for i, word in enumerate(words) if word == "-H"]
    headers = [read(h[1:]).strip() if h.startswith("@") else h for h in headers]
    if account.state["stack"]["parameters"].get("Access") == "key" and "x-api-key: the-secret-key" not in headers:
        response, status = '{"error":{"code":"INVALID_API_KEY","message":"Forbidden"}}', 403
    if "--output" not in words:
        return 0, response
    write(account.option("--output"), response)
    return 0, str(status)


def main():
    name, words = os.path.basename(sys.argv[0]).removesuffix(".sh"), sys.argv[1:]
    while name == "aws" and words[0] in ("--region", "--profile"):
        words = words[2:] + words[:2]
    before = read(f"{FOLDER}/account.json")
    state = json.loads(before)
    account = Account(state, words)
    status, out, err, interrupt = 0, "", "", False
    for fault in (faults := json.loads(read(f"{FOLDER}/faults.json"))):
        if fault["words"] in " ".join([name, *words]):
            fault["skip"] = fault.get("skip", 0) - 1
            write(f"{FOLDER}/faults.json", json.dumps(faults))
            if fault.get("interrupt"):
                interrupt = fault["skip"] < 0
                continue
            if fault["skip"] < 0:
                status, err = fault.get("status", 254), fault.get("err", "\nit went wrong\n")
                if fault.get("stack"):
                    state["stack"] = {"status": fault["stack"], "template": "", "parameters": {}}
                break
    else:
        try:
            status, out = {"aws": aws, "curl": curl, "docker": docker, "build_and_push": build_and_push}[name](account, words)
        except Refused as refusal:
            status, err = refusal.status, f"{refusal}\n"
    # The two commands of a pipe run at the same time: the file is replaced as a whole, and only by
    # a command that changed something.
    if state != json.loads(before):
        write(f"{FOLDER}/account.{os.getpid()}", json.dumps(state))
        os.replace(f"{FOLDER}/account.{os.getpid()}", f"{FOLDER}/account.json")
    with open(f"{FOLDER}/calls", "a", encoding="utf-8") as calls:
        calls.write(json.dumps({"argv": [name, *words], "changes": account.changes, "kept": account.kept,
                                "status": status}) + "\n")
    if interrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.killpg(0, signal.SIGINT)
    sys.stdout.write(out)
    sys.stderr.write(err)
    return status


if __name__ == "__main__":
    sys.exit(main())
