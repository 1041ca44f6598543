/* Putting datagrams together from fragments, IPv4 and IPv6 (RFC 791 3.2, RFC 8200 4.5, RFC
 * 5722). The shape of a single fragment was judged by the parser; here they meet.
 *
 *   - An overlap ends the whole datagram and all of it that is still to come: the entry
 *     stays, without bytes, and swallows the rest until its time is over. An exact repeat
 *     is let pass.
 *   - Memory has a hard limit, tables and overhead counted. A source has a limited number
 *     of datagrams. At the limit a source that holds an eighth of all pays first, the
 *     heaviest of those with its oldest; else the oldest datagram of all goes. So a flood
 *     from one source costs that source, and in a flood from many sources an honest
 *     datagram, whose fragments follow each other at once, is whole long before it becomes
 *     the oldest.
 *   - Work for a packet is bounded: tables with keyed hashes, at most PIECES_MAX pieces in
 *     a datagram, and what is evicted had been paid for by the packet that brought it. */
#include "base/checksum.h"
#include "ip/arrival.h"
#include "wire/bytes.h"
#include "wire/icmp.h"

/* 64 KiB in the 552 bytes that the smallest usual MTU, 576, lets through. */
#define PIECES_MAX 128u
#define HEAVY_SHARE 8u /* so at most seven sources are heavy at once */
#define UNKNOWN UINT32_MAX

struct piece {
    struct piece *next;   /* by offset                                                        */
    uint32_t offset, len; /* in the datagram                                                  */
    uint32_t header;      /* bytes of headers kept before the text: of the first piece only   */
    uint8_t bytes[];
};

struct source {
    struct source *next;              /* in its slot                                          */
    struct datagram *oldest, *newest; /* of its own                                           */
    uint32_t count;                   /* datagrams                                            */
    uint32_t held;                    /* bytes                                                */
    uint8_t key[16];
};

struct datagram {
    struct datagram *next;                  /* in its slot                                    */
    struct datagram *older, *newer;         /* of all                                         */
    struct datagram *own_older, *own_newer; /* of its source                                  */
    struct source *source;
    struct piece *first, *last;
    hf_time until;
    uint32_t pieces, have;  /* bytes of text                                                  */
    uint32_t total;         /* bytes of text when whole; UNKNOWN before the last piece came   */
    bool spoiled;           /* overlapped: nothing of it is wanted any more                   */
    struct hf_ip_head head; /* of the first piece; before it came, of any                     */
    uint8_t link;
};

struct hf_reassembly {
    struct hf_key key;
    uint32_t limit, held; /* bytes, tables included                                           */
    uint32_t slots;       /* of each table, a power of two; 0: no fragments at all            */
    struct source **sources;
    struct datagram **datagrams;
    struct datagram *oldest, *newest;
    struct source *heavy[HEAVY_SHARE];
    uint32_t heavy_count;
    uint8_t *whole; /* what was handed over last                                              */
    uint32_t whole_size;
};

/* ---- Memory ---- */

static void *take(struct hf_env *env, struct hf_reassembly *r, uint32_t size)
{
    if (r->limit - r->held < size || hf_budget_room(&env->budget, HF_USE_REASSEMBLY) < size)
        return 0;
    void *memory = hf_budget_alloc(&env->budget, size);
    if (memory)
        r->held += size;
    return memory;
}

static void give(struct hf_env *env, struct hf_reassembly *r, void *memory, uint32_t size)
{
    hf_budget_free(&env->budget, memory, size);
    r->held -= size;
}

/* Slots for one datagram in a kilobyte: an honest one is larger. */
static uint32_t slots_for(uint32_t limit)
{
    uint32_t slots = 16;
    while (slots < 65536 && slots < limit / 1024)
        slots *= 2;
    return slots;
}

static uint32_t table_size(uint32_t slots)
{
    return slots * (uint32_t)(sizeof(struct source *) + sizeof(struct datagram *));
}

