/* similar.h: what makes two items alike.
 *
 * With a ranking model, in the space where an item is what its ratings make of it:
 *
 *   x_i = σ ∘ q_i, its first component halved          σ_f² = spectrum[f]
 *   similarity(a, i) = cos(x_a, x_i) · c_i / (c_i + 50)     c_i ratings of i
 *
 * The first direction is popularity: all items agree in it. The cosine alone puts what one or two
 * people rated among the nearest of everything, the plain product what is popular. On MovieLens,
 * two items that one user liked, one of them hidden: how often it is among the ten most similar to
 * the other, and what is offered for Toy Story:
 *
 *   first half, c / (c + 50)      0.071   Toy Story 2, Independence Day, The Lion King
 *   first whole, c / (c + 50)     0.078   Forrest Gump, Star Wars, Pulp Fiction
 *   first whole, |x_i|^¼          0.070   Star Wars, Forrest Gump, The Shawshank Redemption
 *   first quarter, c / (c + 50)   0.067   Toy Story 2, Independence Day, The Lion King
 *   first half, c / (c + 20)      0.061   Toy Story 2, A Bug's Life, Independence Day
 *   q_a · q_i                     0.065
 *   cos(x_a, x_i)                 0.050   Toy Story 2, A Bug's Life, Groundhog Day
 *   cos(q_a, q_i)                 0.027
 *   Jaccard of the raters         0.051
 *   cosine of the raters          0.055
 *   raters of both                0.110   popular items alone
 *   popularity                    0.073   the same ten for every item
 *
 * Without a ranking model, by the item factors, damped for items with few ratings:
 *
 *   similarity(a, i) = cos(q_a, q_i) · c_i / (c_i + 5)        c_i ratings of i
 *
 * The cosine alone finds for Toy Story, after Toy Story 2 (0.91): Robin Hood, The Ten
 * Commandments, Curious George (1 rating), Metallica: Some Kind of Monster (2); with the damping
 * Toy Story 2 (0.88), Shrek, Monsters Inc., A Bug's Life, Roger Rabbit, Finding Nemo. From a
 * damping of 20 on the lists drift towards what is popular.
 *
 * Neither similarity is symmetric: i is what is offered for a. */
#ifndef MF_RECOMMEND_SIMILAR_H
#define MF_RECOMMEND_SIMILAR_H

#include "model/model.h"
#include "recommend/scan.h"

#include <stdbool.h>
#include <stdint.h>

/* Pseudo-counts: 5 and 50 above. */
#define MF_SIMILAR_RATING_DAMPING  5.0F
#define MF_SIMILAR_RANKING_DAMPING 50.0F

/* Items are like others in the space of the ranking model, or in that of the rating model. Both
 * functions compute
 *
 *   similarity(a, i) = query(a) · row i · weight[i]
 *
 * Fills weight[n_items]; 0, which leaves the item out, where its length is below 1e-30 or not
 * finite, or it has no rating. space is that of parts->ranking when it has a ranking model. */
void mf_similarity_weights(const mf_model_parts *parts, const mf_space *space, float *weight);

/* Fills query[stride]; padding zero. False when nothing is like the item, by its length. */
bool mf_similarity_query(const mf_model_parts *parts, const mf_space *space, uint32_t item,
                         float *query);

#endif
