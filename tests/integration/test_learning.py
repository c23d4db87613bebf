"""Learning: data with known results, every hyperparameter, the best epoch, early stopping and
held-out data."""

import math
import unittest

from epochs import figures
from samples import csv, parity, planted, real_ratings
from sanitizers import SANITIZED
from train_case import TrainCase

ALL = planted(200, 100, 5000, noise=0.25)
ROWS, CHECK = ALL[:4200], ALL[4200:]
# Overfits: the best epoch on other data comes early.
BY_HEART = {"n_factors": 64, "learning_rate": 0.1, "regularization": 0.0001,
            "bias_regularization": 0.0001, "n_epochs": 40}


class LearningCase(TrainCase):
    def checked(self, check=CHECK, **hyperparameters):
        job = self.job_on(ROWS, **hyperparameters)
        return job.channel("validation", {"ratings.csv": csv(check)})

    def validation(self, result):
        return [float(e["validation_rmse"]) for e in result.epochs]


class Learning(LearningCase):
    def test_the_parity_of_user_and_item(self):
        """Known result: 5 where parities agree, else 1; the two withheld items of each
        user are predicted correctly. Biases cannot describe it."""
        rows, withheld = parity()
        job = self.job_on(rows, n_factors=4, n_epochs=60, learning_rate=0.05, regularization=0.01)
        self.train(job)
        for user, item, rating, _ in withheld[:: 8 if SANITIZED else 3]:
            predicted, _ = self.predict(job, user, item)
            self.assertLess(abs(predicted - float(rating)), 1.0, (user, item, rating, predicted))

    def test_a_planted_low_rank_is_found(self):
        """Far better on unseen ratings than user and item means, and near the noise
        (0.25, and half-star rounding 0.144)."""
        result = self.train(self.checked(n_factors=8, n_epochs=60, learning_rate=0.03,
                                         regularization=0.03))
        best = min(self.validation(result))
        mean = sum(float(r[2]) for r in ROWS) / len(ROWS)
        spread = math.sqrt(sum((float(r[2]) - mean) ** 2 for r in CHECK) / len(CHECK))
        self.assertLess(best, 0.62 * spread)
        self.assertLess(best, 0.62)

    def test_the_defaults_have_the_documented_error_on_real_data(self):
        """MovieLens ml-latest-small: about 0.87 in cross-validation; a baseline of biases
        has 0.89, the mean 1.06."""
        job = self.job(defaults=True, validation_fraction=0.2)
        job.channel("train", {"ratings.csv": real_ratings()})
        result = self.train(job)
        self.assertLess(min(self.validation(result)), 0.88)
        self.assertLess(job.metrics()["final"]["validation_rmse"], 0.88)

    def test_training_error_falls(self):
        """Epoch by epoch, and not to zero at once."""
        result = self.train(self.job_on(ROWS, n_epochs=12))
        told = [float(e["train_rmse"]) for e in result.epochs]
        self.assertTrue(all(a > b for a, b in zip(told, told[1:])), told)

    def test_each_hyperparameter_changes_the_model(self):
        """Each setting of --help has an effect."""
        plain = self.job_on(ROWS)
        self.train(plain)
        for name, value in (("n_factors", 9), ("n_epochs", 5), ("learning_rate", 0.02),
                            ("bias_learning_rate", 0.01), ("learning_rate_decay", 0.5),
                            ("regularization", 0.05), ("user_regularization", 0.05),
                            ("item_regularization", 0.05), ("bias_regularization", 0.05),
                            ("user_bias_regularization", 0.05), ("item_bias_regularization", 0.05),
                            ("implicit_rate", 0.5), ("implicit_damping", 20),
                            ("init_scale", 0.3), ("seed", 8), ("validation_fraction", 0.1)):
            with self.subTest(name):
                job = self.job_on(ROWS, **{name: value})
                result = self.train(job)
                self.assertEqual(float(value), float(job.metrics()["hyperparameters"][name]))
                responses = lambda j: [self.predict(j, r[0], r[1])[0] for r in ROWS[:8]]
                self.assertNotEqual(responses(plain), responses(job), "no prediction changed")
                self.assertTrue(result.epochs)


