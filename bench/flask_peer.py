"""A common deployment: Flask with a trained Surprise model, behind gunicorn.

    MF_BENCH_RATINGS=data/ratings.csv gunicorn -w 1 -b 127.0.0.1:PORT flask_peer:app

bench/serving.py runs it if the interpreter has flask, gunicorn and surprise.
"""

import os

import flask
import surprise

reader = surprise.Reader(line_format="user item rating timestamp", sep=",", skip_lines=1)
ratings = surprise.Dataset.load_from_file(os.environ["MF_BENCH_RATINGS"], reader=reader)
model = surprise.SVD(n_factors=64, n_epochs=5, random_state=1)
model.fit(ratings.build_full_trainset())

app = flask.Flask(__name__)


@app.route("/ping")
def ping():
    return flask.Response(status=200)


@app.route("/invocations", methods=["POST"])
def invocations():
    body = flask.request.get_json(force=True)
    rating = model.predict(str(body["userId"]), str(body["movieId"])).est
    return flask.jsonify(predicted_rating=rating)
