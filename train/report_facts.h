/* report_facts.h: the sections of train's report that are tables and sentences: data and warnings,
 * hyperparameters, time and memory, the gate's decision, the model card.
 *
 * Each appends a section to the page. Threads: one page per thread. */
#ifndef MF_TRAIN_REPORT_FACTS_H
#define MF_TRAIN_REPORT_FACTS_H

#include "base/settings.h"
#include "base/text.h"
#include "metrics.h"
#include "model/model.h"

#include <stdbool.h>

/* What was read and how, and the warnings. run->report is not NULL. */
void mf_report_data(mf_text *page, const mf_run_facts *run);

/* Every hyperparameter with its value; those that were given stand out. */
void mf_report_settings(mf_text *page, const mf_settings *settings);

void mf_report_cost(mf_text *page, const mf_run_facts *run);

/* NULL: no section. */
void mf_report_gate(mf_text *page, const mf_gate *gate);

/* What the model is for, what it is made of, and its limits. */
void mf_report_card(mf_text *page, const mf_run_facts *run, const mf_model_parts *parts,
                    bool is_evaluated);

#endif
