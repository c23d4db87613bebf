"""Checklist 89-93 of docs/lambda.md: deploy/template.yaml, without an account."""

import itertools
import json
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from node_sdk import why_not
from policy_rules import complaints
from programs import SOURCE
from state_machine import StateMachine
from template import FILE, FILLED, Template

PEERS = SOURCE / "tests" / "node"
SWITCHES = [dict(zip(("Endpoint", "Streams", "Cache", "Service"), values)) for values in itertools.product(
    ("none", "serverless", "instances"), ("on", "off"), ("on", "off"), ("on", "off"))]
STREAM_READS = {"kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords",
                "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:ListStreams",
                "kinesis:SubscribeToShard"}
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
NETWORK = {"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"}


def validate(*files):
    why = why_not()
    if why:
        raise unittest.SkipTest(why)
    done = subprocess.run(["node", PEERS / "template.js", *files], capture_output=True, text=True, timeout=300,
                          check=False, cwd=PEERS)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def bad(diagnostics):
    """The findings except remarks. W9003: a parameter's text is taken for a number. W8003: two
    parameters are taken for texts that are never equal."""
    return {d["rule"]: d["message"] for d in diagnostics
            if d["severity"] != "INFO" and d["rule"] not in ("W9003", "W8003")}


# (text, replacement, the rule that finds it)
MISTAKES = (
    ("a property that does not exist", "      TracingEnabled: !If", "      TracingEnbled: !If", "F3002"),
    ("a type that does not exist", "Type: AWS::Kinesis::Stream\n", "Type: AWS::Kinesis::Strean\n", "F3006"),
    ("a reference to nothing", "DeploymentId: !Ref ApiDeployment", "DeploymentId: !Ref ApiDeploiment", "F1020"),
    ("an attribute that does not exist", "!GetAtt Model.ModelName", "!GetAtt Model.ModelNane", "E9004"),
    ("a name in a text that does not exist", "${PredictFunction.Arn}/invocations", "${PredictFunktion.Arn}/invocations",
     "F1018"),
    ("a required property left out", "      Code: {ImageUri: !Ref RecommendImage}\n", "", "F3003"),
    ("a value of the wrong type", "BatchSize: 100\n", "BatchSize: thousand\n", "F3012"),
    ("a number out of its range", "BatchSize: 100\n", "BatchSize: 100000\n", "F3034"),
    ("a word that is not among those allowed", "StartingPosition: TRIM_HORIZON", "StartingPosition: TRIM", "F3031"),
    ("two resources that wait for each other", "  PredictLogs:\n    Type: AWS::Logs::LogGroup\n",
     "  PredictLogs:\n    Type: AWS::Logs::LogGroup\n    DependsOn: PredictFunction\n", "F3004"),
    ("YAML that is none", "Outputs:\n", "Outputs:\n  - [\n", "F1101"),
    ("a policy that is none", 'Action: ["sagemaker:InvokeEndpoint"]', 'Actions: ["sagemaker:InvokeEndpoint"]', "E3510"),
)


def nag(resource):
    """The rules of cfn_nag that a resource breaks, of those that concern kinds in this file. A value
    that depends on a condition counts as set, as in cfn_nag."""
    kind, properties = resource["Type"].removeprefix("AWS::"), resource.get("Properties", {})
    text = json.dumps(properties)
    egress, ingress = (properties.get(f"SecurityGroup{way}", []) for way in ("Egress", "Ingress"))
    rules = {
        "F1000": kind == "EC2::SecurityGroup" and not egress,
        "W5": kind == "EC2::SecurityGroup" and any(r.get("CidrIp") == "0.0.0.0/0" for r in egress),
        "W9": kind == "EC2::SecurityGroup" and any(not r.get("CidrIp", "/32").endswith("/32") for r in ingress),
        "W11": kind == "IAM::Role" and '"Resource": ["*"]' in text,
        "W27": kind == "EC2::SecurityGroupIngress" and properties["FromPort"] != properties["ToPort"],
        "W29": kind == "EC2::SecurityGroupEgress" and properties["FromPort"] != properties["ToPort"],
        "W28": kind in ("ECR::Repository", "Kinesis::Stream", "DynamoDB::Table") and
               bool({"RepositoryName", "Name", "TableName"} & set(properties)),
        "W35": kind == "S3::Bucket" and "LoggingConfiguration" not in properties,
        "W41": kind == "S3::Bucket" and "BucketEncryption" not in properties,
        "W47": kind == "SNS::Topic" and "KmsMasterKeyId" not in properties,
        "W48": kind == "SQS::Queue" and "KmsMasterKeyId" not in properties,
        "W49": kind == "Kinesis::Stream" and "StreamEncryption" not in properties,
        "W52": kind == "ElasticLoadBalancingV2::LoadBalancer" and "access_logs.s3.enabled" not in text,
        "W56": kind == "ElasticLoadBalancingV2::Listener" and properties.get("Protocol") == "HTTP",
        "W59": kind == "ApiGateway::Method" and properties["AuthorizationType"] == "NONE" and properties["HttpMethod"] != "OPTIONS",
        "W60": kind == "EC2::VPC",
        "W69": kind == "ApiGateway::Stage" and "AccessLogSetting" not in properties,
        "W77": kind == "SecretsManager::Secret" and "KmsKeyId" not in properties,
        "W78": kind == "DynamoDB::Table" and "PointInTimeRecoverySpecification" not in properties,
        "W84": kind == "Logs::LogGroup" and "KmsKeyId" not in properties,
        "W86": kind == "Logs::LogGroup" and "RetentionInDays" not in properties,
        "W89": kind == "Lambda::Function" and "VpcConfig" not in properties,
        "W92": kind == "Lambda::Function" and "ReservedConcurrentExecutions" not in properties,
    }
    return {rule for rule, broken in rules.items() if broken}


def lint(*files):
    """What cfn-lint finds; None where it is not installed."""
    if shutil.which("cfn-lint") is None:
        return None
    done = subprocess.run(["cfn-lint", "--format", "parseable", *files], capture_output=True, text=True, timeout=300, check=False)
    if "command not found" in done.stderr:  # a version manager's wrapper
        return None
    return (done.stdout + done.stderr).splitlines()


class Validator(unittest.TestCase):
    def test_cfn_lint_finds_nothing(self):
        found = lint(FILE)
        if found is None:
            self.skipTest("cfn-lint is not installed")
        self.assertEqual([], found)
        with tempfile.TemporaryDirectory() as folder:
            wrong = Path(folder) / "wrong.yaml"
            wrong.write_text(FILE.read_text().replace("      EnableKeyRotation: true", "      EnableKeyRotations: true"))
            self.assertNotEqual([], lint(wrong))

    def test_the_template_has_no_error(self):
        """89: by AWS's own validator: every type, property, reference."""
        (diagnostics,) = validate(FILE)
        self.assertEqual({}, bad(diagnostics))
        self.assertGreater(len(diagnostics), 20, "what it only remarks")

    def test_each_of_twelve_mistakes_is_caught(self):
        """89: the check of the test above finds each."""
        text = FILE.read_text()
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for n, (what, old, new, _) in enumerate(MISTAKES):
                self.assertIn(old, text, what)
                files.append(Path(folder) / f"{n}.yaml")
                files[-1].write_text(text.replace(old, new, 1))
            found = validate(*files)
        for (what, _, _, rule), diagnostics in zip(MISTAKES, found):
            with self.subTest(what):
                self.assertIn(rule, bad(diagnostics))


