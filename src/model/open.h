/* open.h: the struct of an open model. Internal to src/model. */
#ifndef MF_MODEL_OPEN_H
#define MF_MODEL_OPEN_H

#include "model/model.h"
#include "model/section_file.h"

struct mf_model {
    mf_model_parts parts; /* views into file */
    const uint32_t *user_slots;
    const uint32_t *item_slots;
    mf_section_file *file;
};

#endif
