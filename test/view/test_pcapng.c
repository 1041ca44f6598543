/* src/view/pcapng.c: captures. Read back by a reader written here from the draft, and
 * by tshark when it is installed. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed.h"

#define WALL ((int64_t)1700000000 * HF_SEC)

static const struct hf_view_name names[] = {{1, "client"}, {2, "server"}};

struct scene {
    struct feed feed;
    struct text file;
    struct hf_pcapng *pcapng;
};

static void begin(struct scene *scene, bool both_ends)
{
    memset(scene, 0, sizeof *scene);
    struct hf_pcapng_config config = {.size = sizeof config,
                                      .write = text_write,
                                      .context = &scene->file,
                                      .wall_ns = WALL,
                                      .both_ends = both_ends,
                                      .names = names,
                                      .name_count = 2};
    scene->pcapng = hf_pcapng_create(&config);
    assert_non_null(scene->pcapng);
    feed_begin(&scene->feed);
    feed_to(&scene->feed, hf_pcapng_record, scene->pcapng);
}

static void end(struct scene *scene)
{
    text_end(&scene->file);
}

/* ---- A reader ---- */

struct read_packet {
    int64_t ns;
    uint32_t len;
    const uint8_t *bytes;
    char comment[300];
    uint32_t direction;
};

static uint32_t get32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, 4);
    return value;
}

static uint16_t get16(const uint8_t *p)
{
    uint16_t value;
    memcpy(&value, p, 2);
    return value;
}

static void read_options(const uint8_t *at, const uint8_t *stop, struct read_packet *packet)
{
    while (at < stop) {
        uint16_t code = get16(at), len = get16(at + 2);
        at += 4;
        if (code == 0)
            break;
        assert_true(at + len <= stop);
        if (code == 1) {
            assert_in_range(len, 0, sizeof packet->comment - 1);
            memcpy(packet->comment, at, len);
            packet->comment[len] = 0;
        }
        if (code == 2)
            packet->direction = get32(at);
        at += (len + 3) & ~3;
    }
    assert_ptr_equal(at, stop);
}

/* Read a whole file; every length is checked. Returns how many packets there are. */
static int read_file(const struct text *file, struct read_packet *packets, int room)
{
    const uint8_t *at = (const uint8_t *)file->bytes, *stop = at + file->len;
    int n = 0;
    for (int block = 0; at < stop; block++) {
        uint32_t type = get32(at), len = get32(at + 4);
        assert_int_equal(len % 4, 0);
        assert_true(at + len <= stop);
        assert_int_equal(get32(at + len - 4), len);
        if (block == 0) {
            assert_int_equal(type, 0x0a0d0d0a);
            assert_int_equal(get32(at + 8), 0x1a2b3c4d);
        } else if (block == 1) {
            assert_int_equal(type, 1);
            assert_int_equal(get16(at + 8), 101);
        } else {
            assert_int_equal(type, 6);
            assert_true(n < room);
            struct read_packet *p = &packets[n++];
            memset(p, 0, sizeof *p);
            assert_int_equal(get32(at + 8), 0);
            p->ns = (int64_t)((uint64_t)get32(at + 12) << 32 | get32(at + 16));
            p->len = get32(at + 20);
            assert_int_equal(get32(at + 24), p->len);
            p->bytes = at + 28;
            read_options(at + 28 + ((p->len + 3) & ~3u), at + len - 4, p);
        }
        at += len;
    }
    return n;
}