struct hf_reassembly *hf_reassembly_new(struct hf_env *env)
{
    struct hf_reassembly *r = hf_budget_alloc(&env->budget, sizeof *r);
    if (!r)
        return 0;
    memset(r, 0, sizeof *r);
    r->key = hf_key_derive(env->seed, 0x69702f66726167); /* "ip/frag" */
    r->limit = env->settings->fragment_memory;
    uint32_t slots = slots_for(r->limit), tables = table_size(slots);
    if (r->limit < sizeof *r || r->limit - (uint32_t)sizeof *r < tables)
        return r; /* too little to work with: every fragment is dropped */
    r->sources = hf_budget_alloc(&env->budget, tables);
    if (!r->sources) {
        hf_budget_free(&env->budget, r, sizeof *r);
        return 0;
    }
    memset(r->sources, 0, tables);
    r->datagrams = (struct datagram **)(void *)(r->sources + slots);
    r->slots = slots;
    r->held = (uint32_t)sizeof *r + tables;
    return r;
}

uint32_t hf_reassembly_held(const struct hf_reassembly *r)
{
    return r->held;
}

/* ---- Sources ---- */

static struct source **source_slot(const struct hf_reassembly *r, const uint8_t key[16])
{
    return &r->sources[hf_siphash13(&r->key, key, 16) & (r->slots - 1)];
}

static struct source *find_source(const struct hf_reassembly *r, const uint8_t key[16])
{
    for (struct source *s = *source_slot(r, key); s; s = s->next)
        if (memcmp(s->key, key, 16) == 0)
            return s;
    return 0;
}

static struct source *new_source(struct hf_env *env, struct hf_reassembly *r,
                                 const uint8_t key[16])
{
    struct source *s = take(env, r, sizeof *s);
    if (!s)
        return 0;
    struct source **slot = source_slot(r, key);
    *s = (struct source){.next = *slot};
    memcpy(s->key, key, 16);
    *slot = s;
    return s;
}

static void free_source(struct hf_env *env, struct hf_reassembly *r, struct source *s)
{
    struct source **at = source_slot(r, s->key);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    give(env, r, s, sizeof *s);
}

/* What a source holds changed: keep the list of those that hold much. */
static void weigh(struct hf_reassembly *r, struct source *s, uint32_t held)
{
    bool was = s->held > r->limit / HEAVY_SHARE, is = held > r->limit / HEAVY_SHARE;
    s->held = held;
    if (is && !was)
        r->heavy[r->heavy_count++] = s;
    if (!was || is)
        return;
    for (uint32_t i = 0; i < r->heavy_count; i++)
        if (r->heavy[i] == s)
            r->heavy[i] = r->heavy[--r->heavy_count];
}

/* ---- Datagrams ---- */

static struct datagram **datagram_slot(const struct hf_reassembly *r,
                                       const struct hf_ip_head *head)
{
    uint8_t id[36];
    memcpy(id, head->src, 16);
    memcpy(id + 16, head->dst, 16);
    hf_put32(id + 32, head->id);
    return &r->datagrams[hf_siphash13(&r->key, id, sizeof id) & (r->slots - 1)];
}

/* Addresses and ID name a datagram; for IPv4 the protocol too (RFC 791 3.2, RFC 8200 4.5). */
static bool is_of(const struct datagram *d, unsigned link, const struct hf_ip_head *head)
{
    return d->head.id == head->id && d->link == link && memcmp(d->head.src, head->src, 16) == 0 &&
           memcmp(d->head.dst, head->dst, 16) == 0 &&
           (head->family == HF_IPV6 || d->head.protocol == head->protocol);
}

static struct datagram *find_datagram(const struct hf_reassembly *r, unsigned link,
                                      const struct hf_ip_head *head)
{
    for (struct datagram *d = *datagram_slot(r, head); d; d = d->next)
        if (is_of(d, link, head))
            return d;
    return 0;
}

static void free_pieces(struct hf_env *env, struct hf_reassembly *r, struct datagram *d)
{
    uint32_t freed = 0;
    while (d->first) {
        struct piece *p = d->first;
        uint32_t size = (uint32_t)sizeof *p + p->header + p->len;
        d->first = p->next;
        give(env, r, p, size);
        freed += size;
    }
    d->last = 0;
    d->pieces = d->have = 0;
    weigh(r, d->source, d->source->held - freed);
}

/* RFC 5722 3: nothing of it is of use, nor what is still to come. */
static void spoil(struct hf_env *env, struct hf_reassembly *r, struct datagram *d)
{
    free_pieces(env, r, d);
    d->spoiled = true;
}

