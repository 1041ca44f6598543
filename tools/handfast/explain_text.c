/* What is known of connections, for people. A is the end that opened the connection, or spoke first;
 * #N is the number of a packet in the file. */
#include "capture.h"

#include "progress.h"

#include <handfast/view.h>

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define TIME_TEXT 40
#define SAY(english, chinese) (spoken == HF_CHINESE ? (chinese) : (english))

static int spoken = HF_ENGLISH;

void explain_speak(int language)
{
    spoken = language;
}

int explain_language(void)
{
    return spoken;
}

/* Seconds with six digits. */
static const char *seconds_text(hf_time time, char *text)
{
    uint64_t us = (uint64_t)(time < 0 ? -time : time) / HF_US;
    (void)snprintf(text, TIME_TEXT, "%s%" PRIu64 ".%06u", time < 0 ? "-" : "", us / 1000000,
                   (unsigned)(us % 1000000));
    return text;
}

/* A duration in the unit that fits. */
static const char *duration_text(hf_time time, char *text)
{
    if (time < HF_MS)
        (void)snprintf(text, TIME_TEXT, "%.1f us", (double)time / (double)HF_US);
    else if (time < HF_SEC)
        (void)snprintf(text, TIME_TEXT, "%.1f ms", (double)time / (double)HF_MS);
    else
        (void)snprintf(text, TIME_TEXT, "%.2f s", (double)time / (double)HF_SEC);
    return text;
}

static const char *date_text(int64_t wall_ns, char *text)
{
    time_t second = (time_t)(wall_ns / HF_SEC);
    struct tm when;
    if (wall_ns < 0 || !gmtime_r(&second, &when))
        (void)snprintf(text, TIME_TEXT, "%s", SAY("an impossible date", "不可能的日期"));
    else
        (void)strftime(text, TIME_TEXT, "%Y-%m-%d %H:%M:%S UTC", &when);
    return text;
}

static char name(int e)
{
    return e == 0 ? 'A' : 'B';
}

/* ---- One connection ---- */

static void print_head(FILE *to, const struct capture *capture, const struct hf_explained *c)
{
    char a[HF_ENDPOINT_TEXT], b[HF_ENDPOINT_TEXT], text[TIME_TEXT], date[TIME_TEXT];
    (void)fprintf(to,
                  SAY("connection %" PRIu32 ": A %s, B %s\n", "连接 %" PRIu32 "：A %s，B %s\n"),
                  c->number, hf_endpoint_format(&c->end[0].endpoint, a),
                  hf_endpoint_format(&c->end[1].endpoint, b));
    uint64_t packets = c->end[0].packets + c->end[1].packets;
    date_text(capture->wall_ns + c->first_time, date);
    if (packets == 1)
        (void)fprintf(
            to, SAY("  1 packet (#%" PRIu64 "), at %s\n", "  1 个分组（#%" PRIu64 "），在 %s\n"),
            c->first_packet, date);
    else
        (void)fprintf(to,
                      SAY("  %" PRIu64 " packets (#%" PRIu64 " to #%" PRIu64 ") in %s, from %s\n",
                          "  %" PRIu64 " 个分组（#%" PRIu64 " 到 #%" PRIu64
                          "），历时 %s，始于 %s\n"),
                      packets, c->first_packet, c->last_packet,
                      duration_text(c->last_time - c->first_time, text), date);
    char sent[2][SIZE_TEXT];
    (void)fprintf(to, SAY("  A sent %s, B sent %s", "  A 发送 %s，B 发送 %s"),
                  size_text(c->end[0].bytes, sent[0]), size_text(c->end[1].bytes, sent[1]));
    if (c->handshake > 0)
        (void)fprintf(to, SAY("; round trip %s", "；往返时间 %s"),
                      duration_text(c->handshake, text));
    if (c->midway)
        (void)fputs(SAY("; the capture begins in the middle", "；捕获从连接中途开始"), to);
    if ((!c->end[0].seen || !c->end[1].seen) && c->ending != HF_EXPLAIN_END_NO_ANSWER)
        (void)fprintf(to, SAY("; nothing of %c was captured", "；没有捕获到 %c 发出的分组"),
                      name(c->end[0].seen ? 1 : 0));
    (void)fputc('\n', to);
}

static uint64_t sent_again(const struct hf_explained_end *end)
{
    return (uint64_t)end->counts[HF_EXPLAIN_RTO] + end->counts[HF_EXPLAIN_FAST] +
           end->counts[HF_EXPLAIN_TLP] + end->counts[HF_EXPLAIN_RESENT];
}

