/* The wire police: a correct conversation draws no complaint, each planted fault draws its own.
 * It has never seen a stack; the packets are made by hand. */
#include "check.h"

#include <string.h>

#include <handfast/sim.h>

#include "packets.h"

#define MSS_1000 "\x02\x04\x03\xe8"
#define WSCALE_2 "\x03\x03\x02\x01"
#define SACK_OK "\x04\x02\x01\x01"
#define TIMES "\x01\x01\x08\x0a\0\0\0\x01\0\0\0\x02"

static struct hf_sim_police *police;
static hf_time now;

/* A segment that one end sends; the complaint or NULL. `lost`: it does not arrive. */
static const char *sent(struct segment_spec spec)
{
    uint8_t packet[PACKET_MAX];
    return hf_sim_police_sent(police, packet, make_segment(&spec, packet), 1500, now);
}

static void arrives(struct segment_spec spec)
{
    uint8_t packet[PACKET_MAX];
    hf_sim_police_arrived(police, packet, make_segment(&spec, packet), now);
}

static void expect(const char *complaint, const char *words)
{
    if (!words) {
        if (complaint)
            fail_msg("complaint: %s", complaint);
        return;
    }
    if (!complaint)
        fail_msg("no complaint, expected: %s", words);
    if (!strstr(complaint, words))
        fail_msg("complaint: %s, expected: %s", complaint, words);
}

#define fine(...) expect(sent((struct segment_spec){__VA_ARGS__}), NULL)
#define wrong(words, ...) expect(sent((struct segment_spec){__VA_ARGS__}), words)
/* Sent without a complaint, and arrived. */
#define passes(...)                                                                               \
    do {                                                                                          \
        fine(__VA_ARGS__);                                                                        \
        arrives((struct segment_spec){__VA_ARGS__});                                              \
    } while (0)

static void begin(uint32_t silence)
{
    hf_sim_police_free(police);
    police = hf_sim_police_new(silence);
    assert_non_null(police);
    now = 0;
}

static void end(void)
{
    hf_sim_police_free(police);
    police = NULL;
}

/* Client: ISS 100, server: ISS 500; windows 4000 and 5000; all options or none. */
static void established(const char *options, uint32_t bytes, const char *acks, uint32_t ack_bytes)
{
    begin(0);
    passes(.from = 1, .seq = 100, .flags = SYN, .window = 4000, .options = options,
           .option_bytes = bytes);
    passes(.from = 2, .seq = 500, .ack = 101, .flags = SYN | ACK, .window = 5000,
           .options = options, .option_bytes = bytes);
    passes(.from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000, .options = acks,
           .option_bytes = ack_bytes);
}

static void plain(void)
{
    established(MSS_1000, 4, NULL, 0);
}

TEST(a_correct_conversation_draws_no_complaint, none, "")
{
    plain();
    passes(.from = 1, .seq = 101, .ack = 501, .flags = ACK | PSH, .window = 4000, .text = 1000);
    passes(.from = 2, .seq = 501, .ack = 1101, .flags = ACK, .window = 4000);
    passes(.from = 2, .seq = 501, .ack = 1101, .flags = ACK, .window = 5000);
    passes(.from = 2, .seq = 501, .ack = 1101, .flags = ACK, .window = 5000, .text = 10);
    passes(.from = 1, .seq = 1101, .ack = 511, .flags = FIN | ACK, .window = 4000);
    passes(.from = 2, .seq = 511, .ack = 1102, .flags = ACK, .window = 0);
    passes(.from = 2, .seq = 511, .ack = 1102, .flags = FIN | ACK, .window = 0);
    passes(.from = 1, .seq = 1102, .ack = 512, .flags = ACK, .window = 4000);
    end();
}

TEST(ipv6_is_read_too, none, "")
{
    begin(0);
    passes(.from = 1, .version = 6, .seq = 1, .flags = SYN, .window = 100);
    wrong("acknowledges what did not arrive", .from = 2, .version = 6, .seq = 1, .ack = 3,
          .flags = SYN | ACK, .window = 100);
    end();
}

