/* src/view/ladder_svg.c, ladder_layout.c, diagram*.c: pictures are XML, say what happened, keep the
 * order of time from top to bottom and stay within their width. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "xml.h"

static const struct hf_view_name names[] = {{1, "client"}, {2, "server <&\">"}};

struct scene {
    struct feed feed;
    struct text text;
    struct hf_ladder *ladder;
    struct hf_diagram *diagram;
};

static struct scene s;

static void begin_as(struct hf_ladder_config config)
{
    struct hf_diagram_config diagram = {
        .size = sizeof diagram, .names = names, .name_count = 2, .peer_name = "Linux"};
    memset(&s, 0, sizeof s);
    config.size = sizeof config;
    config.write = text_write;
    config.context = &s.text;
    config.names = names;
    config.name_count = 2;
    s.ladder = hf_ladder_create(&config);
    s.diagram = hf_diagram_create(&diagram);
    assert_non_null(s.ladder);
    assert_non_null(s.diagram);
    feed_begin(&s.feed);
    feed_to(&s.feed, hf_ladder_record, s.ladder);
    feed_to(&s.feed, hf_diagram_record, s.diagram);
}

static void begin(void)
{
    begin_as((struct hf_ladder_config){.both_ends = 1});
}

static void end(void)
{
    hf_ladder_destroy(s.ladder);
    hf_diagram_destroy(s.diagram);
    text_end(&s.text);
}

static struct hf_picture_config look(void)
{
    return (struct hf_picture_config){
        .size = sizeof(struct hf_picture_config), .write = text_write, .context = &s.text};
}

static const char *draw(struct hf_picture_config config)
{
    text_end(&s.text);
    assert_int_equal(hf_ladder_svg(s.ladder, &config), HF_OK);
    xml_expect(s.text.bytes);
    return s.text.bytes;
}

static const char *draw_diagram(struct hf_picture_config config)
{
    text_end(&s.text);
    assert_int_equal(hf_diagram_svg(s.diagram, &config), HF_OK);
    xml_expect(s.text.bytes);
    return s.text.bytes;
}

static void expect(const char *words)
{
    if (!strstr(s.text.bytes, words))
        fail_msg("\"%s\" is not in the picture", words);
}

static void expect_not(const char *words)
{
    if (strstr(s.text.bytes, words))
        fail_msg("\"%s\" is in the picture", words);
}

static int count(const char *words)
{
    int n = 0;
    for (const char *at = s.text.bytes; (at = strstr(at, words)) != NULL; at++)
        n++;
    return n;
}

/* The height of the first text element that holds these words. */
static double height_of(const char *words)
{
    const char *at = strstr(s.text.bytes, words);
    assert_non_null(at);
    while (strncmp(at, "<text", 5) != 0)
        at--;
    const char *y = strstr(at, " y=\"");
    assert_non_null(y);
    return strtod(y + 4, NULL);
}

static struct told_segment data(uint32_t seq)
{
    return (struct told_segment){
        .flags = HF_ACK, .seq = seq, .ack = 1, .text = 1000, .window = 64240};
}

TEST(states_stand_where_they_change, none, "")
{
    begin();
    feed_three_way_open(&s.feed);
    feed_four_way_close(&s.feed);
    draw(look());
    double last = 0;
    static const char *const states[] = {"SYN-SENT",   "SYN-RECEIVED", "ESTABLISHED",
                                         "FIN-WAIT-1", "CLOSE-WAIT",   "FIN-WAIT-2",
                                         "LAST-ACK",   ">TIME-WAIT<"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        double y = height_of(states[i]);
        assert_true(y > last);
        last = y;
    }
    expect("server &lt;&amp;&quot;&gt;");
    expect("ISN 1000");
    end();
}

TEST(time_wait_is_a_bar_with_its_length, none, "")
{
    begin();
    feed_three_way_open(&s.feed);
    feed_four_way_close(&s.feed);
    draw(look());
    expect("hf-band hf-wait");
    expect("TIME-WAIT 60.000 s");
    expect("ended: 2MSL passed");
    end();
}

TEST(lost_segments_break_off_and_repeats_say_why, none, "")
{
    begin();
    feed_three_way_open(&s.feed);
    draw(look());
    expect_not("hf-cross\" d");
    feed_out(&s.feed, CLIENT, data(1));
    s.feed.now += 300 * HF_MS;
    struct told_segment again = data(1);
    again.reason = HF_SEND_RTO;
    feed_pass(&s.feed, CLIENT, again, HF_STATES);
    draw(look());
    assert_int_equal(count("hf-cross\" d"), 1);
    expect("retransmission, timeout");
    expect("300.000 ms"); /* cut out */
    struct hf_picture_config chinese = look();
    chinese.language = HF_CHINESE;
    draw(chinese);
    expect("重传：超时");
    expect_not("retransmission");
    end();
}

TEST(one_end_alone_marks_what_it_infers, none, "")
{
    begin_as((struct hf_ladder_config){.peer_name = "Linux"});
    s.feed.ours[SERVER] = false;
    feed_three_way_open(&s.feed);
    feed_four_way_close(&s.feed);
    draw(look());
    expect("Linux");
    expect("~ESTABLISHED");
    draw_diagram(look());
    expect(">Linux<");
    end();
}

