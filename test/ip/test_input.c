/* ip/input.c: which packets reach TCP, and which are dropped without a word. */
#include "env.h"

static struct bytes b;

static enum hf_ip_verdict give_tcp(struct world *w, const char *src, const char *dst,
                                   uint8_t flags)
{
    uint8_t tcp[24];
    write_tcp(tcp, 4000, 80, 77, flags);
    memset(tcp + 20, 'x', 4);
    WRITE_IP(&b, tcp, sizeof tcp, .src = src, .dst = dst, .protocol = 6);
    return give(w, 1, &b);
}

TEST(tcp_for_us_is_handed_over, none, "A4")
{
    static const char *const pairs[][2] = {{"192.0.2.1", "10.1.0.2"},
                                           {"10.1.0.9", "10.2.0.2"},
                                           {"2001:db8::1", "fd01::2"},
                                           {"fe80::9", "fe80::2"}};
    struct world w;
    world_up(&w);
    for (size_t i = 0; i < 4; i++) {
        uint8_t tcp[120];
        uint32_t header = strchr(pairs[i][0], ':') ? 40 : 20;
        write_tcp(tcp, 4000, 80, 77, HF_ACK);
        memset(tcp + 20, 'x', 100);
        for (uint32_t padding = 0; padding <= 30; padding += 10) {
            WRITE_IP(&b, tcp, sizeof tcp, .src = pairs[i][0], .dst = pairs[i][1], .protocol = 6,
                     .tos = 0x11, .ttl = 33, .padding = padding);
            const struct hf_ip_datagram *d = &w.datagram;
            assert_int_equal(give(&w, 1, &b), HF_IP_TCP);
            assert_memory_equal(d->flow.local, key(pairs[i][1]), 16);
            assert_memory_equal(d->flow.remote, key(pairs[i][0]), 16);
            assert_int_equal(d->tos, 0x11);
            assert_int_equal(d->ttl, 33);
            assert_int_equal(d->link, 1);
            assert_true(d->to_us);
            assert_false(d->reassembled);
            assert_ptr_equal(d->head, b.data + header);
            assert_int_equal(d->total, 120); /* never the padding */
            assert_int_equal(d->head_len, 120);
            assert_int_equal(d->offset, header);
            assert_int_equal(d->slice_count, 1);

            assert_int_equal(give_cut(&w, 1, &b, header + 20), HF_IP_TCP);
            assert_int_equal(d->head_len, 20);
            assert_int_equal(d->total, 120);
            assert_int_equal(d->slice_count, 2);
        }
    }
    assert_int_equal(all_drops(&w), 0);
    no_reply(&w);
    world_down(&w);
}

/* Every (IHL, total length, frame) on the edges. */
TEST(lengths_that_disagree, none, "A4")
{
    struct world w;
    world_up(&w);
    static const int frames[] = {-1, 0, 1};
    for (uint32_t ihl = 0; ihl <= 15; ihl++)
        for (int total = -1; total <= 1; total++)
            for (int frame = 0; frame < 3; frame++)
                for (uint32_t size = 20; size <= 64; size += 4) {
                    uint8_t tcp[60] = {0};
                    write_tcp(tcp, 4000, 80, 77, HF_ACK);
                    WRITE_IP(&b, tcp, size - 20, .src = "192.0.2.1", .dst = "10.1.0.2",
                             .protocol = 6);
                    uint32_t says = (uint32_t)((int)size + total);
                    uint32_t header = ihl * 4;
                    b.data[0] = (uint8_t)(0x40 | ihl);
                    memset(b.data + 20, 1, header > 20 ? header - 20 : 0); /* no-operation */
                    b.data[2] = (uint8_t)(says >> 8);
                    b.data[3] = (uint8_t)says;
                    b.data[10] = b.data[11] = 0;
                    uint32_t sum = 0;
                    for (uint32_t i = 0; i < (header < 20 ? 20 : header); i += 2)
                        sum += get16(b.data + i);
                    sum = (sum >> 16) + (sum & 0xffff);
                    sum = ~((sum >> 16) + sum);
                    b.data[10] = (uint8_t)(sum >> 8);
                    b.data[11] = (uint8_t)sum;
                    b.len = (uint32_t)((int)size + frames[frame]);
                    bool good = header >= 20 && header <= says && says <= b.len;
                    enum hf_ip_verdict verdict = give(&w, 1, &b);
                    if (verdict != (good ? HF_IP_TCP : HF_IP_CONSUMED))
                        fail_msg("header %u total %u frame %u: verdict %d", header, says, b.len,
                                 verdict);
                    if (good)
                        assert_int_equal(w.datagram.total, says - header);
                }
    no_reply(&w);
    world_down(&w);
}

