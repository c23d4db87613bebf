/* predict.h: one prediction by a trained model, from the command line. */
#ifndef MF_TRAIN_PREDICT_H
#define MF_TRAIN_PREDICT_H

/* Prints the predicted rating of `item` by `user`, from the model below prefix (NULL: /opt/ml):
 *
 *   predicted_rating=4.4213
 *
 * and known_user=false or known_item=false where an id is not in the model. Returns the exit code. */
int mf_predict_print(const char *prefix, const char *user, const char *item);

#endif