TEST(damage_is_seen, none, "")
{
    uint8_t packet[PACKET_MAX];
    struct segment_spec spec = {.from = 1, .seq = 1, .flags = SYN, .window = 9};
    static const struct {
        unsigned at;
        uint8_t value;
        int fix;
        const char *words;
    } rows[] = {
        {0, 0x55, 0, "neither IPv4"}, {2, 1, 1, "total length"},
        {11, 0x77, 0, "IPv4 header checksum"}, {8, 0, 1, "TTL 0"},
        {32, 0x40, 1, "data offset"}, {32, 0xf0, 1, "data offset"},
        {36, 0xaa, 0, "TCP checksum"}, {21, 0, 1, NULL},
        {32, 0x51, 1, "reserved"}, {33, SYN | FIN, 1, "SYN together"},
        {33, 0, 1, "none of SYN"}, {39, 7, 1, "urgent pointer without"},
        {31, 7, 1, "acknowledgement number without"},
    };

    begin(0);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t len = make_segment(&spec, packet);
        packet[rows[i].at] = rows[i].value;
        if (rows[i].fix)
            fix_checksums(packet, len);
        expect(hf_sim_police_sent(police, packet, len, 1500, 0), rows[i].words);
    }
    uint32_t len = make_segment(&spec, packet);
    expect(hf_sim_police_sent(police, packet, len, 39, 0), "MTU");
    expect(hf_sim_police_sent(police, packet, 0, 1500, 0), "empty");
    end();
}

