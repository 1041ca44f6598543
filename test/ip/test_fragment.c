/* ip/fragment.c: what becomes whole, what never does, and what it may cost. Payloads are echo
 * requests: the answer shows what was put together. */
#include "env.h"

#include "ip/arrival.h"

static struct bytes b, reply;

static const struct family {
    const char *us, *peer;
    uint8_t icmp, echo;
    uint32_t header;
} families[2] = {
    {"10.1.0.2", "192.0.2.1", 1, 8, 20},
    {"fd01::2", "2001:db8::1", 58, 128, 40},
};

/* A message from `src` whose bytes are its own: `len` bytes in all. */
static void make_message(const struct family *f, const char *src, uint8_t *message, uint32_t len)
{
    static uint8_t text[65535];
    for (uint32_t i = 0; i < len; i++)
        text[i] = (uint8_t)check_random();
    write_icmp(message, src, f->us, f->echo, 0, 0x00010002, text, len - 8);
}

static enum hf_ip_verdict give_fragment(struct world *w, const struct family *f, const char *src,
                                        uint32_t id, const uint8_t *message, uint32_t from,
                                        uint32_t to, bool more)
{
    WRITE_IP(&b, message + from, to - from, .src = src, .dst = f->us, .protocol = f->icmp,
             .id = id, .offset = from, .more = more, .fragment = true);
    return give(w, 1, &b);
}

/* Was this message put together and answered, whole and once? */
static bool answered(struct world *w, const struct family *f, const uint8_t *message,
                     uint32_t len)
{
    if (!take_reply(w, 1, &reply))
        return false;
    assert_checksums(&reply);
    assert_int_equal(reply.len, f->header + len);
    assert_memory_equal(reply.data + f->header + 8, message + 8, len - 8);
    no_reply(w);
    return true;
}

static void up(struct world *w)
{
    world_up(w);
    w->settings.icmp_rate = 1000000;
}

/* ---- What becomes whole ---- */

TEST(any_order_with_repeats_gives_the_same, none, "C18")
{
    for (int k = 0; k < 600; k++) {
        const struct family *f = &families[k % 2];
        struct world w;
        up(&w);
        uint8_t message[1400];
        uint32_t len = 16 + (uint32_t)check_random_below(sizeof message - 16);
        make_message(f, f->peer, message, len);
        uint32_t cuts[200], n = 0;
        for (uint32_t at = 0; at < len; at += 8 * (1 + (uint32_t)check_random_below(20)))
            cuts[n++] = at;
        cuts[n] = len;
        uint32_t order[200], missing = n;
        bool given[200] = {false};
        for (uint32_t i = 0; i < n; i++)
            order[i] = i;
        for (uint32_t i = n; i > 1; i--) {
            uint32_t j = (uint32_t)check_random_below(i), was = order[j];
            order[j] = order[i - 1];
            order[i - 1] = was;
        }
        for (uint32_t i = 0; missing > 0;) {
            bool repeat = i > 0 && check_random_below(4) == 0;
            uint32_t piece = repeat ? order[check_random_below(i)] : order[i++];
            assert_true(!given[piece] == !repeat);
            missing -= !given[piece];
            given[piece] = true;
            assert_int_equal(give_fragment(&w, f, f->peer, 9, message, cuts[piece],
                                           cuts[piece + 1], piece + 1 < n),
                             HF_IP_CONSUMED);
            assert_int_equal(answered(&w, f, message, len), missing == 0);
        }
        assert_int_equal(all_drops(&w), 0);
        assert_int_equal(hf_ip_deadline(&w.ip), HF_NEVER);
        world_down(&w);
    }
}

