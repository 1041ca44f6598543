/* A datagram on its way in, and the pieces of src/ip that look at it. Inside src/ip only. */
#ifndef HF_IP_ARRIVAL_H
#define HF_IP_ARRIVAL_H

#include "ip/ip.h"

struct hf_ip_arrival {
    const struct hf_packet *packet; /* that came last                                         */
    const struct hf_slice *slices;  /* of the packet, or the one that was put together        */
    unsigned slice_count;
    unsigned link;
    bool to_us;
    bool reassembled;
    struct hf_ip_head head;
};

static inline void hf_ip_drop(struct hf_env *env, const struct hf_ip_arrival *in,
                              enum hf_drop reason)
{
    hf_env_drop(env, reason, 0, HF_CLOSED, in->packet);
}

/* The bytes that lie in one piece `offset` bytes into the datagram; *len is 0 behind its end. */
static inline const uint8_t *hf_ip_bytes(const struct hf_ip_arrival *in, uint32_t offset,
                                         uint32_t *len)
{
    for (unsigned i = 0; i < in->slice_count; i++) {
        if (offset < in->slices[i].len) {
            *len = in->slices[i].len - offset;
            return in->slices[i].data + offset;
        }
        offset -= in->slices[i].len;
    }
    *len = 0;
    return 0;
}

/* ---- ip/icmp.c ---- */

/* An ICMP message of the family of its datagram. */
enum hf_ip_verdict hf_icmp_input(struct hf_env *env, struct hf_ip *ip,
                                 const struct hf_ip_arrival *in, struct hf_ip_error *error);

/* Answer with an ICMP error when the datagram deserves one (RFC 1122 3.2.2, RFC 4443 2.4 e) and
 * the rate allows it. `rest`: bytes 4 to 7. The drop itself is for the caller to count. */
void hf_icmp_complain(struct hf_env *env, struct hf_ip *ip, const struct hf_ip_arrival *in,
                      uint8_t type, uint8_t code, uint32_t rest);

/* ---- ip/fragment.c ---- */

/* NULL: no memory. */
struct hf_reassembly *hf_reassembly_new(struct hf_env *env);
void hf_reassembly_free(struct hf_env *env, struct hf_reassembly *r);

/* Take a fragment. True when its datagram is whole now: *whole is the datagram in one piece,
 * with a header that tells of no fragments; it stays until hf_reassembly_release. False: it
 * waits, or was dropped and counted. */
bool hf_reassembly_add(struct hf_env *env, struct hf_ip *ip, const struct hf_ip_arrival *in,
                       struct hf_slice *whole);
void hf_reassembly_release(struct hf_env *env, struct hf_reassembly *r);

/* Give up what has waited too long, and tell its sender. */
void hf_reassembly_expire(struct hf_env *env, struct hf_ip *ip);
hf_time hf_reassembly_deadline(const struct hf_reassembly *r);

/* Bytes that it holds, tables included: never more than settings.fragment_memory. */
uint32_t hf_reassembly_held(const struct hf_reassembly *r);

#endif