/* How bad the path was, in one line; nothing when it was not. */
static void print_sent_again(FILE *to, const struct hf_explained *c)
{
    for (int e = 0; e < 2; e++) {
        const struct hf_explained_end *end = &c->end[e];
        uint64_t again = sent_again(end);
        if (again)
            (void)fprintf(to,
                          SAY("  %c sent again: %" PRIu64 " of its %" PRIu64
                              " packets (%.1f %%), %" PRIu32 " of them after a timeout\n",
                              "  %c 重发：%" PRIu64 " 个（它共有 %" PRIu64
                              " 个分组，占 %.1f %%），其中 %" PRIu32 " 个是超时之后\n"),
                          name(e), again, end->packets,
                          100.0 * (double)again / (double)end->packets,
                          end->counts[HF_EXPLAIN_RTO]);
    }
}

static void print_event(FILE *to, const struct hf_explain_event *event)
{
    char packets[48], time[TIME_TEXT], duration[TIME_TEXT];
    if (event->packet == event->last_packet)
        (void)snprintf(packets, sizeof packets, "#%" PRIu64, event->packet);
    else
        (void)snprintf(packets, sizeof packets, "#%" PRIu64 "..#%" PRIu64, event->packet,
                       event->last_packet);
    (void)fprintf(to, "  %11s  %-15s %c  %s", seconds_text(event->time, time), packets,
                  name(event->end), hf_explain_event_words(event->kind, spoken));
    if (event->kind == HF_EXPLAIN_PORT_REUSE)
        (void)fprintf(to,
                      SAY(", %s after the last packet of connection %" PRIu64,
                          "，相隔 %s，上一条是连接 %" PRIu64),
                      duration_text(event->duration, duration), event->about);
    else if (event->about && event->about == event->packet)
        (void)fputs(SAY(": all of it had been acknowledged", "：它的全部数据早已得到确认"), to);
    else if (event->about)
        (void)fprintf(to, SAY(": #%" PRIu64 ", says a D-SACK", "：#%" PRIu64 "，D-SACK 这样说"),
                      event->about);
    else if (event->duration)
        (void)fprintf(to, SAY(", %s", "，%s"), duration_text(event->duration, duration));
    if (event->count > 1)
        (void)fprintf(to, SAY(", %" PRIu32 " times", "，%" PRIu32 " 次"), event->count);
    if (event->bytes && !event->about)
        (void)fprintf(to, SAY(", %" PRIu32 " byte%s", "，%" PRIu32 " 字节%.0s"), event->bytes,
                      event->bytes == 1 ? "" : "s");
    (void)fputc('\n', to);
}

void explain_print(FILE *to, const struct capture *capture, const struct hf_explained *c)
{
    char text[HF_EXPLAIN_SENTENCE];
    print_head(to, capture, c);
    print_sent_again(to, c);
    for (uint32_t i = 0; i < c->event_count; i++)
        print_event(to, &c->events[i]);
    if (c->events_left_out)
        (void)fprintf(to,
                      SAY("  ... and %" PRIu32 " more; --json counts them\n",
                          "  …… 还有 %" PRIu32 " 个；--json 给出各种的次数\n"),
                      c->events_left_out);
    (void)fprintf(to, "  %s\n\n", hf_explain_sentence_words(c, spoken, text));
}

void explain_print_list_head(FILE *to)
{
    (void)fprintf(to, "%6s  %-21s %-21s ", "", "A", "B");
    (void)fputs(SAY(" packets      A to B      B to A     seconds  end\n",
                    "  分组数      A 到 B      B 到 A          秒  结局\n"),
                to); /* a Chinese character takes two columns */
}

void explain_print_line(FILE *to, const struct hf_explained *c)
{
    char a[HF_ENDPOINT_TEXT], b[HF_ENDPOINT_TEXT], bytes[2][SIZE_TEXT];
    (void)fprintf(to, "%6" PRIu32 "  %-21s %-21s %8" PRIu64 " %11s %11s %11.3f  %s", c->number,
                  hf_endpoint_format(&c->end[0].endpoint, a),
                  hf_endpoint_format(&c->end[1].endpoint, b),
                  c->end[0].packets + c->end[1].packets, size_text(c->end[0].bytes, bytes[0]),
                  size_text(c->end[1].bytes, bytes[1]),
                  (double)(c->last_time - c->first_time) / (double)HF_SEC,
                  hf_explain_ending_words(c->ending, spoken));
    if (c->ending == HF_EXPLAIN_END_RESET)
        (void)fprintf(to, SAY(" by %c", "，由 %c"), name(c->reset_by));
    (void)fputc('\n', to);
}

