/* What we were told of path MTUs, by destination: a table of fixed size. Inside src/ip only. */
#ifndef HF_IP_PATH_MTU_H
#define HF_IP_PATH_MTU_H

#include "ip/ip.h"

#define HF_IPV6_MTU_MIN 1280u /* RFC 8200 5                                                   */

/* NULL: no memory. */
struct hf_pmtu *hf_pmtu_new(struct hf_env *env);
void hf_pmtu_free(struct hf_env *env, struct hf_pmtu *pmtu);

/* The path MTU to `remote` over a link with `link_mtu`. */
uint16_t hf_pmtu_get(const struct hf_pmtu *pmtu, hf_time now, const uint8_t remote[16],
                     uint16_t link_mtu);

#endif