class Meaning(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.template = Template()
        cls.all = cls.template.stack(Endpoint="instances", Streams="on", Cache="on", Service="on", Archive="on",
                                     Retrain="nightly")

    def stacks(self):
        for filled, switches in itertools.product((False, True), SWITCHES):
            for watch in ("on", "off"):
                yield self.template.stack(filled, Watch=watch, **switches)
        for filled, endpoint, streams in itertools.product((False, True), ("none", "instances"), ("on", "off")):
            yield self.template.stack(filled, Endpoint=endpoint, Streams=streams, Archive="on", Retrain="weekly")
        for filled, cache, where in itertools.product((False, True), ("on", "off"), ("", "s3://lake/ratings/")):
            yield self.template.stack(filled, TrainingNetwork="on", Cache=cache, Retrain="nightly", DataUri=where)

    def test_nothing_refers_to_a_resource_that_a_choice_leaves_out(self):
        """With any switches, before and after there is a model."""
        for stack in self.stacks():
            with self.subTest(**{k: v for k, v in stack.parameters.items() if k not in FILLED}):
                for name, resource in stack.resources.items():
                    stack.value(resource.get("Properties", {}))
                    needed = resource.get("DependsOn", [])
                    stack.value(resource.get("Metadata", {}))
                    for other in [needed] if isinstance(needed, str) else needed:
                        self.assertIn(other, stack.resources, name)
                for output in self.template.whole["Outputs"].values():
                    if "Condition" not in output or stack.holds({"Condition": output["Condition"]}):
                        stack.value(output["Value"])

    def test_before_there_is_a_model_nothing_costs_while_idle(self):
        kinds = {r["Type"] for r in self.template.stack(False, Endpoint="instances", Streams="on", Cache="on",
                                                        Service="on").resources.values()}
        self.assertEqual({"AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::ECR::Repository", "AWS::IAM::Role",
                          "AWS::SageMaker::ModelPackageGroup", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::Events::Rule",
                          "AWS::Logs::LogGroup", "AWS::Logs::ResourcePolicy", "AWS::CloudWatch::Alarm"}, kinds)

    def test_the_smallest_stack_has_nothing_that_runs_by_the_hour(self):
        kinds = {r["Type"] for r in self.template.stack().resources.values()}
        for kind in ("AWS::SageMaker::Endpoint", "AWS::Kinesis::Stream", "AWS::ElastiCache::ReplicationGroup",
                     "AWS::EC2::VPCEndpoint", "AWS::ECS::Service", "AWS::ElasticLoadBalancingV2::LoadBalancer"):
            self.assertNotIn(kind, kinds)
        self.assertIn("AWS::ApiGateway::RestApi", kinds)

    def test_parameters_are_described_and_have_defaults(self):
        for name, parameter in self.template.parameters.items():
            self.assertIn("Default", parameter, name)
            self.assertGreater(len(parameter["Description"]), 10, name)
        grouped = [p for group in self.template.whole["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
                   for p in group["Parameters"]]
        self.assertEqual(sorted(self.template.parameters), sorted(grouped))

    # -- policies

    def test_no_policy_breaks_a_rule(self):
        """90: least privilege, with any switches."""
        for stack in self.stacks():
            self.assertEqual([], complaints(stack), stack.parameters)
        for more in ({"DataUri": "s3://lake/ratings/"}, {"AlarmEmail": "a@example.com"}, {"AccessLogs": "on"}, {"CapturePercent": 5}):
            self.assertEqual([], complaints(self.template.stack(Endpoint="instances", Service="on", **more)), more)
        for name in ("Tracing", "Access", "ApiLogsRole"):
            for value in self.template.parameters[name]["AllowedValues"]:
                self.assertEqual([], complaints(self.template.stack(Streams="on", **{name: value})), (name, value))

    def test_each_rule_is_broken_by_a_mistake(self):
        """90: the rules find it."""
        for old, new, complaint in (
                ('Action: ["sagemaker:InvokeEndpoint"]', 'Action: ["sagemaker:*"]',
                 "PredictRole, AskTheEndpoint: the action sagemaker:*"),
                ('Action: ["s3:GetObject"]', 'Action: ["*"]', "TrainingRole, ReadDataAndModels: the action *"),
                ('Action: ["sqs:SendMessage"]', 'NotAction: ["sqs:SendMessage"]',
                 "RecommendRole, LeaveFailedBatches: says what"),
                ('Action: ["sqs:SendMessage"]\n                Resource: [!GetAtt FailedBatches.Arn]',
                 'Action: ["sqs:SendMessage"]\n                Resource: ["*"]', "every resource for sqs:SendMessage"),
                ("Resource: [!GetAtt Windows.Arn]", 'Resource: ["arn:aws:dynamodb:*:*:table/*"]',
                 "AggregateRole, AddToWindows: the resource"),
                ("endpoint/${AWS::StackName}-${Endpoint}\"]", "endpoint/*\"]",
                 "PredictRole, AskTheEndpoint: the resource"),
                ("Principal: {Service: lambda.amazonaws.com}, Action", 'Principal: {AWS: "*"}, Action',
                 "PredictRole, trust: is assumed by"),
                ('            Action: "sts:AssumeRole"\n            Condition: {StringEquals: {"aws:SourceAccount": !Ref "AWS::AccountId"}}\n',
                 '            Action: "sts:AssumeRole"\n', "TrainingRole, trust: is assumed by SageMaker on behalf of any account"),
                ('          - Sid: PutPredictions\n            Effect: Allow\n            Principal: "*"\n            Action: ["kinesis:PutRecords"]',
                 '          - Sid: PutPredictions\n            Effect: Allow\n            Principal: "*"\n            Action: ["kinesis:*"]',
                 "KinesisDoor, PutPredictions: the action kinesis:*"),
                ('            Condition: {StringEquals: {"aws:PrincipalAccount": !Ref "AWS::AccountId"}}\n', "",
                 "S3Door, ReadModels: lets other accounts through"),
                ('            Principal: {Service: cloudwatch.amazonaws.com}\n            Action: ["sns:Publish"]',
                 '            Principal: "*"\n            Action: ["sns:Publish"]', "AlarmTopicPolicy, AlarmsOfThisAccount: lets * in"),
                ("policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs", "policy/AdministratorAccess",
                 "ApiLogsWriter, managed"),
                ("                Condition: {StringLike: {\"cloudwatch:namespace", "                # {\"cloudwatch:namespace",
                 "metrics of every namespace"),
                ("            Effect: Deny\n", "            Effect: Allow\n", "BucketPolicy, OnlyByTls: lets * in"),
                ('"aws:sourceArn": !Sub', '"aws:tag": !Sub',
                 "PredictRepository, LambdaECRImageRetrievalPolicy: admits a service"),
                ("${AWS::AccountId}:${Api}/*/*/predict", "*:*", "MayCallPredict, permission"),
                ("  AlarmTopic:\n", '  Extra: {Type: "AWS::IAM::ManagedPolicy", Properties: {}}\n  AlarmTopic:\n',
                 "beside a role")):
            with self.subTest(complaint):
                text = FILE.read_text()
                self.assertIn(old, text)
                found = complaints(Template(text.replace(old, new, 1)).stack(
                    Endpoint="instances", Streams="on", Cache="on", Service="on"))
                self.assertEqual(1, len([c for c in found if complaint in c]), found)

    def actions(self, role, stack):
        statements = stack.value(self.template.resources[role]["Properties"])["Policies"][0]["PolicyDocument"]
        return {action for statement in statements["Statement"] for action in statement["Action"]}

    def test_each_function_has_exactly_the_permissions_of_its_calls(self):
        """90."""
        usual = LOGS
        reads = STREAM_READS | {"sqs:SendMessage"}
        for switches in SWITCHES:
            stack = self.template.stack(**switches)
            needed = {"sagemaker:InvokeEndpoint"} if switches["Endpoint"] != "none" else {"s3:GetObject"}
            self.assertEqual(usual | needed | {"s3:GetObject"}, self.actions("PredictRole", stack))
            if switches["Streams"] == "off":
                continue
            network = NETWORK if "on" in (switches["Cache"], switches["Service"]) else set()
            secret = {"secretsmanager:GetSecretValue"} if switches["Cache"] == "on" else set()
            self.assertEqual(usual | reads | network | secret | {"kinesis:PutRecords"} |
                             (needed if switches["Service"] == "off" else set()), self.actions("RecommendRole", stack))
            self.assertEqual(usual | reads | {"dynamodb:UpdateItem", "dynamodb:BatchWriteItem"},
                             self.actions("AggregateRole", stack))
            if secret:
                self.assertEqual(usual | reads | network | secret | {"kinesis:PutRecords"},
                                 self.actions("FeedbackRole", stack))
        traced = self.template.stack(Streams="on", Cache="on", Tracing="on")
        for role in ("PredictRole", "RecommendRole", "AggregateRole", "FeedbackRole"):
            self.assertLessEqual(TRACES, self.actions(role, traced))

    def test_training_reads_data_and_serving_only_models(self):
        """90."""
        always = {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListBucket", "s3:GetBucketLocation",
                  "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability",
                  "ecr:GetAuthorizationToken", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
                  "logs:DescribeLogStreams", "cloudwatch:PutMetricData"}
        for role in ("TrainingRole", "ServingRole"):
            self.assertEqual(always, self.actions(role, self.template.stack(False)))
            self.assertEqual(always, self.actions(role, self.template.stack(Endpoint="serverless")))
        instances = self.template.stack(Endpoint="instances")
        self.assertEqual(always, self.actions("TrainingRole", instances))
        self.assertEqual(always | {"cloudwatch:DescribeAlarms"}, self.actions("ServingRole", instances))
        places = {}
        for role in ("TrainingRole", "ServingRole"):
            (policy,) = self.all.value(self.template.resources[role]["Properties"])["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]:
                for action in {"s3:GetObject", "s3:PutObject"} & set(statement["Action"]):
                    places[role, action] = {r.partition("/")[2] for r in statement["Resource"]}
        self.assertEqual({("TrainingRole", "s3:GetObject"): {"data/*", "models/*", "checkpoints/*"},
                          ("TrainingRole", "s3:PutObject"): {"models/*", "checkpoints/*"},
                          ("ServingRole", "s3:GetObject"): {"models/*", "batch/*"}, ("ServingRole", "s3:PutObject"): {"batch/*"}}, places)
        self.assertEqual("<ServingRole.Arn>", self.all.value(self.template.resources["Model"]["Properties"])["ExecutionRoleArn"])
        outputs = self.template.whole["Outputs"]
        self.assertEqual(("<TrainingRole.Arn>", "<ServingRole.Arn>"), tuple(
            self.all.value(outputs[n]["Value"]) for n in ("SageMakerRoleArn", "ServingRoleArn")))

    def test_a_model_has_no_network_where_aws_offers_that(self):
        """Not for serverless endpoints."""
        for endpoint, expected in (("instances", True), ("serverless", None)):
            stack = self.template.stack(Endpoint=endpoint)
            self.assertEqual(expected, stack.value(stack.resources["Model"]["Properties"]).get("EnableNetworkIsolation"))

    def test_requests_are_captured_when_that_is_set(self):
        for parameters, captured in (({}, False), ({"CapturePercent": 20}, True), ({"CapturePercent": 20, "Endpoint": "serverless"}, False)):
            stack = self.template.stack(**{"Endpoint": "instances", **parameters})
            config = stack.value(stack.resources["EndpointConfiguration"]["Properties"]).get("DataCaptureConfig")
            role = stack.value(stack.resources["ServingRole"]["Properties"])["Policies"][0]["PolicyDocument"]["Statement"]
            self.assertEqual(captured, any(s["Sid"] == "WriteCapturedRequests" for s in role))
            self.assertEqual(captured, config is not None)
            if captured:
                self.assertEqual((20, "s3://<Bucket>/captured"), (config["InitialSamplingPercentage"], config["DestinationS3Uri"]))
        rules = self.all.value(self.template.resources["Bucket"]["Properties"])["LifecycleConfiguration"]["Rules"]
        self.assertEqual([30], [r["ExpirationInDays"] for r in rules if r.get("Prefix") == "captured/"])

    def test_access_logs_go_to_a_bucket_of_their_own_when_that_is_set(self):
        on = self.template.stack(Service="on", AccessLogs="on")
        off = self.template.stack(Service="on")
        self.assertEqual([], complaints(on))
        self.assertEqual({"AccessLogsBucket", "AccessLogsPolicy"}, set(on.resources) - set(off.resources))
        for stack, logging, attributes in ((off, None, {"access_logs.s3.enabled": "false"}), (
                on, {"DestinationBucketName": "<AccessLogsBucket>", "LogFilePrefix": "bucket/"},
                {"access_logs.s3.enabled": "true", "access_logs.s3.bucket": "<AccessLogsBucket>", "access_logs.s3.prefix": "balancer"})):
            self.assertEqual(logging, stack.value(stack.resources["Bucket"]["Properties"]).get("LoggingConfiguration"))
            found = {a["Key"]: a["Value"] for a in stack.value(stack.resources["Balancer"]["Properties"])["LoadBalancerAttributes"]}
            self.assertEqual(attributes, {k: v for k, v in found.items() if k.startswith("access_logs")})
        self.assertEqual("<AccessLogsPolicy>", on.value(on.resources["Balancer"]["Metadata"]["After"]))
        written = {s["Principal"]["Service"]: s["Resource"] for s in on.value(on.resources["AccessLogsPolicy"]["Properties"])
                   ["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"}
        self.assertEqual({"logging.s3.amazonaws.com": ["<AccessLogsBucket.Arn>/bucket/*"],
                          "logdelivery.elasticloadbalancing.amazonaws.com": ["<AccessLogsBucket.Arn>/balancer/*"]}, written)

    def test_alarms_are_encrypted_and_published_by_tls_alone(self):
        told = self.template.stack(AlarmEmail="a@example.com")
        self.assertEqual([], complaints(told))
        self.assertEqual("<AlarmKey>", told.value(told.resources["AlarmTopic"]["Properties"])["KmsMasterKeyId"])
        key = told.value(told.resources["AlarmKey"]["Properties"])
        self.assertIs(True, key["EnableKeyRotation"])
        (publisher,) = (s for s in key["KeyPolicy"]["Statement"] if "Service" in s["Principal"])
        self.assertEqual(("cloudwatch.amazonaws.com", {"kms:Decrypt", "kms:GenerateDataKey"}),
                         (publisher["Principal"]["Service"], set(publisher["Action"])))
        self.assertNotIn("AlarmKey", self.template.stack().resources, "without a subscriber nothing is stored")
        for name in ("AlarmTopicPolicy", "FailedBatchesPolicy", "BucketPolicy"):
            denied = [s for s in self.all.value(self.template.resources[name]["Properties"])["PolicyDocument"]["Statement"]
                      if s["Effect"] == "Deny"]
            self.assertEqual([({"Bool": {"aws:SecureTransport": "false"}}, "*")], [(s["Condition"], s["Principal"]) for s in denied], name)

    def test_what_may_leave_each_security_group(self):
        """Without a rule AWS would let everything out."""
        nothing = {(1, "127.0.0.1/32")}
        aws, cache, balancer = (443, "0.0.0.0/0"), (6379, "10.0.0.0/16"), (80, "10.0.0.0/16")
        for switches in SWITCHES:
            stack = self.template.stack(**switches)
            has_cache, has_service = switches["Cache"] == "on", switches["Service"] == "on"
            expected = {"FunctionGroup": {aws} | ({cache} if has_cache else set()) | ({balancer} if has_service else set()),
                        "DoorGroup": nothing, "CacheGroup": nothing, "BalancerGroup": {(8080, "10.0.0.0/16")},
                        "ServiceGroup": {aws} | ({cache} if has_cache else set())}
            for name, resource in stack.resources.items():
                if resource["Type"] == "AWS::EC2::SecurityGroup":
                    rules = stack.value(resource["Properties"])["SecurityGroupEgress"]
                    self.assertEqual({"tcp"}, {r["IpProtocol"] for r in rules}, name)
                    self.assertEqual(expected[name], {(r["FromPort"], r["CidrIp"]) for r in rules}, (name, switches))
                    self.assertTrue(all(r["FromPort"] == r["ToPort"] and r["Description"] for r in rules), name)

    def test_training_in_the_network_reaches_its_own_instances_and_s3(self):
        """Of one job: all ports of TCP among themselves, which MPI needs. Nothing of it costs while idle."""
        for filled, more in ((False, {}), (True, {"Retrain": "nightly"}), (True, {"Cache": "on", "Retrain": "nightly"})):
            stack = self.template.stack(filled, TrainingNetwork="on", **more)
            of = {name: stack.value(resource["Properties"]) for name, resource in stack.resources.items()
                  if resource["Type"].startswith("AWS::EC2::")}
            self.assertEqual([(443, 443, "0.0.0.0/0")], [(r["FromPort"], r["ToPort"], r["CidrIp"])
                                                         for r in of["TrainingGroup"]["SecurityGroupEgress"]])
            for rule, peer in (("TrainingIn", "SourceSecurityGroupId"), ("TrainingOut", "DestinationSecurityGroupId")):
                self.assertEqual({"GroupId": "<TrainingGroup>", peer: "<TrainingGroup>", "IpProtocol": "tcp", "FromPort": 0,
                                  "ToPort": 65535}, {k: v for k, v in of[rule].items() if k != "Description"})
            # What the role may do with S3 passes the endpoint as well.
            passes = [(set(s["Action"]), set(s["Resource"])) for s in of["S3Door"]["PolicyDocument"]["Statement"]]
            (policy,) = stack.value(stack.resources["TrainingRole"]["Properties"])["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]:
                for action, resource in itertools.product(statement["Action"], statement["Resource"]):
                    if action.startswith("s3:"):
                        self.assertTrue(any(action in actions and resource in there for actions, there in passes),
                                        (action, resource))
            self.assertIn("ec2:CreateNetworkInterfacePermission", self.actions("TrainingRole", stack))
            outputs = self.template.whole["Outputs"]
            self.assertEqual(("<SubnetA>,<SubnetB>", "<TrainingGroup>"), tuple(
                stack.value(outputs[name]["Value"]) for name in ("TrainingSubnets", "TrainingGroupId")))
            if "Cache" not in more:
                self.assertEqual({"S3Door"}, {name for name, r in stack.resources.items()
                                              if r["Type"] == "AWS::EC2::VPCEndpoint"})
                self.assertNotIn("FunctionGroup", of)
            if filled:
                train = stack.value(stack.resources["RetrainMachine"]["Properties"])["Definition"]["States"]["Train"]
                self.assertEqual({"Subnets": ["<SubnetA>", "<SubnetB>"], "SecurityGroupIds": ["<TrainingGroup>"]},
                                 train["Parameters"]["VpcConfig"])
        self.assertNotIn("TrainingGroup", self.all.resources)

    def test_tasks_run_unprivileged_without_capabilities(self):
        (container,) = self.all.value(self.template.resources["ServiceTask"]["Properties"])["ContainerDefinitions"]
        self.assertEqual("65534:65534", container["User"])
        self.assertEqual(["ALL"], container["LinuxParameters"]["Capabilities"]["Drop"])
        self.assertIs(True, container["ReadonlyRootFilesystem"])

    def test_what_cfn_nag_finds_is_accepted_with_a_reason(self):
        """Its rules that concern this file (nag below), against the rules that the file suppresses: no
        finding without a reason, no reason without a finding."""
        found, accepted = set(), {}
        for name, resource in self.template.resources.items():
            found |= {(name, rule) for rule in nag(resource)}
            for rule in resource.get("Metadata", {}).get("cfn_nag", {}).get("rules_to_suppress", []):
                accepted[name, rule["id"]] = rule["reason"]
        self.assertEqual(found, set(accepted))
        self.assertGreater(len(accepted), 30)
        for where, reason in accepted.items():
            self.assertGreater(len(reason), 20, where)

    def test_the_endpoint_scales_unless_it_has_one_size(self):
        """Burstable instances have one size: AWS does not scale them."""
        for most, scales in ((4, True), (1, False)):
            stack = self.template.stack(Endpoint="instances", MaxInstances=most)
            self.assertEqual(scales, "EndpointScaling" in stack.resources)
            self.assertEqual(scales, "EndpointScalingPolicy" in stack.resources)
        self.assertNotIn("ml.t", self.template.parameters["InstanceType"]["Default"])
        stack = self.template.stack(Endpoint="instances")
        target, policy = (stack.value(stack.resources[n]["Properties"]) for n in ("EndpointScaling", "EndpointScalingPolicy"))
        name = stack.value(stack.resources["SageMakerEndpoint"]["Properties"])["EndpointName"]
        (variant,) = stack.value(stack.resources["EndpointConfiguration"]["Properties"])["ProductionVariants"]
        self.assertEqual((f"endpoint/{name}/variant/{variant['VariantName']}", "sagemaker:variant:DesiredInstanceCount", 1, 4),
                         tuple(target[p] for p in ("ResourceId", "ScalableDimension", "MinCapacity", "MaxCapacity")))
        tracking = policy["TargetTrackingScalingPolicyConfiguration"]
        self.assertEqual(("SageMakerVariantInvocationsPerInstance", 60000), (
            tracking["PredefinedMetricSpecification"]["PredefinedMetricType"], tracking["TargetValue"]))

    def test_an_update_leaves_the_service_at_the_size_that_scaling_gave_it(self):
        """§8.20"""
        stack = self.template.stack(Service="on", ServiceTasks=3, ServiceTasksMax=9)
        self.assertNotIn("DesiredCount", stack.resources["CachedRoute"]["Properties"])
        scaling = stack.value(stack.resources["ServiceScaling"]["Properties"])
        self.assertEqual((3, 9, "service/<Cluster>/<CachedRoute.Name>", "ecs:service:DesiredCount"), tuple(scaling[p] for p in (
            "MinCapacity", "MaxCapacity", "ResourceId", "ScalableDimension")))

    def test_lambda_may_pull_the_images_of_its_functions_and_of_no_others(self):
        """90."""
        allowed = {}
        for name, repository in self.properties("AWS::ECR::Repository"):
            if "RepositoryPolicyText" in repository:
                (statement,) = repository["RepositoryPolicyText"]["Statement"]
                self.assertEqual({"Service": "lambda.amazonaws.com"}, statement["Principal"])
                allowed[name] = statement["Condition"]["StringLike"]["aws:sourceArn"].rpartition(":")[2]
        self.assertEqual({f"{n}Repository": f"my-rec-{n.lower()}" for n in ("Predict", "Recommend", "Aggregate", "Feedback")},
                         allowed)
        self.assertEqual(set(allowed.values()), {f["FunctionName"] for _, f in self.properties("AWS::Lambda::Function")})

    # -- images, functions, mappings

    def test_images_are_given_by_digest(self):
        """91."""
        for name, parameter in self.template.parameters.items():
            if name.endswith("Image"):
                self.assertRegex(FILLED[name], parameter["AllowedPattern"])
                self.assertNotRegex("1.dkr.ecr.eu-central-1.amazonaws.com/x:latest", parameter["AllowedPattern"])
        for name, function in self.template.of_type("AWS::Lambda::Function").items():
            self.assertEqual("Image", function["Properties"]["PackageType"], name)
            config = function["Properties"].get("ImageConfig")
            if config is not None:
                self.assertTrue(all(config[k] for k in ("EntryPoint", "Command", "WorkingDirectory")), name)

    def test_the_function_of_the_api_ends_before_the_apis_timeout(self):
        """92."""
        self.assertLessEqual(self.template.resources["PredictFunction"]["Properties"]["Timeout"], 29)

    def test_the_mappings_lose_nothing_and_do_not_block(self):
        """92."""
        mappings = {name: self.all.value(m["Properties"])
                    for name, m in self.template.of_type("AWS::Lambda::EventSourceMapping").items()}
        self.assertEqual({"RecommendMapping", "AggregateMapping", "FeedbackMapping"}, set(mappings))
        for name, mapping in mappings.items():
            feeds = name == "FeedbackMapping"  # at once, and as long as the stream keeps records
            self.assertEqual(0 if feeds else 1, mapping["MaximumBatchingWindowInSeconds"], name)
            self.assertGreater(mapping["MaximumRecordAgeInSeconds"], 0, name)
            self.assertEqual(["ReportBatchItemFailures"], mapping["FunctionResponseTypes"], name)
            self.assertEqual("<FailedBatches.Arn>", mapping["DestinationConfig"]["OnFailure"]["Destination"], name)
            self.assertEqual("TRIM_HORIZON", mapping["StartingPosition"], name)
            self.assertEqual((100, -1 if feeds else 3, True), tuple(mapping[p] for p in (
                "BatchSize", "MaximumRetryAttempts", "BisectBatchOnFunctionError")), name)
        stream = self.template.resources["EventsStream"]["Properties"]
        self.assertEqual(24, stream["RetentionPeriodHours"])
        self.assertEqual(24 * 3600, mappings["FeedbackMapping"]["MaximumRecordAgeInSeconds"])
        self.assertEqual(30, mappings["AggregateMapping"]["TumblingWindowInSeconds"])
        self.assertNotIn("TumblingWindowInSeconds", mappings["RecommendMapping"])

    # -- data

    def properties(self, kind):
        for name, resource in self.template.of_type(kind).items():
            yield name, self.all.value(resource["Properties"])

    def test_the_cache_speaks_tls_inside_the_network(self):
        """93."""
        for name, cache in self.properties("AWS::ElastiCache::ReplicationGroup"):
            self.assertIs(True, cache["TransitEncryptionEnabled"], name)
            self.assertIs(True, cache["AtRestEncryptionEnabled"], name)
            self.assertIn("resolve:secretsmanager", cache["AuthToken"], name)
            self.assertEqual(["<CacheGroup>"], cache["SecurityGroupIds"], name)
        for function in ("RecommendFunction",):
            variables = self.all.environment(function)
            self.assertEqual("true", variables["REDIS_TLS"])
        rules = self.all.value(self.template.resources["CacheGroup"]["Properties"])["SecurityGroupIngress"]
        self.assertEqual({"<FunctionGroup>", "<ServiceGroup>"}, {r["SourceSecurityGroupId"] for r in rules})
        for name, subnet in self.properties("AWS::EC2::Subnet"):
            self.assertIs(False, subnet["MapPublicIpOnLaunch"], name)
        self.assertEqual({}, self.template.of_type("AWS::EC2::InternetGateway"))

    def test_the_bucket_is_private_encrypted_and_versioned(self):
        """93."""
        for name, bucket in self.properties("AWS::S3::Bucket"):
            self.assertEqual({True}, set(bucket["PublicAccessBlockConfiguration"].values()), name)
            self.assertEqual(4, len(bucket["PublicAccessBlockConfiguration"]), name)
            self.assertEqual("Enabled", bucket["VersioningConfiguration"]["Status"], name)
            self.assertIn("BucketEncryption", bucket, name)

    def test_repositories_scan_images_are_immutable_and_delete_old_ones(self):
        found = dict(self.properties("AWS::ECR::Repository"))
        self.assertEqual(6, len(found))
        for name, repository in found.items():
            self.assertIs(True, repository["ImageScanningConfiguration"]["ScanOnPush"], name)
            self.assertEqual("IMMUTABLE", repository["ImageTagMutability"], name)
            (rule,) = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
            self.assertEqual(("imageCountMoreThan", "expire"), (rule["selection"]["countType"], rule["action"]["type"]), name)

    def test_the_network_has_an_endpoint_for_each_service_that_is_called_from_it(self):
        """And no other route out of it."""
        for switches in SWITCHES:
            stack = self.template.stack(**switches)
            endpoints = {}
            for name, resource in stack.resources.items():
                if resource["Type"] == "AWS::EC2::VPCEndpoint":
                    endpoint = stack.value(resource["Properties"])
                    endpoints[endpoint["ServiceName"].removeprefix("com.amazonaws.eu-central-1.")] = name
                    if endpoint["VpcEndpointType"] == "Interface":
                        self.assertIs(True, endpoint["PrivateDnsEnabled"], name)
                        self.assertEqual((["<SubnetA>", "<SubnetB>"], ["<DoorGroup>"]),
                                         (endpoint["SubnetIds"], endpoint["SecurityGroupIds"]), name)
            on = {name for name, value in switches.items() if value == "on"}
            wanted = set()
            if {"Cache", "Service"} & on:
                wanted.add("s3")  # the model; the layers of an image
                if "Streams" in on:
                    wanted.add("kinesis-streams")
                    if "Service" not in on and switches["Endpoint"] != "none":
                        wanted.add("sagemaker.runtime")
            if "Service" in on:
                wanted |= {"logs", "ecr.api", "ecr.dkr"}
            if "Cache" in on and {"Streams", "Service"} & on:
                wanted.add("secretsmanager")  # the password of the cache
            self.assertEqual(wanted, set(endpoints), switches)

    def test_the_balancer_of_the_service_is_internal(self):
        balancer = self.all.value(self.template.resources["Balancer"]["Properties"])
        self.assertEqual("internal", balancer["Scheme"])
        for group, sources in (("BalancerGroup", {"10.0.0.0/16"}), ("ServiceGroup", {"<BalancerGroup>"})):
            rules = self.all.value(self.template.resources[group]["Properties"])["SecurityGroupIngress"]
            self.assertEqual(sources, {r.get("CidrIp") or r["SourceSecurityGroupId"] for r in rules})
        service = self.all.value(self.template.resources["CachedRoute"]["Properties"])
        self.assertEqual("DISABLED", service["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"])
        self.assertEqual((100, 200), tuple(service["DeploymentConfiguration"][p] for p in ("MinimumHealthyPercent", "MaximumPercent")))
        self.assertIs(True, service["DeploymentConfiguration"]["DeploymentCircuitBreaker"]["Rollback"])

    def test_tables_streams_and_queues_are_encrypted(self):
        """93."""
        for name, table in self.properties("AWS::DynamoDB::Table"):
            self.assertIs(True, table["SSESpecification"]["SSEEnabled"], name)
        for name, stream in self.properties("AWS::Kinesis::Stream"):
            self.assertEqual("KMS", stream["StreamEncryption"]["EncryptionType"], name)
        for name, queue in self.properties("AWS::SQS::Queue"):
            self.assertIs(True, queue["SqsManagedSseEnabled"], name)

    def test_resources_with_data_have_deletion_policies(self):
        for kind in ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Kinesis::Stream", "AWS::Logs::LogGroup",
                     "AWS::ElastiCache::ReplicationGroup", "AWS::SQS::Queue", "AWS::ECR::Repository"):
            found = self.template.of_type(kind)
            self.assertNotEqual({}, found, kind)
            for name, resource in found.items():
                self.assertIn("DeletionPolicy", resource, name)
                self.assertIn("UpdateReplacePolicy", resource, name)

    # -- watching

    def test_every_function_and_stage_has_a_log_with_an_end(self):
        logs = {self.all.value(r["Properties"]["LogGroupName"])
                for r in self.template.of_type("AWS::Logs::LogGroup").values()}
        for name, function in self.properties("AWS::Lambda::Function"):
            self.assertIn(f"/aws/lambda/{function['FunctionName']}", logs, name)
        for name, log in self.properties("AWS::Logs::LogGroup"):
            self.assertEqual(30, log["RetentionInDays"], name)

    def test_alarms_watch_existing_resources_and_notify_a_topic(self):
        metrics = set()
        for name, alarm in self.properties("AWS::CloudWatch::Alarm"):
            self.assertEqual(["<AlarmTopic>"], alarm["AlarmActions"], name)
            self.assertEqual("notBreaching", alarm["TreatMissingData"], name)
            self.assertTrue(alarm["Dimensions"], name)
            for dimension in alarm["Dimensions"]:  # a resource of this stack, or its name
                self.assertRegex(dimension["Value"], r"^(<[A-Za-z.]+>|my-rec(-instances)?|v1|all)$", name)
            metrics.add((alarm["Namespace"].removeprefix("AWS/"), alarm["MetricName"]))
        self.assertLessEqual({("ApiGateway", "5XXError"), ("ApiGateway", "Latency"), ("Lambda", "Errors"),
                              ("Lambda", "Throttles"), ("Lambda", "Duration"), ("Lambda", "IteratorAge"),
                              ("SageMaker", "Invocation5XXErrors"), ("SageMaker", "ModelLatency"),
                              ("Events", "MatchedEvents"), ("SQS", "ApproximateNumberOfMessagesVisible"),
                              ("Kinesis", "WriteProvisionedThroughputExceeded")}, metrics)

    def test_without_watch_there_is_no_alarm_and_no_dashboard(self):
        """Except the alarms that roll a bad model back."""
        for endpoint, needed in (("none", set()), ("serverless", set()),
                                 ("instances", {"EndpointErrorsAlarm", "EndpointLatencyAlarm"})):
            stack = self.template.stack(Watch="off", Endpoint=endpoint, Streams="on", Cache="on", Service="on")
            self.assertEqual(needed, {name for name, r in stack.resources.items() if r["Type"] in (
                "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard")}, endpoint)

    def test_each_function_and_each_mapping_has_its_alarms(self):
        watched = {}
        for _, alarm in self.properties("AWS::CloudWatch::Alarm"):
            if alarm["Namespace"] == "AWS/Lambda":
                (dimension,) = alarm["Dimensions"]
                watched.setdefault(dimension["Value"], set()).add(alarm["MetricName"])
        always = {"Errors", "Throttles", "Duration"}
        self.assertEqual({"<PredictFunction>": always, "<RecommendFunction>": always | {"IteratorAge"},
                          "<AggregateFunction>": always | {"IteratorAge"},
                          "<FeedbackFunction>": always | {"IteratorAge"}}, watched)
        for name, alarm in self.properties("AWS::CloudWatch::Alarm"):
            if alarm["MetricName"] in ("Duration", "Latency", "ModelLatency", "TargetResponseTime"):
                self.assertEqual("p99", alarm["ExtendedStatistic"], name)

    def test_a_failed_training_job_raises_an_alarm(self):
        """The pattern matches the event that AWS sends for a job of script/train-job."""
        rule = self.all.value(self.template.resources["TrainingFailed"]["Properties"])
        pattern = rule["EventPattern"]
        self.assertEqual((["aws.sagemaker"], ["SageMaker Training Job State Change"], ["Failed"]),
                         (pattern["source"], pattern["detail-type"], pattern["detail"]["TrainingJobStatus"]))
        self.assertEqual([{"prefix": "my-rec-"}], pattern["detail"]["TrainingJobName"])
        self.assertIn("job=$stack-$fingerprint\n", (SOURCE / "script/train-job").read_text())
        alarm = self.all.value(self.template.resources["TrainingFailedAlarm"]["Properties"])
        self.assertEqual([{"Name": "RuleName", "Value": "<TrainingFailed>"}], alarm["Dimensions"])

    def test_the_dashboard_is_json_about_this_stack(self):
        dashboard = json.loads(self.all.value(self.template.resources["Dashboard"]["Properties"]["DashboardBody"]))
        places = [(w["x"], w["y"]) for w in dashboard["widgets"]]
        self.assertEqual(len(places), len(set(places)))
        names = {f"my-rec-{n}" for n in ("predict", "recommend", "aggregate", "feedback", "instances", "requests", "predictions",
                                         "ratings", "dead-letters", "failed-batches")} | {"my-rec"}
        self.assertEqual(names, set(re.findall(r'"(my-rec[a-z-]*)"', json.dumps(dashboard))))
        self.assertIn('"<Balancer.LoadBalancerFullName>"', json.dumps(dashboard))
        without = self.template.stack()
        json.loads(without.value(without.resources["Dashboard"]["Properties"])["DashboardBody"])

    # -- retraining

    def retrain(self, promote=1.0, status="UPDATE_COMPLETE", after=("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"), **parameters):
        """Runs the state machine. (its last state, [(state, parameters)], the stack's parameters)."""
        stack = self.template.stack(Streams="on", Retrain="nightly", **parameters)
        known = [{"ParameterKey": k, "ParameterValue": str(v)} for k, v in stack.parameters.items() if not k.startswith("AWS::")]
        shown = iter([status, *after])
        machine = StateMachine(stack.value(stack.resources["RetrainMachine"]["Properties"])["Definition"])

        def train(request):
            name = request["TrainingJobName"]
            self.assertRegex(name, r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")
            return {"ModelArtifacts": {"S3ModelArtifacts": f"{request['OutputDataConfig']['S3OutputPath']}{name}/output/model.tar.gz"},
                    "FinalMetricDataList": [{"MetricName": "validation:rmse", "Value": 0.8},
                                            {"MetricName": "gate:promote", "Value": promote}]}
        end, trail = machine.run({
            "arn:aws:states:::aws-sdk:cloudformation:describeStacks":
                lambda _: {"Stacks": [{"StackStatus": next(shown), "Parameters": known}]},
            "arn:aws:states:::sagemaker:createTrainingJob.sync": train,
            "arn:aws:states:::aws-sdk:sagemaker:createModelPackage": lambda _: {},
            "arn:aws:states:::aws-sdk:cloudformation:updateStack": lambda _: {}})
        return end, dict(trail), stack.parameters

    def test_a_promoted_model_takes_the_place_of_the_one_in_service(self):
        end, did, before = self.retrain()
        self.assertEqual("Replaced", end)
        job = did["Train"]
        channels = {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in job["InputDataConfig"]}
        self.assertEqual({"train": "s3://<Bucket>/data/", "current": before["ModelUrl"]}, channels)
        self.assertEqual({"validation_fraction": "0.1", "validation_split": "time", "max_bad_rows": "1000"}, job["HyperParameters"])
        self.assertTrue(job["EnableManagedSpotTraining"] and job["EnableNetworkIsolation"])
        self.assertTrue(job["CheckpointConfig"]["S3Uri"].endswith(f"/checkpoints/{job['TrainingJobName']}/"))
        own = {m["Name"]: m["Regex"] for m in job["AlgorithmSpecification"]["MetricDefinitions"]}
        every = {m["Name"]: m["Regex"] for m in json.loads((SOURCE / "deploy/metrics.json").read_text())}
        self.assertLessEqual(own.items(), every.items())
        package = did["Register"]
        model = f"s3://<Bucket>/models/{job['TrainingJobName']}/output/model.tar.gz"
        self.assertEqual(("Approved", model), (package["ModelApprovalStatus"],
                                               package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]))
        update = did["UpdateTheStack"]
        self.assertIs(True, update["UsePreviousTemplate"])
        after = {p["ParameterKey"]: p["ParameterValue"] for p in update["Parameters"]}
        self.assertEqual(len(after), len(update["Parameters"]))
        self.assertEqual({**{k: str(v) for k, v in before.items() if not k.startswith("AWS::")}, "ModelUrl": model}, after)
        self.assertEqual(set(self.template.whole["Parameters"]), set(after))

    def test_a_refused_model_waits_for_a_person(self):
        end, did, _ = self.retrain(promote=0.0)
        self.assertEqual("Kept", end)
        self.assertEqual("PendingManualApproval", did["Register"]["ModelApprovalStatus"])
        self.assertNotIn("UpdateTheStack", did)

    def test_an_update_that_is_rolled_back_fails_and_a_busy_stack_is_left_alone(self):
        self.assertEqual("RolledBack", self.retrain(after=["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"])[0])
        end, did, _ = self.retrain(status="UPDATE_IN_PROGRESS")
        self.assertEqual("StackIsBusy", end)
        self.assertNotIn("Train", did)

    def test_retraining_has_the_hyperparameters_of_the_stack(self):
        _, did, _ = self.retrain(Hyperparameters="n_factors=128 validation_fraction=0.2")
        self.assertEqual({"n_factors": "128", "validation_fraction": "0.2", "validation_split": "time", "max_bad_rows": "1000"},
                         did["Train"]["HyperParameters"])

    def test_the_schedule_starts_the_state_machine(self):
        for often, expression in (("nightly", "cron(0 3 * * ? *)"), ("weekly", "cron(0 3 ? * SUN *)")):
            stack = self.template.stack(Retrain=often)
            schedule = stack.value(stack.resources["RetrainSchedule"]["Properties"])
            self.assertEqual((expression, "<RetrainMachine>"), (schedule["ScheduleExpression"], schedule["Target"]["Arn"]))
        for stack in (self.template.stack(), self.template.stack(False, Retrain="nightly", Archive="on", Streams="on")):
            self.assertFalse([n for n in stack.resources if n.startswith(("Retrain", "Archiver"))])

    def test_the_archive_is_where_training_reads(self):
        archiver = self.all.value(self.template.resources["Archiver"]["Properties"])
        target = archiver["ExtendedS3DestinationConfiguration"]
        self.assertEqual(("<EventsStream.Arn>", "<Bucket.Arn>", "GZIP"), (
            archiver["KinesisStreamSourceConfiguration"]["KinesisStreamARN"], target["BucketARN"], target["CompressionFormat"]))
        self.assertTrue(target["Prefix"].startswith("data/events/!{timestamp:yyyy/MM/dd}/"))
        self.assertFalse(target["ErrorOutputPrefix"].startswith("data/"), "what failed is no training data")

    # -- the endpoint and the API

    def test_a_new_model_is_deployed_without_a_gap_and_rolled_back_on_an_alarm(self):
        for kind in ("AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig"):
            for name, resource in self.template.of_type(kind).items():
                self.assertFalse([p for p in resource["Properties"] if p.endswith("Name") and p != "ModelName"], name)
        endpoint = self.all.value(self.template.resources["SageMakerEndpoint"]["Properties"])
        for n, kind in ((1, "ALL_AT_ONCE"), (2, "CANARY")):
            fleet = self.template.stack(Endpoint="instances", MinInstances=n).value(
                self.template.resources["SageMakerEndpoint"]["Properties"])
            self.assertEqual(kind, fleet["DeploymentConfig"]["BlueGreenUpdatePolicy"]
                             ["TrafficRoutingConfiguration"]["Type"])
        alarms = {a["AlarmName"] for a in endpoint["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]}
        self.assertEqual({"<EndpointErrorsAlarm>", "<EndpointLatencyAlarm>"}, alarms)
        self.assertIs(True, endpoint["RetainAllVariantProperties"])
        serverless = self.template.stack(Endpoint="serverless")
        self.assertEqual({"EndpointName", "EndpointConfigName"},
                         set(serverless.value(self.template.resources["SageMakerEndpoint"]["Properties"])))
        names = {s: self.template.stack(Endpoint=s).value(self.template.resources["SageMakerEndpoint"]["Properties"])
                 ["EndpointName"] for s in ("serverless", "instances")}
        self.assertEqual(2, len(set(names.values())), "one cannot become the other")
        after = self.template.resources["PredictFunction"]["Metadata"]["After"]
        self.assertEqual("<SageMakerEndpoint>", serverless.value(after))
        self.assertEqual(names["serverless"], serverless.environment("PredictFunction")["ENDPOINT_NAME"])
        (variant,) = serverless.value(self.template.resources["EndpointConfiguration"]["Properties"])["ProductionVariants"]
        self.assertIn("ServerlessConfig", variant)
        self.assertNotIn("InstanceType", variant)

    def test_the_api_validates_throttles_logs_and_speaks_to_browsers(self):
        post = self.all.value(self.template.resources["ApiPost"]["Properties"])
        self.assertEqual(("POST", "<ApiValidator>", "AWS_PROXY"),
                         (post["HttpMethod"], post["RequestValidatorId"], post["Integration"]["Type"]))
        stage = self.all.value(self.template.resources["ApiStage"]["Properties"])
        self.assertEqual("v1", stage["StageName"])
        plan, key = (self.all.value(self.template.resources[n]["Properties"]) for n in ("ApiPlan", "ApiPlanKey"))
        self.assertEqual([{"ApiId": "<Api>", "Stage": "<ApiStage>"}], plan["ApiStages"])
        self.assertEqual(({"RateLimit": 100, "BurstLimit": 200}, {"Limit": 1000000, "Period": "MONTH"}),
                         (plan["Throttle"], plan["Quota"]))
        self.assertEqual(("<ApiKey>", "<ApiPlan>"), (key["KeyId"], key["UsagePlanId"]))
        self.assertEqual((100, 200), (stage["MethodSettings"][0]["ThrottlingRateLimit"],
                                      stage["MethodSettings"][0]["ThrottlingBurstLimit"]))
        json.loads(stage["AccessLogSetting"]["Format"])
        after = self.template.resources["ApiStage"]["Metadata"]["After"]
        self.assertEqual("<ApiAccount>", self.all.value(after))
        self.assertEqual("nothing", self.template.stack(ApiLogsRole="existing").value(after))
        self.assertEqual("OPTIONS", self.template.resources["ApiOptions"]["Properties"]["HttpMethod"])
        for name, response in self.properties("AWS::ApiGateway::GatewayResponse"):
            text = response["ResponseTemplates"]["application/json"].replace("$context.error.messageString", '"x"')
            self.assertEqual({"code", "message"}, set(json.loads(text)["error"]), name)
        methods = {n for n, r in self.template.resources.items() if r["Type"] in (
            "AWS::ApiGateway::Method", "AWS::ApiGateway::GatewayResponse")}
        self.assertEqual(methods, set(self.template.resources["ApiDeployment"]["DependsOn"]))

    def test_the_api_is_public_only_when_that_is_chosen(self):
        default = self.template.stack()
        for access, expected in ((None, ("NONE", True)), ("key", ("NONE", True)), ("iam", ("AWS_IAM", False)),
                                 ("public", ("NONE", False))):
            stack = self.template.stack(**{"Access": access} if access else {})
            post, options = (stack.value(stack.resources[n]["Properties"]) for n in ("ApiPost", "ApiOptions"))
            self.assertEqual(expected, (post["AuthorizationType"], post["ApiKeyRequired"]), access)
            self.assertEqual("NONE", options["AuthorizationType"], "a browser's preflight request has no key")
            self.assertNotIn("ApiKeyRequired", options)
        post = default.resources["ApiPost"]["Properties"]
        self.assertEqual({"Fn::If": ["NeedsSignature", "AWS_IAM", "NONE"]}, post["AuthorizationType"])

    def test_outsiders_are_not_told_what_users_have_rated_when_the_api_is_public(self):
        for parameters, expected in (({}, "open"), ({"Outsiders": "closed"}, "closed"), ({"Access": "public"}, "closed"),
                                     ({"Access": "public", "Outsiders": "open"}, "closed"), ({"Access": "iam"}, "open")):
            self.assertEqual(expected, self.template.stack(**parameters).environment("PredictFunction")["OUTSIDERS"], parameters)

    def test_browsers_of_other_origins_are_allowed_by_a_setting(self):
        for parameters, origin in (({}, ""), ({"Access": "public"}, "*"), ({"AllowOrigin": "https://a.example"}, "https://a.example"),
                                   ({"AllowOrigin": "*"}, "*"), ({"Access": "public", "AllowOrigin": "https://a.example"}, "https://a.example")):
            stack = self.template.stack(**parameters)
            self.assertEqual(origin, stack.environment("PredictFunction")["ALLOW_ORIGIN"], parameters)
            responses = [stack.value(r["Properties"]) for r in stack.resources.values() if r["Type"] == "AWS::ApiGateway::GatewayResponse"]
            self.assertEqual(3, len(responses))
            for response in responses:
                self.assertEqual({"gatewayresponse.header.Access-Control-Allow-Origin": f"'{origin}'"} if origin else None,
                                 response.get("ResponseParameters"), parameters)

    def test_the_function_behind_the_api_can_have_a_concurrency_of_its_own(self):
        for parameters, expected in (({}, None), ({"PredictConcurrency": 7}, 7)):
            stack = self.template.stack(**parameters)
            self.assertEqual(expected, stack.value(stack.resources["PredictFunction"]["Properties"]).get("ReservedConcurrentExecutions"))

    def test_where_streams_get_their_predictions(self):
        """Always exactly one source."""
        for switches in SWITCHES:
            if switches["Streams"] == "on":
                with self.subTest(**switches):
                    variables = self.template.stack(**switches).environment("RecommendFunction")
                    sources = [n for n in ("RECOMMEND_SERVICE_URL", "ENDPOINT_NAME", "MODEL_URI") if variables[n]]
                    self.assertEqual(1, len(sources), variables)

    def test_cloudformation_takes_a_file_of_this_size_from_a_bucket(self):
        self.assertLess(len(self.template.text.encode()), 1 << 20)


if __name__ == "__main__":
    unittest.main()