class Validation(LearningCase):
    def rmse_of_model(self, job, rows):
        """Predicts each pair with the finished model."""
        errors = [(self.predict(job, r[0], r[1])[0] - float(r[2])) ** 2 for r in rows]
        return math.sqrt(sum(errors) / len(errors))

    def test_the_reported_rmse_and_mae_are_those_of_the_model_that_was_written(self):
        """Reference: every validation pair predicted one by one."""
        check = CHECK[: 60 if SANITIZED else 250]
        job = self.checked(check, n_epochs=8)
        result = self.train(job)
        told = min(result.epochs, key=lambda e: float(e["validation_rmse"]))
        self.assertAlmostEqual(float(told["validation_rmse"]), self.rmse_of_model(job, check),
                               delta=0.0006)
        mae = sum(abs(self.predict(job, r[0], r[1])[0] - float(r[2])) for r in check) / len(check)
        self.assertAlmostEqual(float(told["validation_mae"]), mae, delta=0.0006)

    def test_the_best_epoch_is_the_one_kept(self):
        """Not the last: later epochs overfit."""
        check = CHECK[: 60 if SANITIZED else 250]
        job = self.checked(check, **BY_HEART)
        result = self.train(job)
        told = self.validation(result)
        best = min(range(len(told)), key=told.__getitem__)
        self.assertLess(best + 1, len(told), "the settings no longer learn by heart")
        self.assertGreater(told[-1], told[best] + 0.01)
        self.assertAlmostEqual(told[best], self.rmse_of_model(job, check), delta=0.0006)
        final = job.metrics()["final"]
        self.assertAlmostEqual(told[best], final["validation_rmse"], delta=0.0006)
        self.assertIn(best + 1, final.values(), "says which epoch it is")

    def test_early_stopping_ends_after_so_many_epochs_without_a_better_one(self):
        """patience 0 never stops; the model is that of the run without stopping."""
        whole = self.checked(**BY_HEART)
        told = self.validation(self.train(whole))
        for patience in (1, 3, 5):
            with self.subTest(patience=patience):
                job = self.checked(**BY_HEART, early_stopping_patience=patience)
                stopped = self.validation(self.train(job))
                self.assertEqual(told[: len(stopped)], stopped)
                best, expected = 0, len(told)
                for epoch, value in enumerate(told):
                    if value < told[best]:
                        best = epoch
                    elif epoch - best == patience:
                        expected = epoch + 1
                        break
                self.assertAlmostEqual(expected, len(stopped), delta=1,
                                       msg="rounded figures may tie")
                self.assertLess(len(stopped), len(told))

    def test_early_stopping_without_validation_data_is_reported(self):
        """It has no effect: a warning or an error is required."""
        job = self.job_on(ROWS, early_stopping_patience=2, n_epochs=6)
        result = self.run_train(job)
        if result.status != 0:
            self.assertFailed(job, result, "early_stopping_patience", "validation")
        else:
            warnings = [l for l in result.log if l["level"] == "warning" and "early_stopping" in str(l)]
            self.assertTrue(warnings, result)
            self.assertEqual(6, len(result.epochs))

    def test_a_held_out_fraction_is_about_that_part_and_not_trained_on(self):
        """Figures differ from a run on everything; the counts have the sizes."""
        job = self.job_on(ROWS, validation_fraction=0.25, **BY_HEART)
        result = self.train(job)
        told = self.validation(result)
        self.assertGreater(told[-1], float(result.epochs[-1]["train_rmse"]) + 0.2,
                           "as good on held-out data as by heart: it was trained on")
        counts = [v for v in job.metrics()["data"].values() if isinstance(v, int)]
        self.assertTrue(any(abs(v - 0.25 * len(ROWS)) < 0.05 * len(ROWS) for v in counts), counts)

    def test_another_seed_holds_out_other_ratings(self):
        """The split depends on the seed alone."""
        told = {}
        for seed, threads in ((1, 1), (1, 3), (2, 1)):
            job = self.job_on(ROWS, validation_fraction=0.2, seed=seed, n_threads=threads)
            told[seed, threads] = figures(self.train(job))
        self.assertEqual(told[1, 1], told[1, 3])
        self.assertNotEqual(told[1, 1], told[2, 1])

    def test_a_validation_channel_and_a_fraction_give_a_warning_or_an_error(self):
        """The channel is used with a warning, or the job fails."""
        job = self.checked(validation_fraction=0.2)
        result = self.run_train(job)
        if result.status != 0:
            self.assertFailed(job, result, "validation_fraction")
            return
        self.assertEqual(figures(self.train(self.checked())), figures(result),
                         "the fraction was taken off the training data all the same")
        warnings = [l for l in result.log if l["level"] == "warning" and "validation_fraction" in str(l)]
        self.assertTrue(warnings, result)

    def test_validation_data_shapes_no_parameter(self):
        """Without early stopping and with one epoch the model is the same."""
        plain = self.job_on(ROWS, n_epochs=1)
        self.train(plain)
        job = self.checked(n_epochs=1)
        self.train(job)
        for user, item, *_ in ROWS[:10]:
            self.assertEqual(self.predict(plain, user, item), self.predict(job, user, item))

    def test_users_that_only_validation_has_are_not_in_the_model(self):
        """A model has the users of its training data."""
        job = self.checked([*CHECK[:50], ("only-here", CHECK[0][1], "3", "1")])
        self.train(job)
        self.assertIn("known_user=false", self.predict(job, "only-here", CHECK[0][1])[1])


if __name__ == "__main__":
    unittest.main()
