/* src/view/ladder_draw.c: widths, colours, numbers, folding. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "feed.h"

struct scene {
    struct feed feed;
    struct text text;
    struct hf_ladder *ladder;
};

static void begin(struct scene *scene, struct hf_ladder_config config)
{
    memset(scene, 0, sizeof *scene);
    config.size = sizeof config;
    config.write = text_write;
    config.context = &scene->text;
    config.both_ends = 1;
    scene->ladder = hf_ladder_create(&config);
    assert_non_null(scene->ladder);
    feed_begin(&scene->feed);
    feed_to(&scene->feed, hf_ladder_record, scene->ladder);
}

static const char *print(struct scene *scene)
{
    assert_int_equal(hf_ladder_print(scene->ladder), 0);
    return scene->text.bytes;
}

static void end(struct scene *scene)
{
    hf_ladder_destroy(scene->ladder);
    text_end(&scene->text);
}

static void transfer(struct feed *feed, int segments)
{
    for (int i = 0; i < segments; i++) {
        uint32_t seq = 1 + 1400 * (uint32_t)i;
        feed_pass(feed, CLIENT,
                  (struct told_segment){
                      .flags = HF_ACK, .seq = seq, .ack = 1, .text = 1400, .window = 64240},
                  HF_STATES);
        feed_pass(feed, SERVER,
                  (struct told_segment){.flags = HF_ACK,
                                        .seq = 1,
                                        .ack = seq + 1400,
                                        .window = 65535,
                                        .reason = HF_SEND_ACK},
                  HF_STATES);
    }
}

static size_t longest_line(const char *text)
{
    size_t longest = 0;
    for (const char *at = text; *at != 0;) {
        size_t len = strcspn(at, "\n");
        if (len > longest)
            longest = len;
        at += len + (at[len] != 0);
    }
    return longest;
}

static int lines(const char *text)
{
    int n = 0;
    for (; *text != 0; text++)
        n += *text == '\n';
    return n;
}

TEST(every_line_fits_the_width, none, "")
{
    static const struct {
        uint16_t asked;
        size_t width;
    } rows[] = {{0, 100}, {20, 80}, {80, 80}, {101, 101}, {160, 160}, {65535, 160}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene s;
        begin(&s, (struct hf_ladder_config){.width = rows[i].asked, .absolute = 1});
        feed_three_way_open(&s.feed);
        s.feed.isn[CLIENT] -= 4000000000u; /* long numbers */
        transfer(&s.feed, 30);
        s.feed.isn[CLIENT] += 4000000000u;
        feed_four_way_close(&s.feed);
        const char *text = print(&s);
        assert_in_range(longest_line(text), 75, rows[i].width);
        end(&s);
    }
}

TEST(long_transfers_are_folded, none, "")
{
    struct scene s;
    begin(&s, (struct hf_ladder_config){.width = 100});
    feed_three_way_open(&s.feed);
    transfer(&s.feed, 72); /* 100 kB */
    feed_four_way_close(&s.feed);
    const char *text = print(&s);
    assert_in_range(lines(text), 20, 40);
    assert_non_null(strstr(text, "|-- ACK seq 1:1401 ack 1 win 64240 len 1400 "));
    assert_non_null(
        strstr(text, "...               |   ... 69 segments -> 96,600 bytes up to seq 99401"));
    assert_non_null(strstr(text, "|   ... 68 ACKs <- up to ack 98001"));
    assert_non_null(strstr(text, "|-- ACK seq 99401:100801 ack 1 win 64240 len 1400 "));
    end(&s);

    begin(&s, (struct hf_ladder_config){.width = 100, .whole = 1});
    feed_three_way_open(&s.feed);
    transfer(&s.feed, 72);
    assert_in_range(lines(print(&s)), 144, 160);
    end(&s);
}

TEST(what_is_unusual_is_never_folded, none, "")
{
    struct scene s;
    begin(&s, (struct hf_ladder_config){.width = 100});
    feed_three_way_open(&s.feed);
    transfer(&s.feed, 30);
    struct told_segment again = {.flags = HF_ACK,
                                 .seq = 1401,
                                 .ack = 1,
                                 .text = 1400,
                                 .window = 64240,
                                 .reason = HF_SEND_FAST};
    struct told_segment full = {.flags = HF_ACK,
                                .seq = 1,
                                .ack = 42001,
                                .window = 0,
                                .sack = {43401, 44801},
                                .reason = HF_SEND_ACK};
    feed_pass(&s.feed, CLIENT, again, HF_STATES);
    feed_pass(&s.feed, SERVER, full, HF_STATES);
    struct told_segment urgent = {
        .flags = HF_ACK | HF_URG, .seq = 42001, .ack = 1, .text = 10, .window = 64240};
    feed_pass(&s.feed, CLIENT, urgent, HF_STATES);
    transfer(&s.feed, 30);
    const char *text = print(&s);
    assert_non_null(strstr(text, "|   retransmission, duplicate ACKs"));
    assert_non_null(strstr(text, "win 0 "));
    assert_non_null(strstr(text, "|   sack 43401:44801"));
    assert_non_null(strstr(text, "|   urgent pointer 0"));
    end(&s);
}

TEST(colours_only_when_asked, none, "")
{
    for (uint8_t colour = 0; colour < 2; colour++) {
        struct scene s;
        begin(&s, (struct hf_ladder_config){.colour = colour});
        feed_three_way_open(&s.feed);
        feed_four_way_close(&s.feed);
        const char *text = print(&s);
        assert_int_equal(strchr(text, 033) != NULL, colour);
        end(&s);
    }
}

TEST(numbers_are_relative_and_the_absolute_ones_on_request, none, "")
{
    for (uint8_t absolute = 0; absolute < 2; absolute++) {
        struct scene s;
        begin(&s, (struct hf_ladder_config){.absolute = absolute});
        feed_three_way_open(&s.feed);
        const char *text = print(&s);
        assert_non_null(strstr(text, "SYN seq 0 "));
        assert_non_null(strstr(text, "ISN 1000, mss 1460"));
        assert_non_null(strstr(text, "ISN 4294967280"));
        assert_int_equal(strstr(text, "absolute seq 1001, ack 4294967281") != NULL, absolute);
        end(&s);
    }
}

TEST(a_stack_without_a_name_has_its_number, none, "")
{
    struct scene s;
    begin(&s, (struct hf_ladder_config){.width = 100});
    s.feed.ipv6 = true;
    feed_three_way_open(&s.feed);
    const char *text = print(&s);
    assert_non_null(
        strstr(text, "connection 1: stack 1 [fd00::1]:49152 to stack 2 [fd00::2]:80\n"));
    end(&s);
}