static void free_datagram(struct hf_env *env, struct hf_reassembly *r, struct datagram *d)
{
    struct source *s = d->source;
    free_pieces(env, r, d);

    struct datagram **at = datagram_slot(r, &d->head);
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    *(d->older ? &d->older->newer : &r->oldest) = d->newer;
    *(d->newer ? &d->newer->older : &r->newest) = d->older;
    *(d->own_older ? &d->own_older->own_newer : &s->oldest) = d->own_newer;
    *(d->own_newer ? &d->own_newer->own_older : &s->newest) = d->own_older;

    weigh(r, s, s->held - (uint32_t)sizeof *d);
    give(env, r, d, sizeof *d);
    if (--s->count == 0)
        free_source(env, r, s);
}

static struct datagram *new_datagram(struct hf_env *env, struct hf_reassembly *r,
                                     struct source *s, const struct hf_ip_arrival *in)
{
    struct datagram *d = take(env, r, sizeof *d);
    if (!d)
        return 0;
    struct datagram **slot = datagram_slot(r, &in->head);
    *d = (struct datagram){
        .next = *slot,
        .older = r->newest,
        .own_older = s->newest,
        .source = s,
        .until = env->now + env->settings->fragment_timeout,
        .total = UNKNOWN,
        .head = in->head,
        .link = (uint8_t)in->link,
    };
    *slot = d;
    *(d->older ? &d->older->newer : &r->oldest) = d;
    r->newest = d;
    *(d->own_older ? &d->own_older->own_newer : &s->oldest) = d;
    s->newest = d;
    s->count++;
    weigh(r, s, s->held + (uint32_t)sizeof *d);
    return d;
}

/* ---- Limits ---- */

static struct datagram *choose_victim(const struct hf_reassembly *r)
{
    const struct source *most = 0;
    for (uint32_t i = 0; i < r->heavy_count; i++)
        if (!most || r->heavy[i]->held > most->held)
            most = r->heavy[i];
    return most ? most->oldest : r->oldest;
}

/* Make room for `size` bytes more. False: it would cost `keep` itself, or it is too much. */
static bool make_room(struct hf_env *env, struct hf_reassembly *r, uint32_t size,
                      const struct datagram *keep)
{
    while (r->limit - r->held < size || hf_budget_room(&env->budget, HF_USE_REASSEMBLY) < size) {
        struct datagram *victim = choose_victim(r);
        if (!victim || victim == keep)
            return false;
        free_datagram(env, r, victim);
        hf_env_drop(env, HF_DROP_FRAGMENT_LIMIT, 0, HF_CLOSED, 0);
    }
    return true;
}

/* The datagram that a fragment belongs to, made when there is none. A source at its limit
 * gives up its oldest. NULL: no memory. */
static struct datagram *obtain(struct hf_env *env, struct hf_reassembly *r,
                               const struct hf_ip_arrival *in)
{
    const uint8_t *key = in->head.src;
    struct datagram *d = find_datagram(r, in->link, &in->head);
    if (d)
        return d;
    struct source *s = find_source(r, key);
    if (s && s->count >= env->settings->fragment_per_source) {
        free_datagram(env, r, s->oldest);
        hf_env_drop(env, HF_DROP_FRAGMENT_LIMIT, 0, HF_CLOSED, 0);
    }
    if (!make_room(env, r, sizeof(struct source) + sizeof(struct datagram), 0))
        return 0;
    s = find_source(r, key); /* making room may have taken it */
    bool made = !s;
    if (made)
        s = new_source(env, r, key);
    if (!s)
        return 0;
    d = new_datagram(env, r, s, in);
    if (!d && made)
        free_source(env, r, s);
    return d;
}

/* ---- Pieces ---- */

enum fit { FIT_NEW, FIT_REPEAT, FIT_OVERLAP };

static bool same_text(const struct hf_ip_arrival *in, const struct piece *p)
{
    uint32_t at = in->head.header, compared = 0, run;
    while (compared < p->len) {
        const uint8_t *data = hf_ip_bytes(in, at + compared, &run);
        if (run > p->len - compared)
            run = p->len - compared;
        if (run == 0 || memcmp(data, p->bytes + p->header + compared, run) != 0)
            return false;
        compared += run;
    }
    return true;
}

