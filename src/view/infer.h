/* What segments say about the state of an end that no records speak for. Internal to src/view: the
 * observer asks for the peers of our stacks, explain for both ends of a capture.
 *
 * What an end sent proves its state when it sent it. Nothing proves that it received the last
 * segment of the three-way open or of the close, so there its state is what that segment leads to,
 * until it repeats itself and thereby says otherwise. RFC 9293 3.3.2 (figure 5), 3.5, 3.6. */
#ifndef HF_VIEW_INFER_H
#define HF_VIEW_INFER_H

#include <stdbool.h>
#include <stdint.h>

/* What is known of an end before a segment. */
struct inferred_end {
    uint32_t isn;     /* of its SYN, or one below the first number seen                       */
    uint32_t fin_seq; /* the number of its FIN, when fin_sent                                 */
    uint8_t state;    /* enum hf_state                                                        */
    bool fin_sent;
};

/* The state of an end after it sent a segment with these flags and this acknowledgement. */
uint8_t hf_infer_sent(const struct inferred_end *own, const struct inferred_end *other,
                      uint16_t flags, uint32_t ack);

/* The state of an end after such a segment was sent to it, if it arrives. */
uint8_t hf_infer_received(const struct inferred_end *own, uint16_t flags, uint32_t ack);

#endif