TEST(tcp_in_fragments_is_one_piece, none, "C18")
{
    for (const struct family *f = families; f < families + 2; f++) {
        struct world w;
        up(&w);
        uint8_t tcp[2000];
        for (size_t i = 0; i < sizeof tcp; i++)
            tcp[i] = (uint8_t)check_random();
        write_tcp(tcp, 4000, 80, 99, HF_ACK);
        for (uint32_t at = 0; at < sizeof tcp; at += 800) {
            uint32_t n = sizeof tcp - at < 800 ? (uint32_t)sizeof tcp - at : 800;
            WRITE_IP(&b, tcp + at, n, .src = f->peer, .dst = f->us, .protocol = 6, .id = 3,
                     .tos = 8, .offset = at, .more = at + n < sizeof tcp);
            bool last = at + n == sizeof tcp;
            assert_int_equal(last ? give_cut(&w, 1, &b, 60) : give(&w, 1, &b),
                             last ? HF_IP_TCP : HF_IP_CONSUMED);
        }
        const struct hf_ip_datagram *d = &w.datagram;
        assert_true(d->reassembled && d->to_us);
        assert_int_equal(d->total, sizeof tcp);
        assert_int_equal(d->head_len, sizeof tcp);
        assert_memory_equal(d->head, tcp, sizeof tcp);
        assert_memory_equal(d->flow.remote, key(f->peer), 16);
        assert_int_equal(d->tos, 8);
        assert_ptr_equal(d->slices, &d->whole);
        assert_int_equal(d->offset, f->header);
        no_reply(&w);
        world_down(&w);
    }
}

/* What stands before the fragment header stays, what named it names the payload (RFC 8200
 * 4.5). */
TEST(headers_of_the_first_fragment_stay, none, "")
{
    static const uint8_t options6[8] = {44, 0, 1, 4, 0, 0, 0, 0};
    static const uint8_t options4[8] = {148, 4, 0, 0, 1, 1, 1, 0};
    for (const struct family *f = families; f < families + 2; f++) {
        struct world w;
        up(&w);
        uint8_t tcp[48] = {0};
        write_tcp(tcp, 4000, 80, 99, HF_ACK);
        for (uint32_t at = 48; at > 0;) { /* the last first */
            at -= 24;
            WRITE_IP(&b, tcp + at, 24, .src = f->peer, .dst = f->us, .protocol = 6, .id = 3,
                     .options = f->header == 20 ? options4 : options6, .options_len = 8,
                     .options_kind = 60, .offset = at, .more = at == 0, .fragment = true);
            assert_int_equal(give(&w, 1, &b), at == 0 ? HF_IP_TCP : HF_IP_CONSUMED);
        }
        assert_int_equal(w.datagram.offset, f->header + 8);
        assert_int_equal(w.datagram.total, 48);
        assert_memory_equal(w.datagram.head, tcp, 48);
        world_down(&w);
    }
}

/* RFC 6946: whole in itself, whatever else waits under the same ID. */
TEST(atomic_fragment_waits_for_nobody, none, "C18")
{
    const struct family *f = &families[1];
    struct world w;
    up(&w);
    uint8_t message[64];
    make_message(f, f->peer, message, 64);
    give_fragment(&w, f, f->peer, 5, message, 0, 32, true);
    WRITE_IP(&b, message, 64, .src = f->peer, .dst = f->us, .protocol = 58, .id = 5,
             .fragment = true);
    give(&w, 1, &b);
    assert_true(answered(&w, f, message, 64));
    give_fragment(&w, f, f->peer, 5, message, 32, 64, false);
    assert_true(answered(&w, f, message, 64));
    world_down(&w);
}

/* ID, addresses, and for IPv4 the protocol tell datagrams apart. */
TEST(datagrams_do_not_mix, none, "")
{
    for (const struct family *f = families; f < families + 2; f++) {
        struct world w;
        up(&w);
        uint8_t one[64], two[64], other[64];
        const char *stranger = f->header == 20 ? "192.0.2.2" : "2001:db8::2";
        make_message(f, f->peer, one, 64);
        make_message(f, f->peer, two, 64);
        make_message(f, stranger, other, 64);
        give_fragment(&w, f, f->peer, 1, one, 0, 32, true);
        give_fragment(&w, f, f->peer, 2, two, 0, 32, true);
        give_fragment(&w, f, stranger, 1, other, 0, 32, true);
        if (f->header == 20) {
            WRITE_IP(&b, one, 32, .src = f->peer, .dst = f->us, .protocol = 17, .id = 1,
                     .offset = 32);
            give(&w, 1, &b);
        }
        no_reply(&w);
        give_fragment(&w, f, f->peer, 2, two, 32, 64, false);
        assert_true(answered(&w, f, two, 64));
        give_fragment(&w, f, f->peer, 1, one, 32, 64, false);
        assert_true(answered(&w, f, one, 64));
        give_fragment(&w, f, stranger, 1, other, 32, 64, false);
        assert_true(answered(&w, f, other, 64));
        world_down(&w);
    }
}