/* Where a fragment goes: behind *after (NULL: in front). */
static enum fit find_place(const struct datagram *d, const struct hf_ip_arrival *in, uint32_t len,
                           struct piece **after)
{
    uint32_t start = in->head.offset, end = start + len;
    *after = 0;
    if (d->last && d->last->offset + d->last->len <= start) { /* in order, as they mostly come */
        *after = d->last;
        return FIT_NEW;
    }
    for (struct piece *p = d->first; p && p->offset < end; p = p->next) {
        if (p->offset == start && p->len == len && same_text(in, p))
            return FIT_REPEAT;
        if (p->offset + p->len > start)
            return FIT_OVERLAP;
        *after = p;
    }
    return FIT_NEW;
}

/* Does it agree with what is known of the end? A repeat agrees when it says `more` as before. */
static bool end_agrees(const struct datagram *d, const struct hf_ip_head *head, uint32_t len)
{
    uint32_t end = head->offset + len;
    if (head->more)
        return d->total == UNKNOWN || end < d->total;
    if (d->total != UNKNOWN)
        return end == d->total;
    return !d->last || d->last->offset + d->last->len <= end;
}

static void copy_out(const struct hf_ip_arrival *in, uint32_t from, uint32_t len, uint8_t *dst)
{
    while (len > 0) {
        uint32_t run;
        const uint8_t *data = hf_ip_bytes(in, from, &run);
        if (run > len)
            run = len;
        memcpy(dst, data, run);
        dst += run;
        from += run;
        len -= run;
    }
}

/* The first piece keeps its headers: they become those of the whole, and a complaint quotes
 * them. */
static bool insert(struct hf_env *env, struct hf_reassembly *r, struct datagram *d,
                   const struct hf_ip_arrival *in, uint32_t len, struct piece *after)
{
    uint32_t header = in->head.offset == 0 ? in->head.header : 0;
    uint32_t size = (uint32_t)sizeof(struct piece) + header + len;
    if (!make_room(env, r, size, d))
        return false;
    struct piece *p = take(env, r, size);
    if (!p)
        return false;
    p->offset = in->head.offset;
    p->len = len;
    p->header = header;
    copy_out(in, in->head.header - header, header + len, p->bytes);
    struct piece **link = after ? &after->next : &d->first;
    p->next = *link;
    *link = p;
    if (!p->next)
        d->last = p;
    if (header)
        d->head = in->head;
    if (!in->head.more)
        d->total = in->head.offset + len;
    d->pieces++;
    d->have += len;
    weigh(r, d->source, d->source->held + size);
    return true;
}

/* ---- The whole ---- */

/* Make a header of the first piece's: returns its length. IPv4: no fragment any more. IPv6: the
 * fragment header goes, and what named it names what it named (RFC 8200 4.5). */
static uint32_t build_header(uint8_t *dst, const struct datagram *d)
{
    const struct hf_ip_head *head = &d->head;
    const uint8_t *src = d->first->bytes;
    if (head->family == HF_IPV4) {
        memcpy(dst, src, head->header);
        hf_put16(dst + 2, head->header + d->total);
        hf_put16(dst + 6, 0);
        hf_put16(dst + 10, 0);
        hf_put16(dst + 10, hf_checksum_finish(hf_checksum_add(dst, head->header, 0)));
        return head->header;
    }
    memcpy(dst, src, head->fragment_at);
    dst[head->next_at] = src[head->fragment_at];
    hf_put16(dst + 4, head->fragment_at - 40 + d->total);
    return head->fragment_at;
}

/* Headers count in the 16-bit length: all of them for IPv4, extension headers for IPv6. */
static bool is_too_long(const struct datagram *d)
{
    const struct hf_ip_head *head = &d->head;
    uint32_t headers = head->family == HF_IPV4 ? head->header : head->fragment_at - 40;
    return headers + d->total > 65535;
}

static enum hf_drop build_whole(struct hf_env *env, struct hf_reassembly *r, struct datagram *d,
                                struct hf_slice *whole)
{
    if (is_too_long(d))
        return HF_DROP_FRAGMENT_BAD;
    uint32_t size = d->head.header + d->total;
    if (!make_room(env, r, size, d))
        return HF_DROP_FRAGMENT_LIMIT;
    r->whole = take(env, r, size);
    if (!r->whole)
        return HF_DROP_MEMORY;
    r->whole_size = size;
    uint32_t len = build_header(r->whole, d);
    for (const struct piece *p = d->first; p; p = p->next) {
        memcpy(r->whole + len, p->bytes + p->header, p->len);
        len += p->len;
    }
    *whole = (struct hf_slice){.data = r->whole, .len = len};
    return HF_DROP_NONE;
}

