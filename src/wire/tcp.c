/* TCP headers and options: bytes to struct hf_seg, struct hf_segment_head to bytes.
 *
 * The receive road calls hf_tcp_parse once a segment, output calls hf_tcp_build. Nothing here
 * knows a connection: whether an option may be used is decided in src/tcp (the MSS option only
 * with SYN, RFC 9293 MUST-65; timestamps and SACK only when negotiated). The checksum is
 * summed by the caller over its slices; only the pseudo-header's share comes from here.
 *
 * RFC 9293 3.1 and 3.2, RFC 7323 2.2 and 3.2, RFC 2018 2 and 3, RFC 7413 4.1.1. */
#include "wire/tcp.h"

#include <string.h>

#include "base/assert.h"
#include "base/checksum.h"
#include "wire/bytes.h"
#include "wire/ip.h"

/* Kinds and lengths; RFC 9293 3.2, RFC 7323, RFC 2018, RFC 7413, RFC 6994. */
enum {
    KIND_END = 0,
    KIND_NOP = 1,
    KIND_MSS = 2,
    KIND_WSCALE = 3,
    KIND_SACK_PERMITTED = 4,
    KIND_SACK = 5,
    KIND_TS = 8,
    KIND_FAST_OPEN = 34,
    KIND_EXPERIMENT = 254
};
enum { LEN_MSS = 4, LEN_WSCALE = 3, LEN_SACK_PERMITTED = 2, LEN_TS = 10, LEN_SACK_BLOCK = 8 };
enum { FAST_OPEN_MAGIC = 0xf989 };

/* How nearly every SYN looks: MSS, SACK permitted, timestamps, NOP, window scale. */
#define SYN_LAYOUT_LEN 20u

static bool is_syn_layout(const uint8_t *options)
{
    return hf_get16(options) == (KIND_MSS << 8 | LEN_MSS) &&
           hf_get32(options + 4) == ((uint32_t)KIND_SACK_PERMITTED << 24 |
                                     LEN_SACK_PERMITTED << 16 | KIND_TS << 8 | LEN_TS) &&
           hf_get32(options + 16) >> 8 == (KIND_NOP << 16 | KIND_WSCALE << 8 | LEN_WSCALE);
}

static void read_ts(const uint8_t *value, struct hf_tcp_options *out)
{
    out->has_ts = true;
    out->tsval = hf_get32(value);
    out->tsecr = hf_get32(value + 4);
}

static void read_sack(const uint8_t *value, uint32_t len, struct hf_tcp_options *out)
{
    uint32_t blocks = len / LEN_SACK_BLOCK;
    if (blocks == 0 || blocks > HF_SACK_BLOCKS_MAX || len % LEN_SACK_BLOCK != 0)
        return;
    out->sacks = (uint8_t)blocks;
    for (uint32_t i = 0; i < blocks; i++) {
        out->sack[i].start = hf_get32(value + i * LEN_SACK_BLOCK);
        out->sack[i].end = hf_get32(value + i * LEN_SACK_BLOCK + 4);
    }
}

/* A cookie of an odd length is passed over; one that is too short or too long stands for none,
 * whatever came before (RFC 7413 4.1.1; of several the last counts, as with Linux). */
static void read_fast_open(const uint8_t *cookie, uint32_t len, unsigned form,
                           struct hf_tcp_options *out)
{
    if (len % 2 != 0)
        return;
    bool fits = len == 0 || (len >= HF_FAST_OPEN_COOKIE_MIN && len <= HF_FAST_OPEN_COOKIE_MAX);
    out->fast_open = (uint8_t)(fits ? HF_FAST_OPEN_OPTION | form | len : 0);
    out->cookie = cookie;
}

/* One option that has a length byte. `len`: of its value. What is of the wrong size for its
 * kind, and what is unknown, is skipped (RFC 9293 MUST-6). */
static void read_option(uint8_t kind, const uint8_t *value, uint32_t len,
                        struct hf_tcp_options *out)
{
    switch (kind) {
    case KIND_MSS:
        if (len == LEN_MSS - 2) {
            out->has_mss = true;
            out->mss = hf_get16(value);
        }
        break;
    case KIND_WSCALE: /* more than 14 is taken as 14, RFC 7323 2.3 */
        if (len == LEN_WSCALE - 2)
            out->wscale = value[0] > HF_WSCALE_MAX ? HF_WSCALE_MAX : value[0];
        break;
    case KIND_SACK_PERMITTED:
        if (len == LEN_SACK_PERMITTED - 2)
            out->sack_permitted = true;
        break;
    case KIND_SACK:
        read_sack(value, len, out);
        break;
    case KIND_TS:
        if (len == LEN_TS - 2)
            read_ts(value, out);
        break;
    case KIND_FAST_OPEN:
        read_fast_open(value, len, 0, out);
        break;
    case KIND_EXPERIMENT:
        if (len >= 2 && hf_get16(value) == FAST_OPEN_MAGIC)
            read_fast_open(value + 2, len - 2, HF_FAST_OPEN_EXPERIMENTAL, out);
        break;
    default:
        break;
    }
}

