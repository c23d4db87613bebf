"""policy_rules.py: rules for every policy of a stack, and the policies that break them.

    complaints(stack)     → ["PredictRole, ReadMovieTitles: …", …]; stack as template.py gives it

Checked are roles, permissions of functions, and policies of resources:
(1) Only roles have permissions, in inline policies: no separate policies, no managed one except
    that which API Gateway requires to write logs.
(2) A role is assumed by one service of AWS, SageMaker's only on behalf of this account.
(3) Permissions name their actions: no "*" in an action, no NotAction, NotResource or NotPrincipal.
(4) Resources are those of this stack, or an ARN with region and account; "*" only where AWS lets an
    action be narrowed by nothing else, and then metrics by their namespace.
(5) Policies of resources admit only services besides this account's roles: for this resource, or on
    behalf of a named resource. A denial may be as broad as it likes.
(6) A VPC endpoint lets actions through by name, to resources as in (4), for this account alone, or to
    the layers of images.
"""

import json
import re

# Actions that AWS does not allow to be limited to a resource.
UNNARROWED = {"xray:PutTraceSegments", "xray:PutTelemetryRecords", "ec2:CreateNetworkInterface",
              "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface", "ecr:GetAuthorizationToken",
              "cloudwatch:PutMetricData", "kinesis:ListStreams", "ec2:DescribeSecurityGroups",
              "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ec2:DescribeDhcpOptions",
              "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterfacePermission"}
MANAGED = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
SERVICE = re.compile(r"[a-z-]+(\.[a-z0-9]+)?\.amazonaws\.com")
ACTION = re.compile(r"[a-z0-9]+:[A-Za-z]+")
# A resource of this stack, a part of its bucket, or an ARN with region, account and a name.
RESOURCE = re.compile(r"<[A-Za-z]+(\.Arn)?>(/[a-z]+/(\*|[a-z.]+))?|"
                      r"arn:aws:[a-z-]+:eu-central-1:123456789012:[a-z-]+[:/][a-z/][^*]{3,}\*?|"
                      # The rule by which Step Functions hears of the end of training jobs.
                      r"arn:aws:events:eu-central-1:123456789012:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule|"
                      r"arn:aws:s3:::lake(/ratings/\*)?")  # the DataUri of a test
# Where ECR keeps the layers of images; ECR itself signs the requests.
LAYERS = "arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*"
ON_RESOURCES = {"AWS::S3::BucketPolicy": "PolicyDocument", "AWS::ECR::Repository": "RepositoryPolicyText",
                "AWS::Logs::ResourcePolicy": "PolicyDocument", "AWS::SQS::QueuePolicy": "PolicyDocument",
                "AWS::SNS::TopicPolicy": "PolicyDocument",
                "AWS::SecretsManager::ResourcePolicy": "ResourcePolicy", "AWS::KMS::Key": "KeyPolicy"}
OWNER = {"AWS": "arn:aws:iam::123456789012:root"}


def as_list(value):
    return value if isinstance(value, list) else [value]


def statements(document):
    return as_list((json.loads(document) if isinstance(document, str) else document)["Statement"])


def of_actions(statement):
    if not {"NotAction", "NotResource", "NotPrincipal"}.isdisjoint(statement):
        yield "says what it is not"
    for action in as_list(statement.get("Action", "*")):
        if not ACTION.fullmatch(action):
            yield f"the action {action}"


def of_permissions(statement):
    """(3), (4)"""
    if statement.get("Effect") != "Allow" or "Principal" in statement:
        yield "is no permission"
    yield from of_actions(statement)
    actions = set(as_list(statement.get("Action", "*")))
    for resource in as_list(statement.get("Resource", "*")):
        if resource == "*":
            if not actions <= UNNARROWED:
                yield f"every resource for {', '.join(sorted(actions - UNNARROWED))}"
        elif not RESOURCE.fullmatch(resource):
            yield f"the resource {resource}"
    if "cloudwatch:PutMetricData" in actions and "cloudwatch:namespace" not in json.dumps(statement.get("Condition", {})):
        yield "metrics of every namespace"