TEST(options_must_be_sane, none, "A1 A2")
{
    static const struct {
        const char *options;
        uint32_t bytes;
        const char *words;
    } rows[] = {
        {"\x02\x04\x03\xe8\0\0\0\0", 8, NULL},
        {"\x02\x05\x03\xe8\0\0\0\0", 8, "MSS option"},
        {"\x02\x04\x03\xe8\x02\x04\x03\xe8", 8, "MSS option"},
        {"\x02\x04\0\0", 4, "MSS option"},
        {"\x03\x03\x0f\x01", 4, "window scale"},
        {"\x04\x03\0\x01", 4, "SACK-permitted"},
        {"\x08\x09\0\0\0\0\0\0\0\x01\0\0", 12, "timestamps option"},
        {"\x05\x0a\0\0\0\x01\0\0\0\x02\x01\x01", 12, NULL},
        {"\x05\x0b\0\0\0\x01\0\0\0\x02\0\x01", 12, "SACK option"},
        {"\x1e\x04\0\0", 4, "never agreed"},
        {"\x22\x02\x01\x01", 4, NULL},
        {"\x22\x06\1\2\3\4\x01\x01", 8, NULL},
        {"\xfe\x04\xf9\x89", 4, NULL},
        {"\x22\x05\1\2\3\x01\x01\x01", 8, "Fast Open option"},
        {"\x22\x02\x22\x02", 4, "Fast Open option"},
        {"\xfe\x04\xf9\x88", 4, "never agreed"},
        {"\x01\x01\x01\x02", 4, "runs past"},
        {"\x02\0\0\0", 4, "runs past"},
        {"\x02\x01\0\0", 4, "runs past"},
        {"\x02\x09\0\0", 4, "runs past"},
        {"\0\0\x01\0", 4, "behind the end"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(0);
        expect(sent((struct segment_spec){.from = 1, .seq = 1, .flags = SYN, .window = 1,
                                          .options = rows[i].options,
                                          .option_bytes = rows[i].bytes}),
               rows[i].words);
    }
    end();
}

TEST(options_need_agreement, none, "")
{
    plain();
    wrong("without SYN", .from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000,
          .options = MSS_1000, .option_bytes = 4);
    wrong("not agreed", .from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000,
          .options = TIMES, .option_bytes = 12);
    wrong("not agreed", .from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000,
          .options = "\x01\x01\x05\x0a\0\0\x02\x01\0\0\x02\x05", .option_bytes = 12);

    established(TIMES, 12, TIMES, 12);
    wrong("timestamps missing", .from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000);

    begin(0);
    passes(.from = 1, .seq = 100, .flags = SYN, .window = 4000);
    wrong("whose SYN had none", .from = 2, .seq = 500, .ack = 101, .flags = SYN | ACK,
          .window = 1, .options = WSCALE_2, .option_bytes = 4);
    end();
}

TEST(nothing_is_sent_beyond_the_right_edge, none, "")
{
    plain();
    fine(.from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000, .text = 996);
    for (uint32_t seq = 1097; seq < 5000; seq += 996)
        fine(.from = 1, .seq = seq, .ack = 501, .flags = ACK, .window = 4000, .text = 996);
    fine(.from = 1, .seq = 5081, .ack = 501, .flags = ACK, .window = 4000, .text = 20);
    fine(.from = 1, .seq = 5101, .ack = 501, .flags = ACK, .window = 4000, .text = 1);
    wrong("right edge of every window", .from = 1, .seq = 5101, .ack = 501, .flags = ACK,
          .window = 4000, .text = 2);
    end();
}

TEST(a_window_counts_only_when_it_has_arrived, none, "")
{
    begin(0);
    passes(.from = 1, .seq = 100, .flags = SYN, .window = 4000);
    passes(.from = 2, .seq = 500, .ack = 101, .flags = SYN | ACK, .window = 10);
    fine(.from = 2, .seq = 501, .ack = 101, .flags = ACK, .window = 1000);
    wrong("right edge of every window", .from = 1, .seq = 101, .ack = 501, .flags = ACK,
          .window = 4000, .text = 11);
    end();
}

TEST(the_window_is_scaled_as_agreed, none, "")
{
    established(WSCALE_2, 4, NULL, 0);
    /* In the SYN+ACK: 5000, not scaled. */
    for (uint32_t seq = 101; seq < 5101; seq += 500)
        fine(.from = 1, .seq = seq, .ack = 501, .flags = ACK, .window = 4000, .text = 500);
    wrong("right edge of every window", .from = 1, .seq = 5101, .ack = 501, .flags = ACK,
          .window = 4000, .text = 2);
    /* Later: 2000 times four. */
    established(WSCALE_2, 4, NULL, 0);
    passes(.from = 2, .seq = 501, .ack = 101, .flags = ACK, .window = 2000);
    for (uint32_t seq = 101; seq < 101 + 7500; seq += 500)
        fine(.from = 1, .seq = seq, .ack = 501, .flags = ACK, .window = 4000, .text = 500);
    end();
}

TEST(nothing_is_skipped_and_nothing_follows_the_fin, none, "")
{
    plain();
    wrong("beyond what was sent", .from = 1, .seq = 102, .ack = 501, .flags = ACK,
          .window = 4000, .text = 10);
    plain();
    passes(.from = 1, .seq = 101, .ack = 501, .flags = FIN | ACK, .window = 4000, .text = 10);
    fine(.from = 1, .seq = 101, .ack = 501, .flags = FIN | ACK, .window = 4000, .text = 10);
    fine(.from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000, .text = 5);
    wrong("behind the FIN", .from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000,
          .text = 11);
    wrong("behind the FIN", .from = 1, .seq = 101, .ack = 501, .flags = FIN | ACK,
          .window = 4000, .text = 5);
    end();
}

TEST(the_right_edge_never_retreats, none, "")
{
    plain();
    wrong("right edge of the window retreats", .from = 2, .seq = 501, .ack = 101, .flags = ACK,
          .window = 4999);
    end();
}

TEST(acknowledgements_do_not_run_ahead_or_back, none, "")
{
    plain();
    fine(.from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000, .text = 100);
    wrong("did not arrive", .from = 2, .seq = 501, .ack = 201, .flags = ACK, .window = 5000);
    plain();
    passes(.from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000, .text = 100);
    passes(.from = 2, .seq = 501, .ack = 201, .flags = ACK, .window = 5000);
    wrong("goes back", .from = 2, .seq = 501, .ack = 151, .flags = ACK, .window = 5100);
    end();
}

TEST(a_segment_fits_the_peers_mss, none, "")
{
    plain();
    wrong("larger than the peer's MSS", .from = 1, .seq = 101, .ack = 501, .flags = ACK,
          .window = 4000, .text = 1001);
    begin(0);
    passes(.from = 1, .seq = 100, .flags = SYN, .window = 4000);
    passes(.from = 2, .seq = 500, .ack = 101, .flags = SYN | ACK, .window = 5000);
    wrong("larger than the peer's MSS", .from = 1, .seq = 101, .ack = 501, .flags = ACK,
          .window = 4000, .text = 537);
    end();
}

/* With 1000 bytes that begin at 1101 arrived out of order: blocks that may and may not be sent. */
TEST(sack_blocks_name_what_arrived, none, "")
{
    static const struct {
        const char *options;
        uint32_t bytes;
        const char *words;
    } rows[] = {
        {"\x01\x01\x05\x0a\0\0\x04\x4d\0\0\x08\x35", 12, NULL},                 /* 1101..2101 */
        {"\x01\x01\x05\x0a\0\0\x04\x4d\0\0\x08\x36", 12, "did not arrive"},
        {"\x01\x01\x05\x0a\0\0\x04\x4d\0\0\x04\x4d", 12, "wrong way round"},
        {"\x01\x01\x05\x0a\0\0\0\x64\0\0\0\x65", 12, NULL},                     /* duplicate */
        {"\x01\x01\x05\x0a\0\0\0\x65\0\0\x08\x35", 12, "begins at or below"},
        {"\x01\x01\x05\x12\0\0\x04\x4f\0\0\x04\x5f\0\0\x04\x4d\0\0\x08\x35", 20, NULL},
        {"\x01\x01\x05\x12\0\0\x04\x4d\0\0\x04\x5f\0\0\x04\x4f\0\0\x08\x35", 20, "first SACK"},
        {"\x01\x01\x05\x12\0\0\x04\x4d\0\0\x08\x35\0\0\0\x65\0\0\0\x70", 20, "at or below"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        established(SACK_OK, 4, NULL, 0);
        fine(.from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000, .text = 500);
        fine(.from = 1, .seq = 601, .ack = 501, .flags = ACK, .window = 4000, .text = 500);
        passes(.from = 1, .seq = 1101, .ack = 501, .flags = ACK, .window = 4000, .text = 500);
        passes(.from = 1, .seq = 1601, .ack = 501, .flags = ACK, .window = 4000, .text = 500);
        expect(sent((struct segment_spec){.from = 2, .seq = 501, .ack = 101, .flags = ACK,
                                          .window = 5000, .options = rows[i].options,
                                          .option_bytes = rows[i].bytes}),
               rows[i].words);
    }
    end();
}

TEST(pure_acks_are_counted_against_what_arrived, none, "")
{
    const char *complaint = NULL;
    unsigned acks = 0;

    plain();
    while (!complaint && acks < 100) {
        complaint = sent((struct segment_spec){
            .from = 2, .seq = 501, .ack = 101, .flags = ACK, .window = 5000});
        acks++;
    }
    expect(complaint, "more pure ACKs");
    assert_in_range(acks, 10, 30);

    /* One for each segment is right for ever. */
    plain();
    for (uint32_t seq = 101; seq < 50000; seq += 100) {
        passes(.from = 1, .seq = seq, .ack = 501, .flags = ACK, .window = 4000, .text = 100);
        passes(.from = 2, .seq = 501, .ack = seq + 100, .flags = ACK, .window = 5000);
    }
    end();
}

TEST(silence_is_noisy_when_nothing_moves, none, "")
{
    begin(20);
    passes(.from = 1, .seq = 100, .flags = SYN, .window = 4000);
    passes(.from = 2, .seq = 500, .ack = 101, .flags = SYN | ACK, .window = 5000);
    passes(.from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000);
    /* Keep-alives, twenty a second, pass; a twenty-first does not. */
    for (unsigned i = 0; i < 60; i++) {
        now += 50 * HF_MS;
        fine(.from = 1, .seq = 100, .ack = 501, .flags = ACK, .window = 4000);
    }
    for (unsigned i = 0; i < 19; i++)
        fine(.from = 1, .seq = 100, .ack = 501, .flags = ACK, .window = 4000);
    wrong("nothing moved forward", .from = 1, .seq = 100, .ack = 501, .flags = ACK,
          .window = 4000);
    end();
}

TEST(a_flight_may_be_sent_again_twice, none, "")
{
    begin(20);
    passes(.from = 1, .seq = 100, .flags = SYN, .window = 4000);
    passes(.from = 2, .seq = 500, .ack = 101, .flags = SYN | ACK, .window = 50000);
    for (int round = 0; round < 3; round++)
        for (uint32_t seq = 101; seq < 40101; seq += 500)
            fine(.from = 1, .seq = seq, .ack = 501, .flags = ACK, .window = 4000, .text = 500);
    for (uint32_t seq = 101; seq < 10101; seq += 500)
        fine(.from = 1, .seq = seq, .ack = 501, .flags = ACK, .window = 4000, .text = 500);
    wrong("nothing moved forward", .from = 1, .seq = 101, .ack = 501, .flags = ACK,
          .window = 4000, .text = 500);
    end();
}

TEST(a_new_incarnation_is_judged_afresh, none, "")
{
    plain();
    passes(.from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000, .text = 100);
    fine(.from = 1, .seq = 201, .flags = RST);
    passes(.from = 1, .seq = 90000, .flags = SYN, .window = 100);
    /* The other side still lives in the old one: a challenge ACK. */
    fine(.from = 2, .seq = 501, .ack = 201, .flags = ACK, .window = 5000);
    passes(.from = 2, .seq = 70000, .ack = 90001, .flags = SYN | ACK, .window = 100);
    passes(.from = 1, .seq = 90001, .ack = 70001, .flags = ACK, .window = 100, .text = 100);
    wrong("did not arrive", .from = 2, .seq = 70001, .ack = 90102, .flags = ACK, .window = 100);
    end();
}

TEST(late_packets_of_an_old_incarnation_change_nothing, none, "")
{
    plain();
    passes(.from = 1, .seq = 90000, .flags = SYN, .window = 100);
    passes(.from = 2, .seq = 70000, .ack = 90001, .flags = SYN | ACK, .window = 100);
    arrives((struct segment_spec){
        .from = 2, .seq = 501, .ack = 101, .flags = ACK, .window = 60000, .text = 10});
    arrives((struct segment_spec){
        .from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000, .text = 10});
    wrong("right edge of every window", .from = 1, .seq = 90001, .ack = 70001, .flags = ACK,
          .window = 100, .text = 102);
    end();
}

TEST(sequence_numbers_may_wrap, none, "")
{
    begin(0);
    passes(.from = 1, .seq = 0xffffffff, .flags = SYN, .window = 4000);
    passes(.from = 2, .seq = 0x7fffffff, .ack = 0, .flags = SYN | ACK, .window = 5000);
    passes(.from = 1, .seq = 0, .ack = 0x80000000, .flags = ACK, .window = 4000, .text = 500);
    passes(.from = 2, .seq = 0x80000000, .ack = 500, .flags = ACK, .window = 5000, .text = 500);
    passes(.from = 1, .seq = 500, .ack = 0x800001f4, .flags = ACK, .window = 4000);
    wrong("did not arrive", .from = 1, .seq = 500, .ack = 0x800001f5, .flags = ACK,
          .window = 4000);
    end();
}

TEST(many_pairs_are_kept_apart_and_forgotten, none, "")
{
    begin(0);
    for (uint16_t port = 2000; port < 5000; port++) {
        now += HF_SEC;
        fine(.from = 1, .port = port, .seq = port, .flags = SYN, .window = 100);
        arrives((struct segment_spec){
            .from = 1, .port = port, .seq = port, .flags = SYN, .window = 100});
    }
    for (uint16_t port = 4990; port < 5000; port++)
        wrong("did not arrive", .from = 2, .port = port, .seq = 1, .ack = port + 2u,
              .flags = SYN | ACK, .window = 100);
    end();
}

/* Both SYNs have agreed to ECN, 1000 octets of the client's have been marked on their way. */
static void marked(int version)
{
    begin(0);
    passes(.from = 1, .version = version, .seq = 100, .flags = SYN | ECE | CWR, .window = 4000);
    passes(.from = 2, .version = version, .seq = 500, .ack = 101, .flags = SYN | ACK | ECE,
           .window = 5000);
    passes(.from = 1, .version = version, .seq = 101, .ack = 501, .flags = ACK, .window = 4000);
    fine(.from = 1, .version = version, .seq = 101, .ack = 501, .flags = ACK, .window = 4000,
         .text = 500, .ecn = 2);
    arrives((struct segment_spec){.from = 1, .version = version, .seq = 101, .ack = 501,
                                  .flags = ACK, .window = 4000, .text = 500, .ecn = 3});
}

TEST(marks_are_echoed_until_the_window_came_down, none, "")
{
    for (int version = 4; version <= 6; version += 2) {
        marked(version);
        wrong("acknowledges marked text without ECE", .from = 2, .version = version, .seq = 501,
              .ack = 601, .flags = ACK, .window = 5000);
        marked(version);
        passes(.from = 2, .version = version, .seq = 501, .ack = 601, .flags = ACK | ECE,
               .window = 5000);
        wrong("CWR on something", .from = 1, .version = version, .seq = 601, .ack = 501,
              .flags = ACK | CWR, .window = 4000);
        passes(.from = 1, .version = version, .seq = 601, .ack = 501, .flags = ACK | CWR,
               .window = 4000, .text = 100, .ecn = 2);
        passes(.from = 2, .version = version, .seq = 501, .ack = 701, .flags = ACK,
               .window = 5000);
    }
    end();
}

TEST(only_new_text_may_be_marked, none, "")
{
    marked(4);
    wrong("ECT on something", .from = 1, .seq = 101, .ack = 501, .flags = ACK, .window = 4000,
          .text = 500, .ecn = 2);
    marked(4);
    wrong("ECT on something", .from = 1, .seq = 601, .ack = 501, .flags = ACK, .window = 4000,
          .ecn = 2);
    marked(4);
    wrong("ECT(1) or CE", .from = 1, .seq = 601, .ack = 501, .flags = ACK, .window = 4000,
          .text = 500, .ecn = 1);
    marked(4);
    wrong("ECE without a mark", .from = 1, .seq = 601, .ack = 501, .flags = ACK | ECE,
          .window = 4000);
    end();
}

TEST(ecn_must_be_agreed_on, none, "")
{
    begin(0);
    wrong("may itself be marked", .from = 1, .seq = 100, .flags = SYN | ECE | CWR,
          .window = 4000, .ecn = 2);
    begin(0);
    wrong("one of ECE and CWR", .from = 1, .seq = 100, .flags = SYN | ECE, .window = 4000);
    begin(0);
    passes(.from = 1, .seq = 100, .flags = SYN, .window = 4000);
    wrong("whose SYN did not ask", .from = 2, .seq = 500, .ack = 101, .flags = SYN | ACK | ECE,
          .window = 5000);
    plain();
    wrong("not agreed on", .from = 1, .seq = 101, .ack = 501, .flags = ACK | CWR, .window = 4000,
          .text = 100);
    end();
}