TEST(ipv6_lengths_that_disagree, none, "A4")
{
    struct world w;
    world_up(&w);
    for (int says = 0; says <= 70; says++)
        for (int frame = 0; frame <= 110; frame++) {
            uint8_t tcp[70] = {0};
            write_tcp(tcp, 4000, 80, 77, HF_ACK);
            WRITE_IP(&b, tcp, 70, .src = "2001:db8::1", .dst = "fd01::2", .protocol = 6);
            b.data[5] = (uint8_t)says;
            b.len = (uint32_t)frame;
            bool good = frame >= 40 + says;
            assert_int_equal(give(&w, 1, &b), good ? HF_IP_TCP : HF_IP_CONSUMED);
            if (good)
                assert_int_equal(w.datagram.total, says);
        }
    no_reply(&w);
    world_down(&w);
}

TEST(ip_options_are_ignored, none, "MUST-50")
{
    /* Record route, timestamp, router alert, stream ID, an unknown one, end of list. */
    static const uint8_t rows[][8] = {{1, 1, 1, 1, 1, 1, 1, 1},   {7, 7, 4, 0, 0, 0, 0, 0},
                                      {68, 8, 5, 0, 0, 0, 0, 0},  {148, 4, 0, 0, 1, 1, 1, 0},
                                      {136, 4, 0, 0, 0, 0, 0, 0}, {222, 6, 1, 2, 3, 4, 1, 0},
                                      {0, 9, 9, 9, 9, 9, 9, 9}};
    struct world w;
    world_up(&w);
    uint8_t tcp[20];
    write_tcp(tcp, 4000, 80, 77, HF_SYN);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        WRITE_IP(&b, tcp, 20, .src = "192.0.2.1", .dst = "10.1.0.2", .protocol = 6,
                 .options = rows[i], .options_len = 8);
        assert_int_equal(give(&w, 1, &b), HF_IP_TCP);
        assert_int_equal(w.datagram.offset, 28);
        assert_int_equal(w.datagram.total, 20);
    }
    /* A destination options header is IPv6's way: PadN and one to be skipped. */
    static const uint8_t v6[8] = {6, 0, 1, 0, 0x1e, 2, 0, 0};
    WRITE_IP(&b, tcp, 20, .src = "2001:db8::1", .dst = "fd01::2", .protocol = 6, .options = v6,
             .options_len = 8, .options_kind = 60);
    assert_int_equal(give(&w, 1, &b), HF_IP_TCP);
    assert_int_equal(w.datagram.total, 20);
    assert_int_equal(all_drops(&w), 0);
    world_down(&w);
}

TEST(source_routes_are_dropped, none, "")
{
    static const uint8_t rows[][8] = {{131, 7, 4, 10, 1, 0, 2, 0}, {137, 7, 4, 10, 1, 0, 2, 0}};
    struct world w;
    world_up(&w);
    uint8_t tcp[20];
    write_tcp(tcp, 4000, 80, 77, HF_SYN);
    for (size_t i = 0; i < 2; i++) {
        WRITE_IP(&b, tcp, 20, .src = "192.0.2.1", .dst = "10.1.0.2", .protocol = 6,
                 .options = rows[i], .options_len = 8);
        assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
    }
    assert_int_equal(drops(&w, HF_DROP_IP_OPTIONS), 2);
    no_reply(&w);
    world_down(&w);
}

