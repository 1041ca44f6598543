/* See owner.h. Reads headers by itself, and only as far as it must: what is wrong with a packet, the
 * stack that gets it finds out. */
#include "host/owner.h"

#include <string.h>

#define TCP 6
#define ICMP4 1
#define ICMP6 58
#define FRAGMENT6 44

static uint32_t get16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) << 16 | get16(at + 2);
}

/* ---- The hash ---- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    /* The two halves of the product, for compilers without 128 bits by parts. */
    uint64_t ah = a >> 32, al = (uint32_t)a, bh = b >> 32, bl = (uint32_t)b;
    uint64_t middle = ah * bl + (al * bl >> 32), other = al * bh + (uint32_t)middle;
    uint64_t high = ah * bh + (middle >> 32) + (other >> 32);
    return high ^ a * b;
}

static uint64_t word(const uint8_t *at)
{
    uint64_t w;
    memcpy(&w, at, sizeof w);
    return w;
}

struct hf_owner_key hf_owner_key_of(const uint8_t seed[16])
{
    struct hf_owner_key key;
    uint64_t state = word(seed), other = word(seed + 8);
    for (int i = 0; i < 4; i++) {
        state = mix(state + 0x9e3779b97f4a7c15u * (uint64_t)(i + 1), other ^ 0xd6e8feb86659fd93u);
        key.word[i] = state ^ other << i;
    }
    return key;
}

/* Two addresses of 16 bytes and what else tells one from the other. Only whom it reaches matters. */
static unsigned among(const struct hf_owner_key *key, unsigned members, const uint8_t *a,
                      const uint8_t *b, uint64_t rest)
{
    uint64_t h = mix(word(a) ^ key->word[0], word(a + 8) ^ key->word[1]);
    h = mix(h ^ word(b) ^ key->word[2], word(b + 8) ^ key->word[3]);
    h = mix(h ^ rest ^ key->word[1], h ^ key->word[2]);
    return (unsigned)((h >> 32) * members >> 32);
}

/* ---- Headers ---- */

struct header {
    const uint8_t *at, *payload;
    uint32_t len; /* of the payload that is there                                              */
    uint8_t source[16], destination[16];
    uint8_t version, protocol;
    bool fragment, first;
    uint32_t id;
};

static void read_address(uint8_t to[16], const uint8_t *at, uint32_t bytes)
{
    memset(to, 0, 16);
    memcpy(to, at, bytes);
}

static bool read_ipv4(const uint8_t *at, uint32_t len, struct header *h)
{
    uint32_t header = (at[0] & 15u) * 4;
    if (header < 20 || header > len)
        return false;
    read_address(h->source, at + 12, 4);
    read_address(h->destination, at + 16, 4);
    h->protocol = at[9];
    h->id = get16(at + 4);
    h->fragment = (get16(at + 6) & 0x3fff) != 0;
    h->first = (get16(at + 6) & 0x1fff) == 0;
    h->payload = at + header;
    h->len = len - header;
    return true;
}

/* Hop-by-hop, routing, destination options. */
static bool is_extension(uint8_t next)
{
    return next == 0 || next == 43 || next == 60;
}

static bool read_ipv6(const uint8_t *at, uint32_t len, struct header *h)
{
    uint32_t here = 40;
    if (len < 40)
        return false;
    read_address(h->source, at + 8, 16);
    read_address(h->destination, at + 24, 16);
    h->protocol = at[6];
    h->first = true;
    while (here + 8 <= len && (is_extension(h->protocol) || h->protocol == FRAGMENT6)) {
        const uint8_t *e = at + here;
        if (h->protocol == FRAGMENT6) {
            h->fragment = true;
            h->first = (get16(e + 2) & 0xfff8) == 0;
            h->id = get32(e + 4);
            here += 8;
        } else {
            here += (e[1] + 1u) * 8;
        }
        h->protocol = e[0];
        if (!h->first)
            break;
    }
    if (here > len)
        return false;
    h->payload = at + here;
    h->len = len - here;
    return true;
}

static bool read_header(const uint8_t *at, uint32_t len, struct header *h)
{
    memset(h, 0, sizeof *h);
    if (len < 20)
        return false;
    h->at = at;
    h->version = at[0] >> 4;
    return h->version == 4 ? read_ipv4(at, len, h) : h->version == 6 && read_ipv6(at, len, h);
}

/* ---- Whose ---- */

/* `source` and `destination` as they stand in packets that reach us. */
static unsigned of_flow(const struct hf_owner_key *key, unsigned members, const uint8_t *source,
                        const uint8_t *destination, uint32_t from, uint32_t to)
{
    return among(key, members, source, destination, (uint64_t)from << 16 | to | 1u << 31);
}

/* The datagram in an ICMP error, which we have sent. */
static bool quoted(const struct header *h, struct header *quote)
{
    if (h->len < 8)
        return false;
    uint8_t type = h->payload[0];
    bool error = h->version == 4 ? h->protocol == ICMP4 && (type == 3 || type == 4 || type == 5 ||
                                                            type == 11 || type == 12)
                                 : h->protocol == ICMP6 && type >= 1 && type <= 4;
    return error && read_header(h->payload + 8, h->len - 8, quote) && quote->protocol == TCP &&
           quote->first && quote->len >= 4;
}

void hf_owner_of(const struct hf_owner_key *key, unsigned members, const struct hf_packet *packet,
                 struct hf_owner *owner)
{
    struct header h, quote;
    memset(owner, 0, sizeof *owner);
    if (packet->slices == 0 || !read_header(packet->slice[0].data, packet->slice[0].len, &h))
        return;
    bool ports = h.protocol == TCP && h.first && h.len >= 4;
    unsigned flow = ports ? of_flow(key, members, h.source, h.destination, get16(h.payload),
                                    get16(h.payload + 2))
                          : 0;
    if (h.fragment) {
        owner->kind = HF_OWNER_FRAGMENT;
        owner->owner = among(key, members, h.source, h.destination, 0);
        owner->has_flow = ports;
        owner->of_flow = flow;
        memcpy(owner->datagram.source, h.source, 16);
        memcpy(owner->datagram.destination, h.destination, 16);
        owner->datagram.id = h.id;
        owner->datagram.protocol = h.protocol;
        owner->datagram.version = h.version;
    } else if (ports) {
        owner->kind = HF_OWNER_FLOW;
        owner->owner = flow;
    } else if (quoted(&h, &quote)) {
        owner->kind = HF_OWNER_FLOW;
        owner->owner = of_flow(key, members, quote.destination, quote.source,
                               get16(quote.payload + 2), get16(quote.payload));
    }
}

unsigned hf_owner_of_flow(const struct hf_owner_key *key, unsigned members,
                          const struct hf_endpoint *local, const struct hf_endpoint *remote)
{
    uint8_t here[16], there[16];
    uint32_t bytes = local->addr.family == HF_IPV4 ? 4 : 16;
    read_address(here, local->addr.bytes, bytes);
    read_address(there, remote->addr.bytes, bytes);
    return of_flow(key, members, there, here, remote->port, local->port);
}