/* ---- What never does ---- */

#define UNITS 8u /* a payload of 64 bytes in steps of 8 */

/* Two fragments that touch the same bytes, then all that is missing: nothing comes of it. Two
 * that do not: the whole does. */
static void pair(const struct family *f, const uint32_t one[2], const uint32_t two[2],
                 bool forged)
{
    struct world w;
    up(&w);
    uint8_t message[64], false_one[64];
    make_message(f, f->peer, message, 64);
    for (int i = 0; i < 64; i++)
        false_one[i] = (uint8_t)~message[i];
    give_fragment(&w, f, f->peer, 4, message, one[0] * 8, one[1] * 8, one[1] < UNITS);
    give_fragment(&w, f, f->peer, 4, forged ? false_one : message, two[0] * 8, two[1] * 8,
                  two[1] < UNITS);
    bool overlap = one[0] < two[1] && two[0] < one[1];
    bool repeat = one[0] == two[0] && one[1] == two[1] && !forged;
    for (uint32_t unit = 0; unit < UNITS; unit++) {
        bool there = (unit >= one[0] && unit < one[1]) || (unit >= two[0] && unit < two[1]);
        if (!there)
            give_fragment(&w, f, f->peer, 4, message, unit * 8, unit * 8 + 8, unit + 1 < UNITS);
    }
    if (overlap && !repeat) {
        no_reply(&w);
        assert_true(drops(&w, HF_DROP_FRAGMENT_OVERLAP) >= 1);
        /* nor of the same pieces again while the ID is remembered (RFC 5722 3) */
        for (uint32_t unit = 0; unit < UNITS; unit++)
            give_fragment(&w, f, f->peer, 4, message, unit * 8, unit * 8 + 8, unit + 1 < UNITS);
        no_reply(&w);
    } else {
        assert_true(answered(&w, f, message, 64));
    }
    w.env.now += 31 * HF_SEC;
    hf_ip_timers(&w.env, &w.ip);
    while (take_reply(&w, 1, &reply))
        assert_int_not_equal(reply.data[f->header], f->header == 20 ? 0 : 129); /* no echo */
    world_down(&w);
}

TEST(all_pairs_of_overlaps, none, "C18")
{
    for (uint32_t k = 0; k < 1u << 14; k++) { /* start, end, start, end, family, forged */
        uint32_t one[2] = {k & 7, (k >> 3 & 7) + 1}, two[2] = {k >> 6 & 7, (k >> 9 & 7) + 1};
        bool forged = k >> 13 & 1;
        bool atomic = (one[0] == 0 && one[1] == UNITS) || (two[0] == 0 && two[1] == UNITS);
        bool overlap = one[0] < two[1] && two[0] < one[1];
        if (one[0] < one[1] && two[0] < two[1] && !atomic && (overlap || !forged))
            pair(&families[k >> 12 & 1], one, two, forged);
    }
}