TEST(sources_that_no_host_may_use, none, "MUST-63 B16")
{
    static const char *const bad4[] = {"0.0.0.0",    "0.0.0.9",   "127.0.0.1",  "127.9.9.9",
                                       "224.0.0.1",  "239.1.2.3", "10.1.0.255", "255.255.255.255",
                                       "10.2.0.255", "10.1.0.2",  "10.2.0.2",   "10.1.0.0"};
    static const char *const bad6[] = {
        "::",      "::1",     "ff02::1",          "ff0e::9",        "fd01::2",
        "fd02::2", "fe80::2", "::ffff:192.0.2.1", "::ffff:10.1.0.2"};
    static const uint8_t flags[] = {HF_SYN,          HF_ACK,          HF_RST,
                                    HF_RST | HF_ACK, HF_SYN | HF_ACK, HF_ACK | HF_PSH};
    struct world w;
    for (int any = 0; any < 2; any++) {
        uint64_t given = 0;
        world_up(&w);
        w.ip.any_address = any;
        for (size_t f = 0; f < sizeof flags; f++) {
            for (size_t i = 0; i < sizeof bad4 / sizeof bad4[0]; i++, given++)
                assert_int_equal(give_tcp(&w, bad4[i], "10.1.0.2", flags[f]), HF_IP_CONSUMED);
            for (size_t i = 0; i < sizeof bad6 / sizeof bad6[0]; i++, given++)
                assert_int_equal(give_tcp(&w, bad6[i], "fd01::2", flags[f]), HF_IP_CONSUMED);
        }
        assert_int_equal(drops(&w, HF_DROP_IP_SOURCE), given);
        no_reply(&w);
        world_down(&w);
    }
}

/* Nor may they draw an answer in any other protocol, or fill the fragment tables. */
TEST(bad_sources_get_no_answer_at_all, none, "B16")
{
    static const char *const rows[][2] = {
        {"0.0.0.0", "10.1.0.2"},   {"255.255.255.255", "10.1.0.2"},
        {"224.0.0.1", "10.1.0.2"}, {"127.0.0.1", "10.1.0.2"},
        {"10.1.0.2", "10.1.0.2"},  {"::", "fd01::2"},
        {"ff02::1", "fd01::2"},    {"::1", "fd01::2"},
        {"fd01::2", "fd01::2"}};
    struct world w;
    world_up(&w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *src = rows[i][0], *dst = rows[i][1];
        bool ipv6 = strchr(src, ':') != NULL;
        uint8_t text[64] = {0};
        uint32_t len = write_icmp(text, src, dst, ipv6 ? 128 : 8, 0, 1, "ping", 4);
        WRITE_IP(&b, text, len, .src = src, .dst = dst, .protocol = ipv6 ? 58 : 1);
        give(&w, 1, &b);
        WRITE_IP(&b, text, 20, .src = src, .dst = dst, .protocol = 17);
        give(&w, 1, &b);
        WRITE_IP(&b, text, 20, .src = src, .dst = dst, .protocol = 200);
        give(&w, 1, &b);
        WRITE_IP(&b, text, 16, .src = src, .dst = dst, .protocol = 17, .more = true, .id = 5);
        give(&w, 1, &b);
    }
    assert_int_equal(drops(&w, HF_DROP_IP_SOURCE), 4 * sizeof rows / sizeof rows[0]);
    assert_int_equal(hf_ip_deadline(&w.ip), HF_NEVER);
    no_reply(&w);
    world_down(&w);
}

TEST(land_for_an_address_that_we_stand_in_for, none, "B16")
{
    struct world w;
    world_up(&w);
    w.ip.any_address = true;
    assert_int_equal(give_tcp(&w, "192.0.2.1", "192.0.2.1", HF_SYN), HF_IP_CONSUMED);
    assert_int_equal(give_tcp(&w, "2001:db8::1", "2001:db8::1", HF_SYN), HF_IP_CONSUMED);
    assert_int_equal(drops(&w, HF_DROP_IP_SOURCE), 2);
    world_down(&w);
}

