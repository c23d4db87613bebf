/* model_export.h: a model's ids and factors as files that numpy and databases read.
 *
 *   users.csv, items.csv       a row for each, in the order of all arrays: id, n_ratings, then bias
 *                              (rating model) and title (items, where there are titles)
 *   user_factors.npy, item_factors.npy, user_bias.npy, item_bias.npy      the rating model
 *   user_vectors.npy, item_vectors.npy, mean_profile.npy                  the ranking model
 *   rated_start.npy, rated_items.npy   what each user has rated, and lists leave out: of user u
 *                              rated_items[rated_start[u] : rated_start[u + 1]]
 *   user_factors.csv, item_factors.csv, user_vectors.csv, item_vectors.csv
 *                              id,"[0.1,0.2,…]": a vector of pgvector, and JSON
 *   model.json                 global_mean, rating_min, rating_max, counts, checksum of the model
 *
 *   predicted rating = clip(global_mean + user_bias[u] + item_bias[i]
 *                           + user_factors[u] · item_factors[i], rating_min, rating_max)
 *   score of a list  = user_vectors[u] · item_vectors[i]
 *
 * Arrays are little-endian float32 without padding; rated_start is int64, rated_items int32. A
 * user's vector is what serve computes for the user (recommend/profile.h), with no events since the
 * training. Files of a model that is not there are not written; those of an earlier export are
 * replaced one by one. */
#ifndef MF_TRAIN_MODEL_EXPORT_H
#define MF_TRAIN_MODEL_EXPORT_H

/* Exports the model at path (model_argument.h) into the folder, which is created. Returns the exit
 * code: 0, or 1 after one sentence on standard error. */
int mf_model_export(const char *path, const char *folder);

#endif
