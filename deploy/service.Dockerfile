# The image with a model inside, for services that have nobody to put one into /opt/ml/model.
# script/deploy builds it; its context is a folder with model/.
ARG IMAGE
FROM ${IMAGE}
COPY model/ /opt/ml/model/
CMD ["serve"]