/* Bytes of which each came once, or nothing: against a plain map of bytes. */
TEST(random_pieces_against_a_map_of_bytes, none, "C18")
{
    for (int k = 0; k < 1500; k++) {
        const struct family *f = &families[k % 2];
        struct world w;
        up(&w);
        uint8_t message[128];
        bool map[16] = {false}, spoiled = false, done = false;
        make_message(f, f->peer, message, sizeof message);
        for (int i = 0; i < 12 && !done && !spoiled; i++) {
            uint32_t from = (uint32_t)check_random_below(16);
            uint32_t units = 1 + (uint32_t)check_random_below(4);
            if (check_random_below(3) != 0) /* mostly where something is missing */
                for (from = 0; map[from];)
                    from++;
            uint32_t to = from + units > 16 ? 16 : from + units;
            uint32_t there = 0, all = 0;
            for (uint32_t unit = from; unit < to; unit++)
                there += map[unit];
            if (there)
                spoiled = true; /* no exact repeats here: the bytes differ */
            uint8_t copy[128];
            memcpy(copy, message, sizeof copy);
            copy[from * 8] ^= there ? 1 : 0;
            give_fragment(&w, f, f->peer, 4, copy, from * 8, to * 8, to < 16);
            for (uint32_t unit = from; unit < to; unit++)
                map[unit] = true;
            for (uint32_t unit = 0; unit < 16; unit++)
                all += map[unit];
            done = all == 16 && !spoiled;
            assert_int_equal(answered(&w, f, message, sizeof message), done);
            assert_int_equal(drops(&w, HF_DROP_FRAGMENT_OVERLAP), spoiled);
        }
        world_down(&w);
    }
}

TEST(ends_that_disagree, none, "C18")
{
    static const struct {
        uint32_t from1, to1;
        bool more1;
        uint32_t from2, to2;
        bool more2;
    } rows[] = {
        {32, 64, false, 16, 24, false}, /* two ends */
        {32, 64, false, 64, 72, false},
        {32, 64, false, 64, 72, true}, /* text behind the end */
        {64, 72, true, 32, 48, false},
        {32, 64, false, 32, 64, true}, /* the end is one no more */
        {32, 64, true, 32, 64, false},
    };
    uint8_t message[128];
    for (const struct family *f = families; f < families + 2; f++)
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct world w;
            up(&w);
            make_message(f, f->peer, message, 128);
            give_fragment(&w, f, f->peer, 4, message, rows[i].from1, rows[i].to1, rows[i].more1);
            give_fragment(&w, f, f->peer, 4, message, rows[i].from2, rows[i].to2, rows[i].more2);
            if (i < 5) /* the last is text that was not the end and now is: it agrees so far */
                assert_int_equal(drops(&w, HF_DROP_FRAGMENT_OVERLAP), 1);
            no_reply(&w);
            world_down(&w);
        }
}

/* RFC 1858, RFC 3128: no header of TCP in two halves. */
TEST(tcp_header_in_two_fragments, none, "C18")
{
    uint8_t tcp[80] = {0};
    write_tcp(tcp, 4000, 80, 99, HF_SYN);
    tcp[12] = 0xf0; /* 60 bytes of header */
    for (const struct family *f = families; f < families + 2; f++)
        for (uint32_t cut = 8; cut < 80; cut += 8) {
            struct world w;
            up(&w);
            WRITE_IP(&b, tcp, cut, .src = f->peer, .dst = f->us, .protocol = 6, .id = 1,
                     .more = true);
            give(&w, 1, &b);
            WRITE_IP(&b, tcp + cut, 80 - cut, .src = f->peer, .dst = f->us, .protocol = 6,
                     .id = 1, .offset = cut);
            assert_int_equal(give(&w, 1, &b), cut >= 60 ? HF_IP_TCP : HF_IP_CONSUMED);
            assert_int_equal(drops(&w, HF_DROP_FRAGMENT_BAD) >= 1, cut < 60);
            no_reply(&w);
            world_down(&w);
        }
}

