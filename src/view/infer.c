/* States out of segments. See infer.h. */
#include "infer.h"

#include <handfast/trace.h>

static bool reaches(uint32_t ack, uint32_t seq)
{
    return (int32_t)(ack - seq) > 0;
}

uint8_t hf_infer_sent(const struct inferred_end *own, const struct inferred_end *other,
                      uint16_t flags, uint32_t ack)
{
    uint8_t state = own->state;

    if ((flags & HF_RST) != 0)
        return HF_CLOSED;
    if ((flags & HF_SYN) != 0)
        return (flags & HF_ACK) != 0 ? HF_SYN_RECEIVED : HF_SYN_SENT;
    if ((flags & HF_ACK) != 0) {
        if (state <= HF_SYN_RECEIVED && !(state == HF_CLOSED && own->fin_sent))
            state = HF_ESTABLISHED;
        if (other->fin_sent && reaches(ack, other->fin_seq)) {
            if (state == HF_ESTABLISHED)
                state = HF_CLOSE_WAIT;
            if (state == HF_FIN_WAIT_1)
                state = HF_CLOSING;
            if (state == HF_FIN_WAIT_2)
                state = HF_TIME_WAIT;
        }
    }
    if ((flags & HF_FIN) != 0) {
        if (state == HF_ESTABLISHED || state == HF_FIN_WAIT_2)
            state = HF_FIN_WAIT_1;
        if (state == HF_CLOSE_WAIT || state == HF_CLOSED)
            state = HF_LAST_ACK;
    }
    return state;
}

uint8_t hf_infer_received(const struct inferred_end *own, uint16_t flags, uint32_t ack)
{
    uint8_t state = own->state;

    if ((flags & HF_RST) != 0)
        return HF_CLOSED;
    if ((flags & HF_ACK) == 0)
        return state;
    if (state == HF_SYN_RECEIVED && (flags & HF_SYN) == 0 && reaches(ack, own->isn))
        state = HF_ESTABLISHED;
    if (own->fin_sent && reaches(ack, own->fin_seq)) {
        if (state == HF_FIN_WAIT_1)
            state = HF_FIN_WAIT_2;
        if (state == HF_CLOSING)
            state = HF_TIME_WAIT;
        if (state == HF_LAST_ACK)
            state = HF_CLOSED;
    }
    return state;
}