TEST(tcp_to_many_is_dropped_silently, none, "MUST-57")
{
    static const char *const rows[][2] = {
        {"192.0.2.1", "255.255.255.255"}, {"192.0.2.1", "224.0.0.1"}, {"10.1.0.9", "10.1.0.255"},
        {"10.1.0.9", "10.1.0.0"},         {"10.1.0.9", "10.2.0.255"}, {"2001:db8::1", "ff02::1"},
        {"2001:db8::1", "ff0e::101"},     {"fe80::9", "ff01::1"}};
    static const uint8_t flags[] = {HF_SYN, HF_ACK, HF_FIN | HF_ACK, HF_SYN | HF_ACK, 0};
    struct world w;
    for (int any = 0; any < 2; any++) {
        world_up(&w);
        w.ip.any_address = any;
        uint64_t given = 0;
        for (size_t f = 0; f < sizeof flags; f++)
            for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++, given++)
                assert_int_equal(give_tcp(&w, rows[i][0], rows[i][1], flags[f]), HF_IP_CONSUMED);
        assert_int_equal(drops(&w, HF_DROP_IP_BROADCAST), given);
        no_reply(&w);
        world_down(&w);
    }
}

TEST(destinations_that_are_not_ours, none, "")
{
    static const struct {
        const char *src, *dst;
        bool any_takes;
    } rows[] = {
        {"192.0.2.1", "10.1.0.3", true},   {"192.0.2.1", "198.51.100.1", true},
        {"192.0.2.1", "127.0.0.1", false}, {"192.0.2.1", "0.0.0.0", false},
        {"2001:db8::1", "fd01::3", true},  {"2001:db8::1", "::1", false},
        {"2001:db8::1", "::", false},      {"fe80::9", "fe80::77", false},
        {"fe80::9", "fe80::3", false}, /* that one is ours on link 2 */
    };
    struct world w;
    for (int any = 0; any < 2; any++) {
        world_up(&w);
        w.ip.any_address = any;
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            bool taken = any && rows[i].any_takes;
            uint64_t before = drops(&w, HF_DROP_IP_DESTINATION);
            assert_int_equal(give_tcp(&w, rows[i].src, rows[i].dst, HF_SYN),
                             taken ? HF_IP_TCP : HF_IP_CONSUMED);
            assert_int_equal(drops(&w, HF_DROP_IP_DESTINATION) - before, !taken);
            if (taken)
                assert_false(w.datagram.to_us);
        }
        no_reply(&w);
        world_down(&w);
    }
}

/* A gateway stands in for others in TCP only. */
TEST(any_address_answers_nothing_for_others, none, "")
{
    struct world w;
    world_up(&w);
    w.ip.any_address = true;
    uint8_t text[64] = {0};
    uint32_t len = write_icmp(text, "192.0.2.1", "198.51.100.1", 8, 0, 1, "ping", 4);
    WRITE_IP(&b, text, len, .src = "192.0.2.1", .dst = "198.51.100.1", .protocol = 1);
    assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
    WRITE_IP(&b, text, 20, .src = "192.0.2.1", .dst = "198.51.100.1", .protocol = 17);
    assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
    WRITE_IP(&b, text, 20, .src = "2001:db8::1", .dst = "2001:db8:2::1", .protocol = 99);
    assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
    assert_int_equal(drops(&w, HF_DROP_IP_DESTINATION), 3);
    static const uint8_t bad_option[8] = {6, 0, 0x80, 4, 0, 0, 0, 0};
    WRITE_IP(&b, text, 20, .src = "2001:db8::1", .dst = "2001:db8:2::1", .protocol = 6,
             .options = bad_option, .options_len = 8, .options_kind = 60);
    assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
    assert_int_equal(drops(&w, HF_DROP_IP_EXTENSIONS), 1);
    no_reply(&w);
    world_down(&w);
}

