#!/usr/bin/env python3
"""Training, tuning, an endpoint and batch transform with the SageMaker Python SDK (version 2).

    pip install 'sagemaker<3'
    python3 examples/sagemaker_sdk.py --image IMAGE --role ROLE --data s3://BUCKET/ratings/ fit deploy predict delete
    python3 examples/sagemaker_sdk.py … tune
    python3 examples/sagemaker_sdk.py … fit transform --users s3://BUCKET/users.jsonl

IMAGE is what build_and_push.sh prints, ROLE the role of script/deploy or any role for SageMaker. --instance local
runs everything in Docker on this machine.
"""

import argparse
import json
from pathlib import Path

from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer, JSONSerializer
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner, IntegerParameter

METRICS = Path(__file__).resolve().parent.parent / "deploy" / "metrics.json"

# The newest tenth of each user's ratings is held out: figures and report.html need it.
HYPERPARAMETERS = {"n_factors": 64, "validation_fraction": 0.1, "validation_split": "time"}


def estimator(options):
    spot = {} if options.instance == "local" else {
        "use_spot_instances": True, "max_run": 3600, "max_wait": 7200}
    return Estimator(
        image_uri=options.image,
        role=options.role,
        instance_count=1,
        instance_type=options.instance,
        hyperparameters=HYPERPARAMETERS,
        metric_definitions=json.loads(METRICS.read_text(encoding="utf-8")),
        **spot,
    )


def channels(options):
    return {"train": TrainingInput(options.data, input_mode="File")}


def predict(predictor, user):
    """A list as JSON, ratings as CSV, several requests in one."""
    predictor.serializer = JSONSerializer()
    predictor.deserializer = JSONDeserializer()
    best = predictor.predict({"userId": user, "top_n": 5, "with": ["title"]})["recommendations"]
    print(best)
    print(predictor.predict({"instances": [{"userId": user, "top_n": 3}, {"userId": "another", "top_n": 3}]}))
    predictor.serializer = CSVSerializer()
    predictor.deserializer = CSVDeserializer()
    print(predictor.predict([[user, entry["movieId"]] for entry in best]))


def tune(options):
    """Twenty jobs, NDCG of the lists as the objective. The ranking model chooses its settings on its own;
    for the rating model take validation:rmse and Minimize."""
    tuner = HyperparameterTuner(
        estimator(options),
        objective_metric_name="validation:ndcg_at_10",
        objective_type="Maximize",
        metric_definitions=json.loads(METRICS.read_text(encoding="utf-8")),
        hyperparameter_ranges={
            "ranking_factors": IntegerParameter(64, 512),
            "ranking_regularization": ContinuousParameter(10, 1000, scaling_type="Logarithmic"),
            "recency": ContinuousParameter(0, 1),
        },
        max_jobs=20,
        max_parallel_jobs=2,
    )
    tuner.fit(channels(options))
    print(tuner.best_training_job())


def transform(trained, options):
    """A file of requests, one JSON object a line, becomes a file of responses, line by line."""
    transformer = trained.transformer(
        instance_count=1,
        instance_type=options.instance,
        strategy="MultiRecord",
        assemble_with="Line",
        accept="application/jsonlines",
    )
    transformer.transform(options.users, content_type="application/jsonlines", split_type="Line", wait=True)
    print(transformer.output_path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", required=True)
    parser.add_argument("--role", required=True)
    parser.add_argument("--data", required=True, help="s3://… or file://… with ratings and, beside them, items")
    parser.add_argument("--instance", default="ml.m5.large", help="or: local")
    parser.add_argument("--user", default="2")
    parser.add_argument("--users", help="transform: requests, one JSON object a line")
    parser.add_argument("steps", nargs="+", choices=["fit", "deploy", "predict", "delete", "transform", "tune"])
    options = parser.parse_args()

    trained = estimator(options)
    predictor = None
    for step in options.steps:
        if step == "fit":
            trained.fit(channels(options))
            print(trained.model_data)
        elif step == "deploy":
            predictor = trained.deploy(initial_instance_count=1, instance_type=options.instance)
        elif step == "predict":
            predict(predictor, options.user)
        elif step == "delete":
            predictor.delete_model()
            predictor.delete_endpoint()
        elif step == "transform":
            transform(trained, options)
        elif step == "tune":
            tune(options)


if __name__ == "__main__":
    main()