static uint32_t folded(const uint8_t *bytes, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static void check_tcp_checksum(const struct read_packet *p)
{
    bool ipv6 = p->bytes[0] >> 4 == 6;
    uint32_t ip = ipv6 ? 40 : 20;
    uint32_t pseudo = folded(p->bytes + (ipv6 ? 8 : 12), ipv6 ? 32 : 8, 6 + p->len - ip);
    assert_int_equal(folded(p->bytes + ip, p->len - ip, pseudo), 0xffff);
}

/* ---- Tests ---- */

TEST(each_segment_once_with_the_states_of_both_ends, none, "")
{
    static const char *const comments[] = {
        "client SYN-SENT (by call open), server SYN-RECEIVED (by segment SYN)",
        "client ESTABLISHED (by segment SYN,ACK), server SYN-RECEIVED",
        "client ESTABLISHED, server ESTABLISHED (by segment ACK)",
        "client FIN-WAIT-1 (by call close), server CLOSE-WAIT (by segment FIN,ACK)",
        "client FIN-WAIT-2 (by segment ACK), server CLOSE-WAIT",
        "client TIME-WAIT (by segment FIN,ACK), server LAST-ACK (by call close)",
        "client TIME-WAIT, server CLOSED (by segment ACK)"};
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        struct scene s;
        begin(&s, true);
        s.feed.ipv6 = ipv6;
        feed_three_way_open(&s.feed);
        feed_four_way_close(&s.feed);
        assert_int_equal(hf_pcapng_destroy(s.pcapng), 0);
        struct read_packet packets[20];
        assert_int_equal(read_file(&s.file, packets, 20), 7);
        for (int i = 0; i < 7; i++) {
            assert_string_equal(packets[i].comment, comments[i]);
            assert_int_equal(packets[i].direction, 2);
            check_tcp_checksum(&packets[i]);
            assert_true(i == 0 || packets[i].ns >= packets[i - 1].ns);
        }
        assert_true(packets[0].ns == WALL + 5 * HF_SEC);
        assert_true(packets[1].ns == WALL + 5 * HF_SEC + 10 * HF_MS);
        end(&s);
    }
}

TEST(with_one_end_both_directions_are_written, none, "")
{
    struct scene s;
    begin(&s, false);
    s.feed.ours[SERVER] = false;
    feed_three_way_open(&s.feed);
    feed_four_way_close(&s.feed);
    assert_int_equal(hf_pcapng_destroy(s.pcapng), 0);
    struct read_packet packets[20];
    assert_int_equal(read_file(&s.file, packets, 20), 7);
    assert_string_equal(packets[0].comment, "client SYN-SENT (by call open)");
    assert_string_equal(packets[1].comment,
                        "client ESTABLISHED (by segment SYN,ACK), peer ~SYN-RECEIVED");
    assert_int_equal(packets[1].direction, 1);
    assert_string_equal(packets[6].comment, "client TIME-WAIT, peer ~CLOSED");
    end(&s);
}

TEST(lost_and_damaged_segments_say_so, none, "")
{
    struct scene s;
    begin(&s, true);
    feed_three_way_open(&s.feed);
    struct told_segment data = {.flags = HF_ACK, .seq = 1, .ack = 1, .text = 33, .window = 500};
    feed_out(&s.feed, CLIENT, data); /* lost */
    s.feed.now += 200 * HF_MS;
    data.reason = HF_SEND_RTO;
    feed_out(&s.feed, CLIENT, data);
    s.feed.now += 10 * HF_MS;
    feed_drop(&s.feed, CLIENT, data, HF_DROP_TCP_CHECKSUM);
    s.feed.now += 400 * HF_MS;
    feed_pass(&s.feed, CLIENT, data, HF_STATES);
    assert_int_equal(hf_pcapng_destroy(s.pcapng), 0);
    struct read_packet packets[20];
    assert_int_equal(read_file(&s.file, packets, 20), 6);
    assert_string_equal(packets[3].comment,
                        "client ESTABLISHED, server ESTABLISHED; lost on the way");
    assert_string_equal(packets[4].comment, "client ESTABLISHED, server ESTABLISHED; "
                                            "retransmission, timeout; dropped: bad TCP checksum");
    assert_string_equal(packets[5].comment,
                        "client ESTABLISHED, server ESTABLISHED; retransmission, timeout");
    end(&s);
}

/* A lost one holds up those behind it for a while only. */
TEST(the_queue_moves_on, none, "")
{
    struct scene s;
    begin(&s, true);
    feed_three_way_open(&s.feed);
    struct told_segment data = {.flags = HF_ACK, .seq = 1, .ack = 1, .text = 33, .window = 500};
    feed_out(&s.feed, CLIENT, data);
    for (int i = 0; i < 10; i++) {
        data.seq += 33;
        feed_pass(&s.feed, CLIENT, data, HF_STATES);
    }
    struct read_packet packets[20];
    assert_int_equal(read_file(&s.file, packets, 20), 3);
    s.feed.now += 4 * HF_SEC;
    data.seq += 33;
    feed_out(&s.feed, CLIENT, data);
    assert_int_equal(read_file(&s.file, packets, 20), 14);
    assert_int_equal(hf_pcapng_destroy(s.pcapng), 0);
    assert_int_equal(read_file(&s.file, packets, 20), 15);
    end(&s);
}