/* Chains of 0 to 64 headers of every length; at most one complaint each. */
TEST(ipv6_extension_header_chains, none, "A9")
{
    static uint8_t chain[64 * 2048];
    struct world w;
    world_up(&w);
    w.settings.icmp_rate = 1000000;
    uint8_t tcp[20];
    write_tcp(tcp, 4000, 80, 77, HF_SYN);
    for (uint32_t n = 0; n <= 64; n++)
        for (uint32_t words = 0; words < 256; words += n < 3 ? 1 : 51) {
            uint32_t each = (words + 1) * 8, at = 0;
            if (n * each > 60000)
                continue;
            for (uint32_t i = 0; i < n; i++, at += each) {
                memset(chain + at, 0, each);
                chain[at] = i + 1 < n ? 60 : 6;
                chain[at + 1] = (uint8_t)words;
                for (uint32_t pad = at + 2; pad < at + each;) { /* PadN, as long as may be */
                    uint32_t room = at + each - pad - 2 > 255 ? 255 : at + each - pad - 2;
                    if (at + each - pad == room + 3)
                        room--; /* leave no single byte, or it is a Pad1 */
                    chain[pad] = 1;
                    chain[pad + 1] = (uint8_t)room;
                    pad += 2 + room;
                }
            }
            WRITE_IP(&b, tcp, 20, .src = "2001:db8::1", .dst = "fd01::2", .protocol = 6,
                     .options = chain, .options_len = n * each, .options_kind = 60);
            bool good = n <= HF_IPV6_HEADERS_MAX;
            if (give(&w, 1, &b) != (good ? HF_IP_TCP : HF_IP_CONSUMED))
                fail_msg("%u headers of %u bytes", n, each);
            if (good)
                assert_int_equal(w.datagram.total, 20);
        }
    no_reply(&w);
    world_down(&w);
}

TEST(random_chains_do_no_harm, none, "A9")
{
    static const uint8_t kinds[] = {0, 43, 44, 50, 51, 60, 6, 17, 58, 59};
    struct world w;
    world_up(&w);
    for (int k = 0; k < 20000; k++) {
        uint8_t text[200];
        uint32_t len = (uint32_t)check_random_below(sizeof text);
        for (uint32_t i = 0; i < len; i++)
            text[i] = check_random_below(4) ? (uint8_t)check_random_below(3)
                                            : kinds[check_random_below(sizeof kinds)];
        WRITE_IP(&b, text, len, .src = "2001:db8::1", .dst = "fd01::2",
                 .protocol = kinds[check_random_below(sizeof kinds)]);
        static struct bytes reply;
        w.env.now += HF_SEC;
        hf_ip_timers(&w.env, &w.ip); /* may tell the sender of old fragments */
        while (take_reply(&w, 1, &reply))
            ;
        give(&w, 1, &b);
        take_reply(&w, 1, &reply);
        no_reply(&w);
    }
    world_down(&w);
}

TEST(not_ip_at_all, none, "A4")
{
    struct world w;
    world_up(&w);
    memset(b.data, 0x55, 100);
    b.len = 100;
    assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
    b.len = 0;
    assert_int_equal(give(&w, 1, &b), HF_IP_CONSUMED);
    assert_int_equal(drops(&w, HF_DROP_IP_VERSION), 1);
    assert_int_equal(drops(&w, HF_DROP_IP_SHORT), 1);
    world_down(&w);
}

TEST(no_memory_at_creation, none, "C22")
{
    struct world w;
    world_up_bare(&w);
    hf_ip_reset(&w.env, &w.ip);
    size_t others = w.allocated;
    w.allocations = 0;
    assert_int_equal(hf_ip_init(&w.env, &w.ip), 0);
    size_t needed = w.allocations;
    for (size_t k = 1; k <= needed; k++) {
        hf_ip_reset(&w.env, &w.ip);
        w.allocations = 0;
        w.fail_at = k;
        assert_int_equal(hf_ip_init(&w.env, &w.ip), HF_ERR_MEMORY);
        assert_int_equal(w.allocated, others);
        hf_ip_reset(&w.env, &w.ip);
    }
    w.fail_at = 0;
    assert_int_equal(hf_ip_init(&w.env, &w.ip), 0);
    world_down(&w);
}

/* Addresses of a good IPv4 pair in an IPv6 header are good for nothing. */
TEST(mapped_pair_that_was_good_as_ipv4, none, "A4")
{
    static const char *const pairs[][2] = {{"192.0.2.1", "10.1.0.2"},
                                           {"::ffff:192.0.2.1", "::ffff:10.1.0.2"}};
    struct world w;
    world_up(&w);
    for (unsigned i = 0; i < 4; i++) {
        enum hf_ip_verdict verdict = give_tcp(&w, pairs[i % 2][0], pairs[i % 2][1], HF_ACK);
        assert_int_equal(verdict, i % 2 ? HF_IP_CONSUMED : HF_IP_TCP);
    }
    world_down(&w);
}