TEST(longer_than_a_datagram_can_be, none, "C18")
{
    static uint8_t zero[2000];
    for (const struct family *f = families; f < families + 2; f++) {
        struct world w;
        up(&w);
        for (uint32_t len = 8; len <= 2000; len += 8) {
            WRITE_IP(&b, zero, len, .src = f->peer, .dst = f->us, .protocol = 17, .id = len,
                     .offset = 65528, .more = len % 16 == 0);
            assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
            if (f->header == 40) { /* RFC 8200 4.5: told where the offset stands */
                assert_true(take_reply(&w, 1, &reply));
                assert_int_equal(reply.data[40], 4);
                assert_int_equal(reply.data[41], 0);
                assert_int_equal(get32(reply.data + 44), 42);
            }
            w.env.now += HF_SEC;
        }
        assert_int_equal(drops(&w, HF_DROP_FRAGMENT_BAD), 250);
        assert_int_equal(hf_ip_deadline(&w.ip), HF_NEVER);
        no_reply(&w);
        /* Of a later piece of ICMP nobody can tell whether it belongs to an error. */
        zero[0] = 200;
        WRITE_IP(&b, zero, 16, .src = f->peer, .dst = f->us, .protocol = f->icmp,
                 .offset = 65528);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
        no_reply(&w);
        zero[0] = 0;
        /* Not a multiple of eight, and not the last. */
        WRITE_IP(&b, zero, 12, .src = f->peer, .dst = f->us, .protocol = 17, .more = true);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
        assert_int_equal(drops(&w, HF_DROP_FRAGMENT_BAD), 252);
        if (f->header == 40) {
            assert_true(take_reply(&w, 1, &reply));
            assert_int_equal(get32(reply.data + 44), 4);
        }
        no_reply(&w);
        world_down(&w);
    }
}

/* All fragments fit, but with the first one's options the whole would not. */
TEST(longest_datagrams, none, "C18")
{
    static uint8_t message[65535];
    static const uint8_t options6[8] = {44, 0, 1, 4, 0, 0, 0, 0};
    static const uint8_t options4[4] = {1, 1, 1, 1};
    for (const struct family *f = families; f < families + 2; f++)
        for (int options = 0; options < 2; options++) {
            struct world w;
            up(&w);
            w.settings.icmp_rate = 0;
            uint32_t len = f->header == 20 ? 65515 : 65535;
            make_message(f, f->peer, message, len);
            for (uint32_t at = 0; at < len; at += 1440) {
                uint32_t n = len - at < 1440 ? len - at : 1440;
                bool first = at == 0;
                WRITE_IP(&b, message + at, n, .src = f->peer, .dst = f->us, .protocol = f->icmp,
                         .id = 1, .offset = at, .more = at + n < len,
                         .options = f->header == 20 ? options4 : options6,
                         .options_len = options && first ? f->header == 20 ? 4 : 8 : 0,
                         .options_kind = 60);
                give(&w, 1, &b);
            }
            assert_int_equal(drops(&w, HF_DROP_FRAGMENT_BAD), options);
            assert_int_equal(drops(&w, HF_DROP_ICMP_RATE), !options); /* it was whole */
            assert_int_equal(hf_ip_deadline(&w.ip), HF_NEVER);
            world_down(&w);
        }
}

/* ---- Time ---- */

TEST(what_waits_too_long_is_given_up, none, "C17")
{
    for (const struct family *f = families; f < families + 2; f++)
        for (int first = 0; first < 2; first++) {
            struct world w;
            up(&w);
            uint8_t message[64];
            make_message(f, f->peer, message, 64);
            hf_time start = w.env.now;
            give_fragment(&w, f, f->peer, 1, message, 16, 32, true);
            assert_true(hf_ip_deadline(&w.ip) == start + 30 * HF_SEC);
            w.env.now += 10 * HF_SEC; /* later pieces gain no time */
            if (first)
                give_fragment(&w, f, f->peer, 1, message, 0, 16, true);
            assert_true(hf_ip_deadline(&w.ip) == start + 30 * HF_SEC);
            w.env.now = start + 30 * HF_SEC - 1;
            hf_ip_timers(&w.env, &w.ip);
            no_reply(&w);
            w.env.now++;
            hf_ip_timers(&w.env, &w.ip);
            assert_int_equal(drops(&w, HF_DROP_FRAGMENT_TIMEOUT), 1);
            assert_int_equal(hf_ip_deadline(&w.ip), HF_NEVER);
            if (first) { /* RFC 1122 3.3.2: told, if the first fragment is there to quote */
                assert_true(take_reply(&w, 1, &reply));
                assert_checksums(&reply);
                assert_int_equal(reply.data[f->header], f->header == 20 ? 11 : 3);
                assert_int_equal(reply.data[f->header + 1], 1);
                assert_memory_equal(reply.data + f->header + 8, b.data, b.len);
            }
            no_reply(&w);
            give_fragment(&w, f, f->peer, 1, message, 32, 64, false); /* begins anew */
            no_reply(&w);
            world_down(&w);
        }
}