/* ---- Segments ---- */

static void add(char *text, size_t room, const char *more)
{
    size_t len = strlen(text);
    (void)snprintf(text + len, room - len, "%s", more);
}

void explain_print_segment(FILE *to, const struct hf_explained *c,
                           const struct hf_explained_segment *s)
{
    char flags[HF_FLAGS_TEXT], time[TIME_TEXT], text[200], piece[60];
    (void)snprintf(text, sizeof text, "%s seq %" PRIu32, hf_flags_text(s->flags, flags),
                   s->seq - s->from_isn[0]);
    if (s->text) {
        (void)snprintf(piece, sizeof piece, " len %" PRIu32, s->text);
        add(text, sizeof text, piece);
    }
    if (s->flags & HF_ACK) {
        (void)snprintf(piece, sizeof piece, " ack %" PRIu32, s->ack - s->from_isn[1]);
        add(text, sizeof text, piece);
    }
    (void)snprintf(piece, sizeof piece, " win %" PRIu32, s->window);
    add(text, sizeof text, piece);
    if (s->sacks) {
        (void)snprintf(piece, sizeof piece, " sack %" PRIu32 "-%" PRIu32,
                       s->sack[0] - s->from_isn[1], s->sack[1] - s->from_isn[1]);
        add(text, sizeof text, piece);
    }
    (void)c;
    (void)fprintf(to, "  %11s  #%-7" PRIu64 " %c > %c  %-52s %c %-12s  %c %s\n",
                  seconds_text(s->time, time), s->packet, name(s->from), name(1 - s->from), text,
                  s->changed[0] ? '*' : ' ', hf_state_text(s->state[0]),
                  s->changed[1] ? '*' : ' ', hf_state_text(s->state[1]));
    for (int kind = 0; kind < HF_EXPLAIN_COUNT; kind++)
        if (s->events >> kind & 1)
            (void)fprintf(to, "                            ^ %s\n",
                          hf_explain_event_words(kind, spoken));
}

/* ---- The file ---- */

static void print_count(FILE *to, uint64_t count, const char *words)
{
    if (count)
        (void)fprintf(to, SAY("; %" PRIu64 " %s", "；%" PRIu64 " %s"), count, words);
}

void explain_print_totals(FILE *to, const struct capture *capture,
                          const struct hf_explain_totals *t)
{
    char bytes[SIZE_TEXT];
    if (capture->recording)
        (void)fprintf(to,
                      SAY("flight recorder: the last %" PRIu64 " of %" PRIu64 " records, %" PRIu64
                          " segments, %" PRIu32 " connection%s",
                          "飞行记录仪：最后 %" PRIu64 " 条记录（共 %" PRIu64 " 条），%" PRIu64
                          " 个报文段，%" PRIu32 " 条连接%.0s"),
                      capture->kept, capture->recorded, t->segments, t->connections,
                      t->connections == 1 ? "" : "s");
    else
        (void)fprintf(to,
                      SAY("%" PRIu64 " packet%s, %s, %" PRIu32 " TCP connection%s",
                          "%" PRIu64 " 个分组%.0s，%s，%" PRIu32 " 条 TCP 连接%.0s"),
                      capture->packets, capture->packets == 1 ? "" : "s",
                      size_text(t->bytes, bytes), t->connections, t->connections == 1 ? "" : "s");
    print_count(to, t->other, SAY("packets of other protocols", "个分组属于其他协议"));
    print_count(to, t->fragments, SAY("fragments, not followed", "个分片，没有跟踪"));
    print_count(to, t->broken, SAY("cut off or broken headers", "个首部被截断或有误"));
    print_count(to, t->backwards,
                SAY("packets out of the order of time", "个分组的时间次序颠倒"));
    print_count(to, t->put_aside,
                SAY("connections told early for want of room", "条连接因内存已满而提前说明"));
    (void)fputc('\n', to);
}

void explain_print_endings(FILE *to, const uint64_t counts[HF_EXPLAIN_ENDING_COUNT])
{
    bool any = false;
    for (int i = 0; i < HF_EXPLAIN_ENDING_COUNT; i++) {
        if (counts[i] == 0)
            continue;
        (void)fprintf(to, SAY("%s%s: %" PRIu64, "%s%s：%" PRIu64), any ? SAY("; ", "；") : "  ",
                      hf_explain_ending_words(i, spoken), counts[i]);
        any = true;
    }
    if (any)
        (void)fputc('\n', to);
}