/* Pairs that share a place among those that were found good do not stand for each other. */
TEST(many_pairs_in_turns, none, "A4")
{
    struct world w;
    world_up(&w);
    for (unsigned i = 0; i < 400; i++) {
        char src[32];
        snprintf(src, sizeof src, "192.0.2.%u", 1 + (i * 7) % 200);
        assert_int_equal(give_tcp(&w, src, "10.1.0.2", HF_ACK), HF_IP_TCP);
        assert_int_equal(w.datagram.flow.remote[15], 1 + (i * 7) % 200);
        assert_int_equal(give_tcp(&w, src, "10.1.0.3", HF_ACK), HF_IP_CONSUMED); /* not ours */
        assert_int_equal(give_tcp(&w, "127.0.0.1", "10.1.0.2", HF_ACK), HF_IP_CONSUMED);
    }
    world_down(&w);
}

/* The short road of a run of packets and the long one say the same of anything. */
TEST(next_of_a_run_is_judged_as_the_first, none, "A4")
{
    static const char *const pairs[][2] = {{"192.0.2.1", "10.1.0.2"}, {"2001:db8::1", "fd01::2"}};
    struct world run, anew;
    world_up(&run);
    world_up(&anew);
    unsigned taken = 0;
    for (unsigned step = 0; step < 20000; step++) {
        unsigned family = step % 2;
        uint8_t tcp[64];
        write_tcp(tcp, 4000, 80, 77, HF_ACK);
        memset(tcp + 20, 'x', sizeof tcp - 20);
        WRITE_IP(&b, tcp, sizeof tcp, .src = pairs[family][0], .dst = pairs[family][1],
                 .protocol = 6, .tos = 0x11, .ttl = 33,
                 .padding = (uint32_t)check_random_below(8));
        assert_int_equal(give(&run, 1, &b), HF_IP_TCP); /* the pair is the last that was good */
        for (uint64_t wrong = check_random_below(3); wrong > 0; wrong--)
            b.data[check_random_below(44)] = (uint8_t)check_random();
        if (family == 0 && check_random_below(2)) { /* what the checksum would hide */
            b.data[10] = b.data[11] = 0;
            uint32_t sum = 0;
            for (unsigned i = 0; i < 20; i += 2)
                sum += get16(b.data + i);
            sum = (sum & 0xffff) + (sum >> 16);
            sum = ~((sum & 0xffff) + (sum >> 16));
            b.data[10] = (uint8_t)(sum >> 8);
            b.data[11] = (uint8_t)sum;
        }
        uint32_t cut = 60 + (uint32_t)check_random_below(20);
        enum hf_ip_verdict verdict = give_cut(&run, 1, &b, cut);
        memset(anew.ip.seen, 0, sizeof anew.ip.seen);
        assert_int_equal(give_cut(&anew, 1, &b, cut), verdict);
        if (verdict != HF_IP_TCP)
            continue;
        taken++;
        const struct hf_ip_datagram *x = &run.datagram, *y = &anew.datagram;
        assert_memory_equal(&x->flow, &y->flow, sizeof x->flow);
        assert_int_equal(x->tos, y->tos);
        assert_int_equal(x->ttl, y->ttl);
        assert_int_equal(x->link, y->link);
        assert_int_equal(x->to_us, y->to_us);
        assert_int_equal(x->reassembled, y->reassembled);
        assert_ptr_equal(x->head, y->head);
        assert_int_equal(x->head_len, y->head_len);
        assert_int_equal(x->total, y->total);
        assert_int_equal(x->slice_count, y->slice_count);
        assert_int_equal(x->offset, y->offset);
    }
    assert_true(taken > 5000);
    for (unsigned reason = 0; reason < HF_DROP_COUNT; reason++) /* the rate limit throws dice */
        if (reason != HF_DROP_ICMP_RATE)
            assert_int_equal(drops(&run, (enum hf_drop)reason), drops(&anew, (enum hf_drop)reason));
    world_down(&run);
    world_down(&anew);
}