/* ---- What it may cost ---- */

static void assert_bounded(const struct world *w)
{
    assert_true(hf_reassembly_held(w->ip.reassembly) <= w->settings.fragment_memory);
    assert_true(w->allocated <= w->settings.fragment_memory + 64 * 1024); /* path MTU, replies */
}

/* One honest datagram, with other fragments between its pieces. */
static bool honest(struct world *w, const struct family *f, uint32_t id, uint32_t len,
                   void (*attack)(struct world *w))
{
    static uint8_t message[65535];
    make_message(f, f->peer, message, len);
    for (uint32_t at = 0; at < len; at += 1440) {
        uint32_t n = len - at < 1440 ? len - at : 1440;
        give_fragment(w, f, f->peer, id, message, at, at + n, at + n < len);
        if (at + n < len)
            attack(w);
    }
    w->env.now += HF_MS;
    hf_ip_timers(&w->env, &w->ip);
    bool got = false;
    while (take_reply(w, 1, &reply)) {
        uint8_t type = reply.data[reply.data[0] >> 4 == 4 ? 20 : reply.data[6] == 44 ? 48 : 40];
        got = got || type == (reply.data[0] >> 4 == 4 ? 0 : 129);
    }
    return got;
}

static void from_many(struct world *w)
{
    static uint8_t text[1440];
    char src[40];
    for (int i = 0; i < 25; i++) {
        unsigned source = (unsigned)check_random_below(10000);
        bool v6 = check_random_below(2);
        snprintf(src, sizeof src, v6 ? "2001:db8:bad::%x" : "172.16.%u.%u",
                 v6 ? source : source / 200, 1 + source % 200);
        WRITE_IP(&b, text, 8 * (1 + (uint32_t)check_random_below(180)), .src = src,
                 .dst = families[v6].us, .protocol = 17, .id = (uint32_t)check_random(),
                 .more = true);
        give(w, 1, &b);
    }
    assert_bounded(w);
}

static void from_one(struct world *w)
{
    static uint8_t text[1440];
    for (int i = 0; i < 300; i++) {
        bool v6 = i % 2;
        WRITE_IP(&b, text, 1440, .src = v6 ? "2001:db8::bad" : "172.16.0.1",
                 .dst = families[v6].us, .protocol = 17, .id = (uint32_t)check_random_below(12),
                 .offset = 1440 * (uint32_t)check_random_below(40), .more = true);
        give(w, 1, &b);
    }
    assert_bounded(w);
}

TEST(flood_of_first_fragments_from_many_sources, none, "C17")
{
    struct world w;
    up(&w);
    unsigned rounds = check_soak() ? 40000 : 1000, good = 0;
    for (unsigned i = 0; i < rounds; i++)
        good += honest(&w, &families[i % 2], i, 1600 + 1440 * (i % 3), from_many);
    if (good < rounds - rounds / 100)
        fail_msg("%u of %u honest datagrams became whole", good, rounds);
    assert_true(drops(&w, HF_DROP_FRAGMENT_LIMIT) > rounds * 10); /* it was at the limit */
    w.env.now += 31 * HF_SEC;
    hf_ip_timers(&w.env, &w.ip);
    assert_int_equal(hf_ip_deadline(&w.ip), HF_NEVER);
    world_down(&w);
}

/* A source that takes much pays for itself: even between the pieces of a datagram of 20 KB come
 * many times the limit. */
TEST(flood_from_one_source_costs_that_source, none, "C17")
{
    struct world w;
    up(&w);
    unsigned rounds = check_soak() ? 2000 : 40;
    for (unsigned i = 0; i < rounds; i++)
        assert_true(honest(&w, &families[i % 2], i, 20000, from_one));
    world_down(&w);
}