void hf_tcp_parse_other_options(const uint8_t *options, uint32_t len, struct hf_tcp_options *out)
{
    memset(out, 0,
           offsetof(struct hf_tcp_options, sack)); /* there are no blocks to read        */
    out->wscale = HF_NO_WSCALE;
    if (len == SYN_LAYOUT_LEN && is_syn_layout(options)) {
        out->has_mss = out->sack_permitted = true;
        out->mss = hf_get16(options + 2);
        read_ts(options + 8, out);
        out->wscale = options[19] > HF_WSCALE_MAX ? HF_WSCALE_MAX : options[19];
        return;
    }
    struct hf_reader r = {options, options + len, false};
    while (hf_reader_left(&r) > 0) {
        uint8_t kind = hf_reader_u8(&r);
        if (kind == KIND_END)
            return;
        if (kind == KIND_NOP)
            continue;
        uint8_t option_len = hf_reader_u8(&r);
        if (option_len < 2) /* illegal, or there was none: stop (RFC 9293 MUST-7) */
            return;
        const uint8_t *value = hf_reader_take(&r, option_len - 2u);
        if (!value)
            return;
        read_option(kind, value, option_len - 2u, out);
    }
}

static bool wants_mss(const struct hf_tcp_options *options)
{
    return options->has_mss || options->mss != 0;
}

static uint32_t fast_open_len(const struct hf_tcp_options *options)
{
    bool experimental = (options->fast_open & HF_FAST_OPEN_EXPERIMENTAL) != 0;
    return (experimental ? 4u : 2u) + hf_fast_open_cookie_len(options);
}

uint32_t hf_tcp_options_len(const struct hf_tcp_options *options)
{
    uint32_t len = 0;
    if (wants_mss(options))
        len += LEN_MSS;
    if (options->has_ts)
        len += 2 + LEN_TS;
    else if (options->sack_permitted)
        len += 2 + LEN_SACK_PERMITTED;
    if (options->wscale != HF_NO_WSCALE)
        len += 1 + LEN_WSCALE;
    if (options->sacks)
        len += 4 + (uint32_t)options->sacks * LEN_SACK_BLOCK;
    if (options->fast_open)
        len += (fast_open_len(options) + 3) & ~3u;
    return len;
}

/* The start of an option whose value fills the word or follows it. */
static uint8_t *put_word(uint8_t *p, unsigned a, unsigned b, unsigned c, unsigned d)
{
    hf_put32(p, a << 24 | b << 16 | c << 8 | d);
    return p + 4;
}

static uint8_t *put_sack(uint8_t *p, const struct hf_tcp_options *options)
{
    p = put_word(p, KIND_NOP, KIND_NOP, KIND_SACK,
                 2u + (unsigned)options->sacks * LEN_SACK_BLOCK);
    for (unsigned i = 0; i < options->sacks; i++) {
        hf_put32(p, options->sack[i].start);
        hf_put32(p + 4, options->sack[i].end);
        p += LEN_SACK_BLOCK;
    }
    return p;
}

static uint8_t *put_fast_open(uint8_t *p, const struct hf_tcp_options *options)
{
    uint32_t len = fast_open_len(options), cookie = hf_fast_open_cookie_len(options);
    bool experimental = (options->fast_open & HF_FAST_OPEN_EXPERIMENTAL) != 0;
    *p++ = experimental ? KIND_EXPERIMENT : KIND_FAST_OPEN;
    *p++ = (uint8_t)len;
    if (experimental) {
        hf_put16(p, FAST_OPEN_MAGIC);
        p += 2;
    }
    if (cookie)
        memcpy(p, options->cookie, cookie);
    p += cookie;
    for (; len % 4; len++)
        *p++ = KIND_NOP;
    return p;
}

