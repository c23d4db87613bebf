/* delivery.c: promises in delivery.h. */
#include "delivery.h"

void mf_delivery_start(mf_delivery *delivery, uint32_t n)
{
    delivery->parts[0] = (mf_batch_part){.n = n};
    delivery->n_parts = n > 0;
}

mf_batch_part *mf_delivery_part(mf_delivery *delivery)
{
    return delivery->n_parts > 0 ? &delivery->parts[delivery->n_parts - 1] : NULL;
}

void mf_delivery_cut(mf_delivery *delivery, uint32_t n)
{
    mf_batch_part *part = mf_delivery_part(delivery);
    part->n -= n;
    if (part->n == 0)
        delivery->n_parts--;
}

static void halve(mf_delivery *delivery)
{
    mf_batch_part *second = mf_delivery_part(delivery);
    mf_batch_part *first = second + 1;
    *first = *second;
    first->n = second->n / 2;
    second->n -= first->n;
    delivery->n_parts++;
}

mf_delivery_step mf_delivery_apply(mf_delivery *delivery, const mf_delivery_rules *rules,
                                   const mf_batch_outcome *outcome)
{
    mf_batch_part *part = mf_delivery_part(delivery);
    mf_delivery_step step = {.n_delivered = outcome->n_done};
    part->n_calls++;
    if (outcome->ok || outcome->n_done > 0)
        mf_delivery_cut(delivery, outcome->n_done);
    if (outcome->ok || (rules->bisect && outcome->n_done > 0))
        return step;
    if (rules->bisect && part->n > 1 && delivery->n_parts < MF_DELIVERY_PARTS) {
        halve(delivery);
        return step;
    }
    part->n_retries++;
    if (rules->max_retries >= 0 && part->n_retries > (uint32_t)rules->max_retries) {
        step.n_dropped = part->n;
        mf_delivery_cut(delivery, part->n);
    }
    return step;
}
