/* evaluate.h: the program `evaluate`, which is in the file of `train` (main.c). */
#ifndef MF_TRAIN_EVALUATE_H
#define MF_TRAIN_EVALUATE_H

/* As main. */
int mf_evaluate_main(int argc, char **argv);

#endif
