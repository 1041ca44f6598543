/* A block told by its differences: see difference.h. The string begins with a set of words as a
 * number of seven bits a byte; then comes a number for each, zigzag, so that a little less is as
 * short as a little more. */
#include "tcp/difference.h"

#include <stddef.h>
#include <string.h>

#include "tcp/tcp.h"

/* Those that differ most often come first, so that the set is a small number. What is beside a field
 * in its word goes with it. (A bit field has no offset of its own.) */
#define WORD(field) (offsetof(struct hf_tcp, field) / 4)
static const uint8_t words[] = {
    WORD(bytes_sent),
    WORD(bytes_received),
    WORD(segments_sent),
    WORD(segments_received),
    WORD(text_segments_sent),
    WORD(text_segments_received),
    WORD(last_send_ms),
    WORD(last_text_ms),
    WORD(rcv_mark),
    WORD(rcv_mark_ms),
    WORD(saved.cwnd),
    WORD(saved.ssthresh),
    WORD(saved.own),
    WORD(spent.busy_ms),
    WORD(snd_wl1),
    WORD(rttvar_us),
    WORD(snd_wnd_max),
    WORD(rcv_adv),
    WORD(spent.window_ms),
    WORD(ts_recent_s),
    WORD(retransmits),
    WORD(bytes_resent),
    WORD(segments_out_of_order),
    WORD(rcv_mark) - 1,  /* rcv_buffer */
    WORD(dup_acks_owed), /* reo_steps */
    WORD(path_mtu),
    WORD(mss_limit),
    WORD(ttl),
    WORD(peer_tos),
    WORD(challenge_s),
    WORD(path_mtu_s),
    WORD(challenge_spent),
    WORD(keepalive_idle_s),
    WORD(keepalive_interval_s),
    WORD(keepalive_interval_s) + 1, /* snd_buffer */
    WORD(r2_ms),
    WORD(user_timeout_ms),
    WORD(bytes_sent) + 1,
    WORD(bytes_received) + 1,
};
_Static_assert(sizeof words <= HF_DIFFERENCE_WORDS, "as many as a string has room for");

static uint32_t word_of(const struct hf_tcp *block, uint32_t i)
{
    uint32_t word;
    memcpy(&word, (const uint8_t *)block + 4u * words[i], sizeof word);
    return word;
}

static uint8_t *write_number(uint8_t *at, uint64_t number)
{
    for (; number > 127; number >>= 7)
        *at++ = (uint8_t)(number | 128);
    *at++ = (uint8_t)number;
    return at;
}

static const uint8_t *read_number(const uint8_t *at, uint64_t *number)
{
    unsigned shift = 0;
    for (*number = 0; *at & 128; shift += 7)
        *number |= (uint64_t)(*at++ & 127) << shift;
    *number |= (uint64_t)*at++ << shift;
    return at;
}

static uint32_t zigzag(uint32_t by)
{
    return by << 1 ^ (0 - (by >> 31));
}

static uint32_t unzigzag(uint64_t number)
{
    return (uint32_t)number >> 1 ^ (0 - ((uint32_t)number & 1));
}

uint32_t hf_difference_write(const struct hf_tcp *block, const struct hf_tcp *expected,
                             uint8_t string[HF_DIFFERENCE_MAX])
{
    uint64_t which = 0;
    for (uint32_t i = 0; i < sizeof words; i++)
        which |= (uint64_t)(word_of(block, i) != word_of(expected, i)) << i;
    uint8_t *at = write_number(string, which);
    for (uint32_t i = 0; which >> i; i++)
        if (which >> i & 1)
            at = write_number(at, zigzag(word_of(block, i) - word_of(expected, i)));
    return (uint32_t)(at - string);
}

void hf_difference_read(const uint8_t *string, struct hf_tcp *block)
{
    uint64_t which, by;
    string = read_number(string, &which);
    for (uint32_t i = 0; which >> i; i++)
        if (which >> i & 1) {
            string = read_number(string, &by);
            uint32_t word = word_of(block, i) + unzigzag(by);
            memcpy((uint8_t *)block + 4u * words[i], &word, sizeof word);
        }
}