/* Every option ends on a multiple of four, so no byte follows the last one (RFC 9293 MUST-69). */
static uint8_t *put_options(uint8_t *p, const struct hf_tcp_options *options)
{
    bool sack_permitted = options->sack_permitted;
    if (wants_mss(options))
        p = put_word(p, KIND_MSS, LEN_MSS, options->mss >> 8, options->mss & 0xff);
    if (options->has_ts) {
        p = sack_permitted ? put_word(p, KIND_SACK_PERMITTED, LEN_SACK_PERMITTED, KIND_TS, LEN_TS)
                           : put_word(p, KIND_NOP, KIND_NOP, KIND_TS, LEN_TS);
        hf_put32(p, options->tsval);
        hf_put32(p + 4, options->tsecr);
        p += 8;
    } else if (sack_permitted) {
        p = put_word(p, KIND_NOP, KIND_NOP, KIND_SACK_PERMITTED, LEN_SACK_PERMITTED);
    }
    if (options->wscale != HF_NO_WSCALE)
        p = put_word(p, KIND_NOP, KIND_WSCALE, LEN_WSCALE, options->wscale);
    if (HF_UNLIKELY(options->sacks != 0))
        p = put_sack(p, options);
    return HF_UNLIKELY(options->fast_open != 0) ? put_fast_open(p, options) : p;
}

/* A timestamp and nothing else: nearly every segment. */
static bool has_only_ts(const struct hf_tcp_options *o)
{
    static const struct hf_tcp_options only_ts = {.wscale = HF_NO_WSCALE, .has_ts = true};
    return memcmp(o, &only_ts, offsetof(struct hf_tcp_options, tsval)) == 0;
}

/* What nearly every SYN has; the sum over it. is_syn_layout reads it. */
static bool has_syn_layout(const struct hf_tcp_options *o)
{
    return (o->has_mss & o->sack_permitted & o->has_ts) && o->wscale != HF_NO_WSCALE &&
           !(o->sacks | o->fast_open);
}

static uint64_t put_syn_layout(uint8_t *p, const struct hf_tcp_options *o)
{
    uint64_t mss = hf_put32_32(p, KIND_MSS << 24 | LEN_MSS << 16 | (uint32_t)o->mss,
                               (uint32_t)KIND_SACK_PERMITTED << 24 | LEN_SACK_PERMITTED << 16 |
                                   KIND_TS << 8 | LEN_TS);
    uint64_t ts = hf_put32_32(p + 8, o->tsval, o->tsecr);
    uint64_t wscale = hf_put32_native(p + 16, KIND_NOP << 24 | KIND_WSCALE << 16 |
                                                  LEN_WSCALE << 8 | (uint32_t)o->wscale);
    return hf_checksum_join(hf_checksum_join(mss, ts), wscale);
}

/* Any others. Returns the sum over them; *len is the header's length. */
HF_APART static uint64_t put_other_options(uint8_t *dst, const struct hf_tcp_options *options,
                                           uint32_t *len)
{
    if (HF_LIKELY(has_syn_layout(options))) {
        *len = HF_TCP_HEADER + SYN_LAYOUT_LEN;
        return put_syn_layout(dst, options);
    }
    uint32_t n = (uint32_t)(put_options(dst, options) - dst);
    HF_ASSERT(n <= HF_TCP_OPTIONS_MAX);
    *len = HF_TCP_HEADER + n;
    return hf_checksum_native(dst, n / 4);
}

uint32_t hf_tcp_build_summed(uint8_t *dst, const struct hf_flow *flow,
                             const struct hf_segment_head *head, uint64_t *native)
{
    const struct hf_tcp_options *o = &head->options;
    uint64_t sum = hf_put32_32(dst, hf_flow_ports_to(flow), head->seq);
    uint32_t word = (head->flags & 0x1ffu) << 16 | head->window;
    uint32_t len = HF_TCP_HEADER + HF_TS_LAYOUT_LEN;
    if (HF_LIKELY(has_only_ts(o))) {
        sum = hf_checksum_join(sum, hf_put32_32(dst + 16, head->urgent, HF_TS_LAYOUT));
        sum = hf_checksum_join(sum, hf_put32_32(dst + 24, o->tsval, o->tsecr));
    } else {
        sum = hf_checksum_join(sum, hf_put32_native(dst + 16, head->urgent));
        sum = hf_checksum_join(sum, put_other_options(dst + HF_TCP_HEADER, o, &len));
    }
    *native = hf_checksum_join(sum, hf_put32_32(dst + 8, head->ack, len / 4 << 28 | word));
    return len;
}

uint32_t hf_tcp_pseudo_sum(const struct hf_flow *flow, uint32_t tcp_len)
{
    /* A sum does not tell source from destination, and the prefix of an IPv4 key, one word
     * 0xffff, is a zero in it: the 32 bytes of both keys are right for either family. */
    _Static_assert(offsetof(struct hf_flow, remote) == 16, "the keys stand side by side");
    return hf_checksum_words(flow, 8, HF_PROTO_TCP + (tcp_len >> 16) + (tcp_len & 0xffff));
}