TEST(absolute_numbers_are_those_of_the_wire, none, "")
{
    begin_as((struct hf_ladder_config){.both_ends = 1, .absolute = 1});
    feed_three_way_open(&s.feed);
    draw(look());
    expect("SYN seq 1000 ");
    end();
}

TEST(long_transfers_are_folded_in_pictures_too, none, "")
{
    begin();
    feed_three_way_open(&s.feed);
    for (uint32_t i = 0; i < 60; i++)
        feed_pass(&s.feed, CLIENT, data(1 + i * 1000), HF_STATES);
    draw(look());
    expect("53 segments -&gt; 53,000 bytes");
    assert_true(count("len 1000") < 10);
    end();
}

TEST(nothing_lies_outside_at_any_width, none, "")
{
    static const uint16_t widths[] = {0, 1, 336, 480, 700, 1600, 65535};
    begin();
    feed_three_way_open(&s.feed);
    feed_pass(&s.feed, CLIENT, data(1), HF_STATES);
    feed_four_way_close(&s.feed);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        struct hf_picture_config config = look();
        config.width = widths[i];
        const char *at = strstr(draw(config), "viewBox=\"0 0 ");
        double width = strtod(at + 13, NULL);
        assert_in_range((uintmax_t)width, 320, 1600);
        assert_int_equal(count("time, ms"), width >= 480);
        for (at = s.text.bytes; (at = strstr(at, " x=\"")) != NULL; at += 4) {
            double x = strtod(at + 4, NULL);
            assert_true(x >= 0 && x <= width);
        }
    }
    end();
}

TEST(themes_are_light_dark_or_the_reader_s, none, "")
{
    begin();
    feed_three_way_open(&s.feed);
    struct hf_picture_config config = look();
    for (int diagram = 0; diagram < 2; diagram++) {
        for (uint8_t theme = HF_THEME_AUTO; theme <= HF_THEME_DARK; theme++) {
            config.theme = theme;
            (void)(diagram ? draw_diagram(config) : draw(config));
            assert_int_equal(count("prefers-color-scheme"), theme == HF_THEME_AUTO);
            assert_int_equal(count("#14171c") > 0, theme != HF_THEME_LIGHT);
        }
    }
    end();
}

TEST(the_path_of_each_end_is_lit_and_numbered, none, "")
{
    begin();
    feed_three_way_open(&s.feed);
    feed_four_way_close(&s.feed);
    draw_diagram(look());
    assert_int_equal(count("\"hf-lit\" d"), 6 + 5); /* active close, passive close */
    assert_int_equal(count("hf-number\" "), 6 + 5);
    assert_int_equal(count("hf-lit hf-here"), 2);
    expect_not("hf-odd\" d");
    expect("timeout = 2MSL");
    struct hf_picture_config config = look();
    config.language = HF_CHINESE;
    config.title = "标题";
    draw_diagram(config);
    expect("2MSL 超时");
    expect("标题");
    end();
}

TEST(what_the_figure_leaves_out_is_told, none, "")
{
    begin();
    feed_three_way_open(&s.feed);
    struct told_segment reset = {.flags = HF_RST, .seq = 1, .reason = HF_SEND_RESET};
    feed_call(&s.feed, CLIENT, HF_CALL_ABORT, HF_CLOSED);
    feed_pass(&s.feed, CLIENT, reset, HF_CLOSED);
    feed_end(&s.feed, SERVER, HF_CAUSE_RESET, 0, 0);
    draw_diagram(look());
    assert_int_equal(count("hf-odd\" d"), 2 * 2);
    expect("CLOSED: reset by the peer");
    end();
}

/* ---- Step by step ---- */

struct walked {
    struct hf_ladder_step step[32];
    char text[32][64];
    size_t count;
};

static void walk(void *context, const struct hf_ladder_step *step)
{
    struct walked *w = context;
    assert_true(w->count < 32);
    w->step[w->count] = *step;
    (void)snprintf(w->text[w->count++], sizeof w->text[0], "%s", step->text);
}

TEST(steps_tell_the_states_before_and_after, none, "")
{
    static struct walked w;
    begin();
    feed_three_way_open(&s.feed);
    feed_four_way_close(&s.feed);
    memset(&w, 0, sizeof w);
    hf_ladder_steps(s.ladder, 1, HF_ENGLISH, walk, &w);
    assert_true(w.count > 7);
    assert_int_equal(w.step[0].before[CLIENT], HF_CLOSED);
    size_t syn = 0;
    while (w.step[syn].kind != HF_STEP_SEGMENT)
        syn++;
    assert_int_equal(w.step[syn].after[CLIENT], HF_SYN_SENT);
    assert_true(w.step[syn].landmark);
    for (size_t i = 0; i < w.count; i++) {
        char name[64];
        assert_int_equal(w.step[i].row, i);
        (void)snprintf(name, sizeof name, "data-step=\"1.%zu\"", i);
        draw(look());
        expect(name);
        for (int e = 0; e < 2 && i > 0; e++)
            assert_int_equal(w.step[i].before[e], w.step[i - 1].after[e]);
        if (w.step[i].kind == HF_STEP_SEGMENT)
            assert_true(w.step[i].left <= w.step[i].arrived && w.text[i][0] != 0);
    }
    assert_int_equal(w.step[w.count - 1].after[CLIENT], HF_CLOSED);
    assert_int_equal(w.step[w.count - 1].after[SERVER], HF_CLOSED);
    w.count = 0;
    hf_ladder_steps(s.ladder, 2, HF_ENGLISH, walk, &w);
    assert_int_equal(w.count, 0);
    end();
}

