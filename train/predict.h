/* predict.h: one question to a trained model, from the command line. */
#ifndef MF_TRAIN_PREDICT_H
#define MF_TRAIN_PREDICT_H

/* Prints what `user` would give `item` by the model below prefix (NULL: /opt/ml):
 *
 *   predicted_rating=4.4213
 *
 * and known_user=false, known_item=false where an id is not in the model and the
 * answer comes from what is known of the other. Returns the exit code. */
int mf_predict_print(const char *prefix, const char *user, const char *item);

#endif