void hf_reassembly_release(struct hf_env *env, struct hf_reassembly *r)
{
    if (!r->whole)
        return;
    give(env, r, r->whole, r->whole_size);
    r->whole = 0;
}

/* One fragment into its datagram; HF_DROP_NONE when it was kept, or was there before. */
static enum hf_drop keep(struct hf_env *env, struct hf_reassembly *r, struct datagram *d,
                         const struct hf_ip_arrival *in)
{
    uint32_t len = in->head.total - in->head.header;
    struct piece *after;
    if (d->spoiled)
        return HF_DROP_FRAGMENT_OVERLAP;
    enum fit fit = find_place(d, in, len, &after);
    if (fit == FIT_OVERLAP || !end_agrees(d, &in->head, len)) {
        spoil(env, r, d);
        return HF_DROP_FRAGMENT_OVERLAP;
    }
    if (fit == FIT_REPEAT)
        return HF_DROP_NONE;
    if (d->pieces == PIECES_MAX) {
        spoil(env, r, d);
        return HF_DROP_FRAGMENT_LIMIT;
    }
    if (insert(env, r, d, in, len, after))
        return HF_DROP_NONE;
    free_datagram(env, r, d);
    return HF_DROP_FRAGMENT_LIMIT;
}

bool hf_reassembly_add(struct hf_env *env, struct hf_ip *ip, const struct hf_ip_arrival *in,
                       struct hf_slice *whole)
{
    struct hf_reassembly *r = ip->reassembly;
    bool wanted = r->slots != 0 && env->settings->fragment_per_source != 0;
    struct datagram *d = wanted ? obtain(env, r, in) : 0;
    enum hf_drop reason = d ? keep(env, r, d, in) : HF_DROP_FRAGMENT_LIMIT;
    bool done = reason == HF_DROP_NONE && d->have == d->total;
    if (done) {
        reason = build_whole(env, r, d, whole);
        free_datagram(env, r, d);
    }
    if (reason != HF_DROP_NONE)
        hf_ip_drop(env, in, reason);
    return done && reason == HF_DROP_NONE;
}

/* ---- Time ---- */

/* RFC 1122 3.3.2, RFC 8200 4.5: the sender is told, when the first fragment is there to
 * quote. */
static void tell_sender(struct hf_env *env, struct hf_ip *ip, const struct datagram *d)
{
    const struct piece *p = d->first;
    if (!p || p->offset != 0)
        return;
    struct hf_slice slice = {.data = p->bytes, .len = p->header + p->len};
    struct hf_ip_arrival in = {
        .slices = &slice, .slice_count = 1, .link = d->link, .head = d->head};
    in.to_us = hf_ip_is_ours(ip, d->head.dst) != 0;
    hf_icmp_complain(env, ip, &in,
                     d->head.family == HF_IPV4 ? HF_ICMP4_TIME_EXCEEDED : HF_ICMP6_TIME_EXCEEDED,
                     HF_ICMP_REASSEMBLY_EXCEEDED, 0);
}

void hf_reassembly_expire(struct hf_env *env, struct hf_ip *ip)
{
    struct hf_reassembly *r = ip->reassembly;
    while (r->oldest && r->oldest->until <= env->now) {
        struct datagram *d = r->oldest;
        hf_env_drop(env, HF_DROP_FRAGMENT_TIMEOUT, 0, HF_CLOSED, 0);
        tell_sender(env, ip, d);
        free_datagram(env, r, d);
    }
}

hf_time hf_reassembly_deadline(const struct hf_reassembly *r)
{
    return r->oldest ? r->oldest->until : HF_NEVER;
}

void hf_reassembly_free(struct hf_env *env, struct hf_reassembly *r)
{
    if (!r)
        return;
    hf_reassembly_release(env, r);
    while (r->oldest)
        free_datagram(env, r, r->oldest);
    if (r->slots)
        hf_budget_free(&env->budget, r->sources, table_size(r->slots));
    hf_budget_free(&env->budget, r, sizeof *r);
}