TEST(steps_tell_what_was_lost_and_why_it_came_again, none, "")
{
    static struct walked w;
    begin();
    feed_three_way_open(&s.feed);
    feed_out(&s.feed, CLIENT, data(1));
    s.feed.now += 300 * HF_MS;
    struct told_segment again = data(1);
    again.reason = HF_SEND_RTO;
    feed_pass(&s.feed, CLIENT, again, HF_STATES);
    memset(&w, 0, sizeof w);
    hf_ladder_steps(s.ladder, 0, HF_CHINESE, walk, &w);
    const struct hf_ladder_step *lost = &w.step[w.count - 2], *resent = &w.step[w.count - 1];
    assert_true(lost->lost && !lost->repair && lost->arrived == HF_NEVER);
    assert_true(!resent->lost && resent->repair && resent->reason == HF_SEND_RTO);
    assert_true(resent->arrived != HF_NEVER);
    end();
}

TEST(the_figure_alone_has_names_that_a_page_finds, none, "")
{
    begin();
    struct hf_picture_config config = look();
    for (int language = HF_ENGLISH; language <= HF_CHINESE; language++) {
        config.language = (uint8_t)language;
        text_end(&s.text);
        assert_int_equal(hf_states_svg(&config), HF_OK);
        xml_expect(s.text.bytes);
        assert_int_equal(count("<rect data-state="), HF_STATES + 1);
        expect("data-edge=\"SYN-SENT ESTABLISHED\"");
        expect("data-edge=\"TIME-WAIT CLOSED\"");
        expect_not("class=\"hf-lit\"");
        expect_not("hf-lit hf-here");
    }
    config.write = NULL;
    assert_int_equal(hf_states_svg(&config), HF_ERR_ARGUMENT);
    end();
}

TEST(nothing_recorded_and_wrong_configurations_are_said, none, "")
{
    begin();
    struct hf_picture_config config = look();
    assert_int_equal(hf_ladder_svg(s.ladder, &config), HF_ERR_STATE);
    assert_int_equal(hf_diagram_svg(s.diagram, &config), HF_ERR_STATE);
    feed_three_way_open(&s.feed);
    config.connection = 2;
    assert_int_equal(hf_ladder_svg(s.ladder, &config), HF_ERR_STATE);
    assert_int_equal(hf_diagram_svg(s.diagram, &config), HF_ERR_STATE);
    config.connection = 1;
    config.size = 3;
    assert_int_equal(hf_ladder_svg(s.ladder, &config), HF_ERR_ARGUMENT);
    assert_int_equal(hf_diagram_svg(s.diagram, &config), HF_ERR_ARGUMENT);
    config = look();
    config.write = NULL;
    assert_int_equal(hf_ladder_svg(s.ladder, &config), HF_ERR_ARGUMENT);
    assert_null(s.text.bytes);
    end();
}

/* Whatever comes, it is a document. */
TEST(any_stream_of_records_can_be_drawn, none, "")
{
    for (int round = 0; round < 60; round++) {
        begin();
        feed_three_way_open(&s.feed);
        for (int i = 0; i < 40; i++) {
            struct told_segment segment = {.flags = (uint16_t)check_random_below(64),
                                           .seq = (uint32_t)check_random_below(5000),
                                           .ack = (uint32_t)check_random_below(5000),
                                           .text = (uint32_t)check_random_below(1200),
                                           .reason = (uint8_t)check_random_below(HF_SEND_COUNT)};
            int from = (int)check_random_below(2), state = (int)check_random_below(HF_STATES + 1);
            s.feed.now += (hf_time)check_random_below(3 * HF_SEC);
            if (check_random_below(3) != 0)
                feed_out(&s.feed, from, segment);
            if (check_random_below(3) != 0)
                feed_in(&s.feed, from, segment, state);
            if (check_random_below(8) == 0)
                feed_call(&s.feed, from, HF_CALL_CLOSE, state);
            if (check_random_below(8) == 0)
                feed_timer(&s.feed, from, HF_TIMER_RTO, state);
            if (check_random_below(16) == 0)
                feed_end(&s.feed, from, HF_CAUSE_RESET, 1, 1);
            if (check_random_below(16) == 0)
                feed_drop(&s.feed, from, segment, HF_DROP_TCP_CHECKSUM);
        }
        draw(look());
        draw_diagram(look());
        end();
    }
}