TEST(checksums_left_to_the_link_are_completed, none, "")
{
    for (uint32_t text = 0; text < 4; text++) {
        struct scene s;
        begin(&s, true);
        struct told_segment data = {
            .flags = HF_ACK, .seq = 1, .ack = 1, .text = text, .window = 500, .partial = true};
        feed_pass(&s.feed, CLIENT, data, HF_STATES);
        assert_int_equal(hf_pcapng_destroy(s.pcapng), 0);
        struct read_packet packets[2];
        assert_int_equal(read_file(&s.file, packets, 2), 1);
        check_tcp_checksum(&packets[0]);
        end(&s);
    }
}

TEST(any_stream_of_records_makes_a_readable_file, none, "")
{
    static struct read_packet packets[1000];
    for (int round = 0; round < 40; round++) {
        struct scene s;
        begin(&s, round % 2 == 0);
        for (int i = 0; i < 500; i++) {
            int from = (int)check_random_below(2);
            struct told_segment segment = {.flags = (uint16_t)(check_random() & 0x1ff),
                                           .seq = (uint32_t)check_random_below(500),
                                           .text = (uint32_t)check_random_below(70),
                                           .reason = (uint8_t)check_random_below(HF_SEND_COUNT)};
            int state =
                check_random_below(3) == 0 ? (int)check_random_below(HF_STATES) : HF_STATES;
            s.feed.now += (hf_time)check_random_below(200) * HF_MS;
            switch (check_random_below(6)) {
            case 0:
                feed_out(&s.feed, from, segment);
                break;
            case 1:
                feed_in(&s.feed, from, segment, state);
                break;
            case 2:
                feed_call(&s.feed, from, HF_CALL_CLOSE, state);
                break;
            case 3:
                feed_drop(&s.feed, from, segment, HF_DROP_WINDOW);
                break;
            case 4:
                feed_end(&s.feed, from, HF_CAUSE_CLOSED, 0, 0);
                break;
            default:
                feed_open(&s.feed, from, true);
                break;
            }
        }
        assert_int_equal(hf_pcapng_destroy(s.pcapng), 0);
        read_file(&s.file, packets, 1000);
        end(&s);
    }
}

/* Write the scene to a file and give the output of a command whose %s is its name. */
static void run_on_file(const struct text *file, const char *command, char *output, size_t room)
{
    char name[] = "/tmp/handfast-pcapng-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file->bytes, file->len), file->len);
    close(fd);
    char line[300];
    snprintf(line, sizeof line, command, name);
    FILE *pipe = popen(line, "r");
    assert_non_null(pipe);
    size_t len = fread(output, 1, room - 1, pipe);
    output[len] = 0;
    int status = pclose(pipe);
    unlink(name);
    assert_int_equal(status, 0);
}

static void clean_run(struct scene *s)
{
    begin(s, true);
    feed_three_way_open(&s->feed);
    feed_four_way_close(&s->feed);
    assert_int_equal(hf_pcapng_destroy(s->pcapng), 0);
}

TEST(tshark_reads_it_without_complaint, none, "")
{
    if (system("tshark --version >/dev/null 2>&1") != 0)
        check_skip("tshark is not installed");
    struct scene s;
    char output[4000];
    clean_run(&s);
    run_on_file(
        &s.file,
        "tshark -o tcp.check_checksum:TRUE -r %s -Y 'tcp.analysis.flags or _ws.malformed or "
        "tcp.checksum.status == 0 or _ws.expert.severity >= 6291456' 2>/dev/null",
        output, sizeof output);
    assert_string_equal(output, "");
    run_on_file(
        &s.file,
        "tshark -r %s -T fields -e tcp.flags.str -e tcp.seq -e tcp.ack -e frame.time_epoch "
        "2>/dev/null",
        output, sizeof output);
    static const char dot[] = "\xc2\xb7"; /* how it writes a flag that is not set */
    char flags[40] = "";
    for (int i = 0; i < 10; i++)
        strcat(flags, dot);
    char expected[200];
    snprintf(expected, sizeof expected, "%sS%s\t0\t0\t1700000005.000000000\n", flags, dot);
    if (strncmp(output, expected, strlen(expected)) != 0)
        print_message("%s", output);
    assert_memory_equal(output, expected, strlen(expected));
    run_on_file(&s.file, "tshark -r %s -Y 'frame.comment contains \"CLOSE-WAIT\"' 2>/dev/null",
                output, sizeof output);
    assert_non_null(strstr(output, "[FIN, ACK]"));
    end(&s);
}
