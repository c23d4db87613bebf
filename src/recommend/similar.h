/* similar.h: what makes two items alike.
 *
 *   similarity(a, i) = cos(q_a, q_i) · c_i / (c_i + 5)        c_i ratings of i
 *
 * The cosine alone puts what one or two people rated among the nearest of everything:
 * few ratings leave few directions. On MovieLens it finds for Toy Story, after Toy
 * Story 2 (0.91): Robin Hood, The Ten Commandments, Curious George (1 rating),
 * Metallica: Some Kind of Monster (2); with the damping Toy Story 2 (0.88), Shrek,
 * Monsters Inc., A Bug's Life, Roger Rabbit, Finding Nemo. From a damping of 20 on
 * the lists drift towards what is popular. So the similarity of a to i is not that of
 * i to a: it is asked for a, and i is what is offered. */
#ifndef MF_RECOMMEND_SIMILAR_H
#define MF_RECOMMEND_SIMILAR_H

#include "model/model.h"

/* Fills likeness[n_items] with c_i / (c_i + 5) / |q_i|; 0, which leaves the item out,
 * where |q_i| is below 1e-30 or nobody rated it. */
void mf_likeness_compute(const mf_model_parts *parts, float *likeness);

#endif
