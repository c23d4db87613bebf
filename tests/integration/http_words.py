"""http_words.py: the names of media types and headers that `serve` knows."""

JSON, JSON_LINES, CSV = "application/json", "application/jsonlines", "text/csv"

CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
