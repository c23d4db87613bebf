#!/usr/bin/env python3
"""Requests to a SageMaker endpoint with boto3.

    python3 examples/boto3_client.py --endpoint-name my-recommender --user 2
    python3 examples/boto3_client.py --endpoint-name recommender --user 2 --endpoint-url http://localhost:8000

Region and credentials are those of boto3 (AWS_REGION, ~/.aws, the role of the instance). --endpoint-url is for
`local-cloud`.
"""

import argparse
import json

import boto3


class Recommender:
    def __init__(self, endpoint_name, **client):
        self.name = endpoint_name
        self.runtime = boto3.client("sagemaker-runtime", **client)

    def invoke(self, body, content_type="application/json"):
        response = self.runtime.invoke_endpoint(EndpointName=self.name, ContentType=content_type, Body=body)
        return response["Body"].read().decode("utf-8")

    def request(self, **request):
        return json.loads(self.invoke(json.dumps(request)))

    def top_n(self, user, n=10, **more):
        return self.request(userId=user, top_n=n, **more)["recommendations"]

    def rating(self, user, item):
        return self.request(userId=user, movieId=item)["predicted_rating"]

    def ratings(self, pairs):
        """Many at once: one request of CSV, one rating a line."""
        lines = "".join(f"{user},{item}\n" for user, item in pairs)
        return [float(line) for line in self.invoke(lines, "text/csv").split()]

    def lists(self, users, n=10):
        """Lists of several users in one request."""
        instances = [{"userId": user, "top_n": n} for user in users]
        return [one["recommendations"] for one in self.request(instances=instances)["predictions"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endpoint-name", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--n", type=int, default=3)
    parser.add_argument("--endpoint-url")
    options = parser.parse_args()
    client = {"endpoint_url": options.endpoint_url} if options.endpoint_url else {}
    recommender = Recommender(options.endpoint_name, **client)

    best = recommender.top_n(options.user, options.n)
    print("list:", json.dumps(best))
    items = [entry["movieId"] for entry in best]
    print("one rating:", recommender.rating(options.user, items[0]))
    print("ratings:", recommender.ratings((options.user, item) for item in items))
    visitor = [{"movieId": item, "rating": 5} for item in items[:2]]
    print("a visitor:", json.dumps(recommender.request(ratings=visitor, top_n=options.n)["recommendations"]))
    print("two users:", [len(entries) for entries in recommender.lists([options.user, "unknown"], options.n)])


if __name__ == "__main__":
    main()
