/* What a link does with runs in software: see runs.c. */
#ifndef HF_LINK_RUNS_H
#define HF_LINK_RUNS_H

#include "link/link.h"

struct hf_runs;

/* Send packets, cut where they are runs or left a checksum open. Returns as hf_link_send. */
int64_t hf_runs_send(struct hf_link *link, const struct hf_packet *packets, size_t n);

/* Merge some of the packets that were received. Returns how many there are then. */
size_t hf_runs_receive(struct hf_runs *runs, struct hf_packet *packets, size_t n);

void hf_runs_free(struct hf_runs *runs);

#endif
