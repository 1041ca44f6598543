/* What leaves next: a part of the send queue that becomes one segment, or one packet of several. Only the files that choose and
 * build segments include this. */
#ifndef HF_TCP_SEGMENTATION_H
#define HF_TCP_SEGMENTATION_H

#include "tcp/tcp.h"

struct piece {
    hf_seq seq;
    uint32_t len;
    bool fin, push;
    bool mtu_probe;
    uint8_t reason; /* enum hf_send_reason */
};

/* New text, or the FIN, that may and should leave now: one segment, or a run of them where the link
 * cuts by itself. False: none. */
bool hf_segment_new(struct hf_env *env, struct hf_tcp *c, struct hf_active *a, struct piece *p);

/* The same for a connection that has nothing but text to send and may send it at once: is all of it one
 * segment, with nothing in flight before it? False: hf_segment_new says what is. */
bool hf_segment_all(struct hf_env *env, struct hf_tcp *c, struct hf_active *a, struct piece *p);

/* What the connection's link takes at once and cuts, in whole segments; 0: it cuts nothing. */
uint32_t hf_segment_run(const struct hf_env *env, const struct hf_tcp *c);

/* The pacer holds text back: its timer puts the connection back into the round. */
bool hf_pacing_waits(const struct hf_env *env, const struct hf_tcp *c, struct hf_active *a);

#endif
