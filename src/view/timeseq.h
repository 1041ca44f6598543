/* What a time-sequence plot keeps of one end that sends, and the drawing of it. */
#ifndef HF_VIEW_TIMESEQ_H
#define HF_VIEW_TIMESEQ_H

#include <handfast/view.h>

#include "view/marks.h"

/* One end of a connection, ours. Sequence numbers are counted on beyond 32 bits, from its SYN, or
 * from the first segment that was seen. */
struct sender {
    uint32_t conn;
    uint16_t stack;
    bool used, opened, based;
    struct hf_endpoint local, remote;
    uint32_t isn;
    int64_t sent_end;        /* the highest that was sent, and one more                       */
    int64_t acked;
    int64_t sacked_low, sacked_high; /* the block that was told last                          */
    hf_time first, last;
    uint64_t segments, resends, bytes;
    uint64_t reasons[HF_SEND_COUNT];
    uint64_t sacks, dsacks;
    struct marks sent, resent, sacked; /* kinds: -, enum hf_send_reason, enum sack_kind       */
    struct marks acks, edge;           /* curves                                              */
    struct marks cwnd, ssthresh, in_flight;
    bool memory_short;                 /* something is missing                                */
};

enum sack_kind { SACK_NEW, SACK_DUPLICATE };

/* Write one sender as SVG. name: of its end; may be NULL. */
void hf_timeseq_draw(const struct sender *sender, const char *name, const char *peer,
                     hf_write_fn write, void *context);

#endif
