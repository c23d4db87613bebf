# The image with a model inside: an ECS service, unlike SageMaker, does not put one into
# /opt/ml/model. script/deploy builds it; the context is a folder with model/.
ARG IMAGE
FROM ${IMAGE}
ARG MODEL
LABEL model="${MODEL}"
COPY model/ /opt/ml/model/
CMD ["serve"]
