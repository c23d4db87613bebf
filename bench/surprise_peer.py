"""Surprise on the folds that cross-validate --export wrote: surprise_peer.py FOLDER"""

import pathlib
import statistics
import sys
import time

from surprise import SVD, BaselineOnly, Dataset, Reader, accuracy

folder = pathlib.Path(sys.argv[1])
reader = Reader(line_format="user item rating", sep=" ", rating_scale=(0.5, 5))
for name, make in (
    ("Surprise BaselineOnly", lambda: BaselineOnly(verbose=False)),
    ("Surprise SVD", lambda: SVD(random_state=1)),
    ("Surprise SVD 100 factors 40 epochs", lambda: SVD(
        n_factors=100, n_epochs=40, lr_all=0.01, reg_all=0.1, random_state=1)),
):
    rows = []
    for train in sorted(folder.glob("*-train.txt")):
        train = str(train)
        test = train.replace("-train.txt", "-test.txt")
        data = Dataset.load_from_folds([(train, test)], reader)
        trainset = data.construct_trainset(data.read_ratings(train))
        testset = data.construct_testset(data.read_ratings(test))
        start = time.monotonic()
        model = make().fit(trainset)
        seconds = time.monotonic() - start
        predictions = model.test(testset)
        rows.append((accuracy.rmse(predictions, verbose=False),
                     accuracy.mae(predictions, verbose=False), seconds))
    rmse, mae, seconds = (statistics.mean(column) for column in zip(*rows))
    print(f"{name:34} RMSE {rmse:.4f}  MAE {mae:.4f}  {seconds:.3f} s")
