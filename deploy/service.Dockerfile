# The image with a model inside, for a service that has nobody to put one into /opt/ml/model.
# script/deploy builds it; its context is a folder with model/.
ARG IMAGE
FROM ${IMAGE}
ARG MODEL
LABEL model="${MODEL}"
COPY model/ /opt/ml/model/
CMD ["serve"]