def of_trust(statement):
    """(2)"""
    principal = statement.get("Principal")
    if not isinstance(principal, dict) or set(principal) != {"Service"} or not isinstance(principal["Service"], str) or \
            not SERVICE.fullmatch(principal["Service"]):
        yield f"is assumed by {principal}"
    elif principal["Service"] == "sagemaker.amazonaws.com" and "aws:SourceAccount" not in json.dumps(statement):
        yield "is assumed by SageMaker on behalf of any account"
    if as_list(statement.get("Action")) != ["sts:AssumeRole"]:
        yield f"is assumed by {statement.get('Action')}"


def of_role(role):
    for statement in statements(role["AssumeRolePolicyDocument"]):
        yield from (("trust", what) for what in of_trust(statement))
    for policy in role.get("Policies", []):
        for statement in statements(policy["PolicyDocument"]):
            yield from ((statement.get("Sid", "?"), what) for what in of_permissions(statement))
    for managed in role.get("ManagedPolicyArns", []):
        if managed != MANAGED or "apigateway.amazonaws.com" not in json.dumps(role["AssumeRolePolicyDocument"]):
            yield "managed", managed


def of_resource(document):
    """(5)"""
    for statement in statements(document):
        sid = statement.get("Sid", "?")
        if statement["Effect"] == "Deny":
            continue
        if (statement["Principal"], statement["Action"]) == (OWNER, "kms:*"):
            continue  # without it the key could never be changed
        yield from ((sid, what) for what in of_actions(statement))
        services = statement["Principal"].get("Service", []) if isinstance(statement.get("Principal"), dict) else []
        if not services or set(statement["Principal"]) != {"Service"} or not all(map(SERVICE.fullmatch, as_list(services))):
            yield sid, f"lets {statement.get('Principal')} in"
        elif not re.search(r"aws:source(Arn|Account)", json.dumps(statement.get("Condition", {})), re.I) and \
                not all(map(RESOURCE.fullmatch, as_list(statement.get("Resource", "*")))):
            yield sid, "admits a service on behalf of any account"


def of_vpc_endpoint(document):
    """(6)"""
    for statement in statements(document):
        sid = statement.get("Sid", "?")
        yield from ((sid, what) for what in of_actions(statement))
        actions = set(as_list(statement.get("Action", "*")))
        for resource in as_list(statement.get("Resource", "*")):
            if resource == "*" and not actions <= UNNARROWED:
                yield sid, f"every resource for {', '.join(sorted(actions - UNNARROWED))}"
            if resource not in ("*", LAYERS) and not RESOURCE.fullmatch(resource):
                yield sid, f"the resource {resource}"
        if statement.get("Condition") != {"StringEquals": {"aws:PrincipalAccount": "123456789012"}} and \
                as_list(statement.get("Resource")) != [LAYERS]:
            yield sid, "lets other accounts through"


def of_one(resource, properties):
    kind = resource["Type"]
    if kind == "AWS::IAM::Role":
        yield from of_role(properties)
    elif kind.startswith("AWS::IAM::"):
        yield "permissions", f"beside a role, in a {kind}"
    elif kind == "AWS::Lambda::Permission":
        if not SERVICE.fullmatch(properties["Principal"]) or not RESOURCE.fullmatch(
                re.sub(r"<Api>(/\*)*", "api", properties.get("SourceArn", "*"))):
            yield "permission", f"{properties['Principal']} on behalf of {properties.get('SourceArn', 'any account')}"
    elif kind == "AWS::EC2::VPCEndpoint":
        yield from of_vpc_endpoint(properties.get("PolicyDocument", {"Statement": [{}]}))
    elif ON_RESOURCES.get(kind) in properties:
        yield from of_resource(properties[ON_RESOURCES[kind]])


def complaints(stack):
    return [f"{name}, {sid}: {what}" for name, resource in stack.resources.items()
            for sid, what in of_one(resource, stack.value(resource.get("Properties", {})))]