TEST(datagrams_of_one_source_are_limited, none, "C17")
{
    for (const struct family *f = families; f < families + 2; f++) {
        struct world w;
        up(&w);
        uint8_t message[20][64];
        for (uint32_t i = 0; i < 20; i++) {
            make_message(f, f->peer, message[i], 64);
            give_fragment(&w, f, f->peer, i, message[i], 0, 32, true);
        }
        assert_int_equal(drops(&w, HF_DROP_FRAGMENT_LIMIT), 4); /* the oldest went */
        for (uint32_t i = 4; i < 20; i++) {
            give_fragment(&w, f, f->peer, i, message[i], 32, 64, false);
            assert_true(answered(&w, f, message[i], 64));
        }
        give_fragment(&w, f, f->peer, 0, message[0], 32, 64, false);
        no_reply(&w);
        world_down(&w);
    }
}

TEST(pieces_of_one_datagram_are_limited, none, "C17")
{
    static uint8_t message[8000];
    struct world w;
    up(&w);
    const struct family *f = &families[1];
    make_message(f, f->peer, message, sizeof message);
    for (uint32_t at = 0; at < sizeof message; at += 16) /* every other eight */
        give_fragment(&w, f, f->peer, 1, message, at, at + 8, true);
    assert_true(drops(&w, HF_DROP_FRAGMENT_LIMIT) >= 1);
    assert_true(hf_reassembly_held(w.ip.reassembly) < 8192); /* let go of, but remembered */
    give_fragment(&w, f, f->peer, 1, message, 8, 16, true);
    assert_true(drops(&w, HF_DROP_FRAGMENT_OVERLAP) >= 1);
    world_down(&w);
}

TEST(settings_that_allow_none, none, "C17")
{
    struct world w;
    up(&w);
    uint8_t message[64];
    const struct family *f = &families[0];
    make_message(f, f->peer, message, 64);
    w.settings.fragment_per_source = 0;
    give_fragment(&w, f, f->peer, 1, message, 0, 32, true);
    hf_ip_reset(&w.env, &w.ip);
    w.settings.fragment_per_source = 16;
    for (uint32_t memory = 0; memory < 2048; memory += 64) {
        w.settings.fragment_memory = memory;
        assert_int_equal(hf_ip_init(&w.env, &w.ip), 0);
        struct hf_link_config link = {.size = sizeof link, .mtu = 1500};
        struct hf_addr us = addr(f->us);
        hf_ip_add_link(&w.ip, &link);
        hf_ip_add_address(&w.ip, 1, &us, 24);
        give_fragment(&w, f, f->peer, 1, message, 0, 32, true);
        give_fragment(&w, f, f->peer, 1, message, 32, 64, false);
        assert_true(hf_reassembly_held(w.ip.reassembly) <= memory);
        while (take_reply(&w, 1, &reply))
            ;
        hf_ip_reset(&w.env, &w.ip);
    }
    assert_true(drops(&w, HF_DROP_FRAGMENT_LIMIT) >= 3);
    world_down(&w);
}

TEST(no_memory_at_any_step, none, "C22")
{
    for (const struct family *f = families; f < families + 2; f++)
        for (size_t k = 1; k <= 12; k++) {
            struct world w;
            up(&w);
            uint8_t message[96];
            make_message(f, f->peer, message, 96);
            w.allocations = 0;
            w.fail_at = k;
            for (uint32_t at = 0; at < 96; at += 32)
                give_fragment(&w, f, f->peer, 1, message, at, at + 32, at + 32 < 96);
            while (take_reply(&w, 1, &reply))
                ;
            w.fail_at = 0;
            for (uint32_t at = 0; at < 96; at += 32)
                give_fragment(&w, f, f->peer, 2, message, at, at + 32, at + 32 < 96);
            assert_true(answered(&w, f, message, 96));
            world_down(&w);
        }
}

/* The stack's own limit stands above settings.fragment_memory. */
TEST(no_room_in_the_budget, none, "C17")
{
    struct world w;
    up(&w);
    hf_budget_set_limit(&w.env.budget, w.env.budget.used + 20000);
    for (int i = 0; i < 50; i++)
        from_many(&w);
    assert_true(w.env.budget.used <= w.env.budget.limit);
    assert_true(drops(&w, HF_DROP_FRAGMENT_LIMIT) > 0);
    while (take_reply(&w, 1, &reply))
        ;
    world_down(&w);
}
