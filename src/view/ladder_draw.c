/* The ladder, writing side: rows (ladder.h) as lines of text.
 *
 *      time ms        client |                                           | server
 *        0.000      SYN-SENT |-- SYN seq 0 win 65535 ------------------->| SYN-RECEIVED
 *                            |   ISN 1000, mss 1460, sack                |
 *
 * The time is that of departure, or of arrival where the arrival has a line of its own. A state
 * stands where it changed and beside every SYN, FIN and RST. Sequence numbers count from each
 * side's SYN. Plain ASCII, so that every terminal and every log shows it. */
#include "ladder_words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TIME_WIDTH 10
#define STATE_WIDTH 13 /* "~SYN-RECEIVED"                                                  */
#define OVERTAKEN_ROWS 64 /* among which one that was overtaken is looked for              */
#define LINE_ROOM 640  /* 160 columns and colours                                          */

enum colour { PLAIN, OPENING, CLOSING, RESETTING, REPAIR, LOST, CHANGE, NOTE };
static const char *const colours[] = {"",         "\033[32m",   "\033[34m", "\033[31m",
                                      "\033[33m", "\033[1;31m", "\033[1m",  "\033[2m"};

struct line {
    char text[LINE_ROOM];
    size_t len;
};

static void add_text(struct line *line, const char *text, size_t len)
{
    if (len > LINE_ROOM - line->len)
        len = LINE_ROOM - line->len;
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void add_spaces(struct line *line, size_t n)
{
    while (n-- > 0)
        add_text(line, " ", 1);
}

/* Columns that a character takes on a terminal: ideographs and full-width signs take two. */
static size_t character_columns(const char *at, size_t *bytes)
{
    unsigned char c = (unsigned char)*at;
    *bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return c >= 0xe3 ? 2 : 1;
}

static size_t columns_of(const char *text)
{
    size_t columns = 0, bytes;
    for (; *text != 0; text += bytes)
        columns += character_columns(text, &bytes);
    return columns;
}

/* How many bytes of a text take at most so many columns. */
static size_t fitting(const char *text, size_t columns)
{
    size_t at = 0, bytes;
    while (text[at] != 0) {
        size_t wide = character_columns(text + at, &bytes);
        if (wide > columns)
            break;
        columns -= wide;
        at += bytes;
    }
    return at;
}

/* A cell of a given width, its text to the left or to the right. */
static void add_cell(const struct hf_ladder *ladder, struct line *line, const char *text,
                     size_t width, bool right, enum colour colour)
{
    size_t len = fitting(text, width);
    size_t columns = columns_of(text);
    size_t space = columns < width ? width - columns : 0;
    bool coloured = ladder->config.colour && colour != PLAIN && len > 0;
    if (right)
        add_spaces(line, space);
    if (coloured)
        add_text(line, colours[colour], strlen(colours[colour]));
    add_text(line, text, len);
    if (coloured)
        add_text(line, "\033[0m", 4);
    if (!right)
        add_spaces(line, space);
}

static void write_line(const struct hf_ladder *ladder, struct line *line)
{
    while (line->len > 0 && line->text[line->len - 1] == ' ')
        line->len--;
    if (line->len == LINE_ROOM)
        line->len--;
    line->text[line->len++] = '\n';
    ladder->config.write(ladder->config.context, line->text, line->len);
}

__attribute__((format(printf, 2, 3))) static void say(const struct hf_ladder *ladder,
                                                      const char *format, ...)
{
    struct line line = {.len = 0};
    va_list list;
    va_start(list, format);
    int len = vsnprintf(line.text, sizeof line.text, format, list);
    va_end(list);
    line.len = len < 0 ? 0 : (size_t)len < LINE_ROOM ? (size_t)len : LINE_ROOM - 1;
    write_line(ladder, &line);
}

static size_t middle_width(const struct hf_ladder *ladder)
{
    return ladder->config.width - (TIME_WIDTH + 1 + STATE_WIDTH + 2 + 2 + STATE_WIDTH);
}

/* One line: time, left state, what is between the life lines, right state. */
static void write_cells(const struct hf_ladder *ladder, const char *time, const char *left,
                        const char *middle, const char *right, enum colour states,
                        enum colour between)
{
    struct line line = {.len = 0};
    add_cell(ladder, &line, time, TIME_WIDTH, true, NOTE);
    add_spaces(&line, 1);
    add_cell(ladder, &line, left, STATE_WIDTH, true, states);
    add_text(&line, " |", 2);
    add_cell(ladder, &line, middle, middle_width(ladder), false, between);
    add_text(&line, "| ", 2);
    add_cell(ladder, &line, right, columns_of(right), false, states);
    write_line(ladder, &line);
}

/* The arrow, broken off where the segment was lost, open where it is still on its way. */
static void arrow_text(const struct hf_ladder *ladder, const struct ladder_talk *talk,
                       const struct row *row, char *arrow)
{
    size_t width = middle_width(ladder);
    int lang = ladder->config.language;
    bool to_right = row->from == 0;
    bool lost = row_is_lost(ladder, row);
    const char *head = to_right ? "--" : "<-";
    const char *tail = to_right ? "->" : "--";
    if (lost && to_right)
        tail = row->strayed ? SAID(lang, "---X late", "---X 迟到")
                            : SAID(lang, "---X lost", "---X 丢失");
    if (lost && !to_right)
        head = row->strayed ? SAID(lang, " late X---", " 迟到 X---")
                            : SAID(lang, " lost X---", " 丢失 X---");
    bool open_left = row->part == (to_right ? PART_ARRIVAL : PART_DEPARTURE);
    bool open_right = row->part == (to_right ? PART_DEPARTURE : PART_ARRIVAL);
    if (open_left)
        head = "...";
    if (open_right)
        tail = "...";

    char text[SEGMENT_TEXT];
    words_segment(talk, row, false, width - columns_of(head) - columns_of(tail) - 2, text);
    char *at = arrow;
    at += sprintf(at, "%s %s ", head, text);
    size_t used = columns_of(arrow) + columns_of(tail);
    bool short_of_end = lost && to_right;
    while (!short_of_end && used++ < width)
        *at++ = '-';
    sprintf(at, "%s", tail);
}

/* ---- What is said below it ---- */

/* How much of a text fits a line: up to a comma, or else up to a space, or behind an ideograph. */
static size_t line_length(const char *text, size_t columns)
{
    size_t fits = fitting(text, columns);
    if (text[fits] == 0)
        return fits;
    size_t space = 0;
    for (size_t i = fits; i > 0; i--) {
        if (text[i] != ' ')
            continue;
        if (text[i - 1] == ',')
            return i;
        if (space == 0)
            space = i;
    }
    bool ideographs = (unsigned char)text[fits] >= 0x80;
    return space > 0 && !ideographs ? space : fits;
}

/* Write text on lines of its own, broken between words; on the side of the end it is about. */
static void write_text(const struct hf_ladder *ladder, const char *time, const char *left,
                       const char *right, const char *text, bool on_right, enum colour colour)
{
    size_t width = middle_width(ladder) - 6;
    do {
        size_t take = line_length(text, width);
        char part[400], middle[600];
        snprintf(part, sizeof part, "%.*s", (int)take, text);
        size_t before = on_right ? middle_width(ladder) - 3 - columns_of(part) : 3;
        snprintf(middle, sizeof middle, "%*s%s", (int)before, "", part);
        write_cells(ladder, time, left, middle, right, CHANGE, colour);
        time = left = right = "";
        while (text[take] == ' ')
            take++;
        text += take;
    } while (*text != 0);
}

/* ---- Rows ---- */

static enum colour arrow_colour(const struct hf_ladder *ladder, const struct row *row)
{
    uint16_t flags = row->record.u.segment.flags;
    if (row_is_lost(ladder, row))
        return LOST;
    if (row_is_repair(row))
        return REPAIR;
    if ((flags & HF_RST) != 0)
        return RESETTING;
    if ((flags & HF_SYN) != 0)
        return OPENING;
    if ((flags & HF_FIN) != 0)
        return CLOSING;
    return PLAIN;
}

static void draw_endings(const struct hf_ladder *ladder, const struct row *row)
{
    for (int e = 0; e < 2; e++) {
        if (!row->end[e].ended)
            continue;
        char text[160];
        snprintf(text, sizeof text, SAID(ladder->config.language, "ended: %s", "结束：%s"),
                 hf_cause_words(row->end[e].cause, ladder->config.language));
        write_text(ladder, "", "", "", text, e == 1, NOTE);
    }
}

/* Whether something that left later was there first. */
static bool was_overtaken(const struct ladder_talk *talk, const struct row *row)
{
    const struct row *end = talk->rows + talk->count;
    if (!row->sent || !row->arrived || row->part != PART_WHOLE)
        return false;
    for (const struct row *next = row + 1; next < end && next < row + OVERTAKEN_ROWS; next++)
        if (next->kind == ROW_SEGMENT && next->from == row->from && next->sent && next->arrived &&
            next->part == PART_WHOLE && next->landed < row->landed)
            return true;
    return false;
}

static void draw_segment(const struct hf_ladder *ladder, const struct ladder_talk *talk,
                         const struct row *row)
{
    char time[32], arrow[256], left[HF_OBSERVED_STATE_TEXT], right[HF_OBSERVED_STATE_TEXT];
    arrow_text(ladder, talk, row, arrow);
    const char *l = words_state(row, 0, left);
    const char *r = words_state(row, 1, right);
    write_cells(ladder, words_time(ladder, row->record.time, time), l, arrow, r, CHANGE,
                arrow_colour(ladder, row));
    struct remarks remarks = {.len = 0};
    if (row->part != PART_ARRIVAL)
        words_options(talk, row, ladder->config.absolute, ladder->config.language, &remarks);
    words_fate(row, ladder->config.language, &remarks);
    if (was_overtaken(talk, row))
        words_remark(&remarks, SAID(ladder->config.language, "overtaken, arrives at %s", "被超过，到达于 %s"),
                     words_time(ladder, row->landed, time));
    if (remarks.len > 0)
        write_text(ladder, "", "", "", remarks.text, false, NOTE);
    draw_endings(ladder, row);
}

void ladder_draw_row(const struct hf_ladder *ladder, const struct ladder_talk *talk,
                     const struct row *row)
{
    if (row->kind == ROW_SEGMENT) {
        draw_segment(ladder, talk, row);
        return;
    }
    char time[32], text[160], state[32] = "";
    const char *cell = state;
    words_time(ladder, row->record.time, time);
    if (row->kind == ROW_CALL) {
        snprintf(state, sizeof state, "(%s)", hf_call_words(row->record.u.call.call, ladder->config.language));
        text[0] = 0;
    } else if (row->kind == ROW_STATE) {
        cell = words_state(row, row->from, state);
        bool below_call =
            row > talk->rows && row[-1].kind == ROW_CALL && row[-1].from == row->from;
        words_change(row, below_call, ladder->config.language, text, sizeof text);
    } else {
        words_note(row, ladder->config.language, text, sizeof text);
    }
    bool on_right = row->from == 1;
    write_text(ladder, time, on_right ? "" : cell, on_right ? cell : "", text, on_right, NOTE);
}

/* ---- Folding ---- */

static void draw_fold(const struct hf_ladder *ladder, const struct ladder_talk *talk,
                      const struct row *rows, size_t n)
{
    const char *time = "...";
    int first = rows[0].from;
    for (int i = 0; i < 2; i++) {
        struct remarks remarks = {.len = 0};
        words_fold(talk, rows, n, i == 0 ? first : 1 - first, ladder->config.language, &remarks);
        if (remarks.len == 0)
            continue;
        char text[432];
        snprintf(text, sizeof text, "... %s", remarks.text);
        write_text(ladder, time, "", "", text, false, CHANGE);
        time = "";
    }
}

static void draw_rows(const struct hf_ladder *ladder, const struct ladder_talk *talk)
{
    for (size_t i = 0; i < talk->count;) {
        size_t run = fold_run(ladder, talk, i);
        if (run < FOLD_FROM) {
            size_t n = run > 0 ? run : 1;
            for (size_t k = 0; k < n; k++)
                ladder_draw_row(ladder, talk, &talk->rows[i + k]);
            i += n;
            continue;
        }
        size_t last = i + run - FOLD_LAST;
        for (size_t k = i; k < i + FOLD_FIRST; k++)
            ladder_draw_row(ladder, talk, &talk->rows[k]);
        draw_fold(ladder, talk, &talk->rows[i + FOLD_FIRST], last - i - FOLD_FIRST);
        for (size_t k = last; k < i + run; k++)
            ladder_draw_row(ladder, talk, &talk->rows[k]);
        i += run;
    }
}

/* ---- Head and foot ---- */

void ladder_draw_head(const struct hf_ladder *ladder, const struct ladder_talk *talk)
{
    char name[2][HF_ENDPOINT_TEXT], address[2][HF_ENDPOINT_TEXT];
    const char *names[2];
    int lang = ladder->config.language;
    for (int e = 0; e < 2; e++) {
        names[e] = words_end_name(ladder, &talk->seen.end[e], name[e]);
        hf_endpoint_format(&talk->seen.end[e].endpoint, address[e]);
    }
    const char *note = "";
    for (int e = 0; e < 2; e++) {
        if (!talk->seen.end[e].ours && !ladder->config.both_ends)
            note = SAID(lang, " (~ marks an inferred state)", "（~ 表示推断出的状态）");
        if (names[e] == name[e] && !talk->seen.end[e].ours)
            address[e][0] = 0;
    }
    say(ladder,
        SAID(lang, "connection %" PRIu32 ": %s%s%s to %s%s%s%s",
             "连接 %" PRIu32 "：%s%s%s 到 %s%s%s%s"), talk->seen.number, names[0],
        address[0][0] != 0 ? " " : "", address[0], names[1], address[1][0] != 0 ? " " : "",
        address[1], note);
    if (talk->titled)
        return;
    if (ladder->unsafe)
        say(ladder, "%s",
            SAID(lang, "(unsafe settings: numbers, ports or MSL are not as they should be)",
                 "（不安全的设置：序号、端口或 MSL 不是应有的样子）"));
    write_cells(ladder, SAID(lang, "time ms", "时间 ms"), names[0], "", names[1], CHANGE, PLAIN);
}

static void draw_foot(const struct hf_ladder *ladder, const struct ladder_talk *talk)
{
    int lang = ladder->config.language;
    for (int e = 0; e < 2; e++) {
        const struct hf_observed_end *end = &talk->seen.end[e];
        char name[HF_ENDPOINT_TEXT], state[HF_OBSERVED_STATE_TEXT];
        char time[32], sent[32], received[32];
        const char *who = words_end_name(ladder, end, name);
        if (talk->ending[e].kind != HF_TRACE_END) {
            bool lives = end->ours && end->state != HF_CLOSED;
            if (end->ours || end->seen)
                say(ladder, SAID(lang, "%s: %s%s", "%s：%s%s"), who, lives ? SAID(lang, "still ", "仍在 ") : "",
                    hf_observed_state(end, state));
            continue;
        }
        const struct hf_trace_record *r = &talk->ending[e];
        say(ladder, SAID(lang, "%s: ended at %s, %s", "%s：结束于 %s，%s"), who, words_time(ladder, end->ended_at, time),
            hf_cause_words(end->cause, lang));
        say(ladder,
            SAID(lang,
                 "    %s bytes sent, %s received; %" PRIu32 " segments out, %" PRIu32
                 " in, %" PRIu32 " sent again",
                 "    发出 %s 字节，收到 %s 字节；发出 %" PRIu32 " 个报文段，收到 %" PRIu32
                 " 个，重发 %" PRIu32 " 个"),
            words_grouped(r->u.end.bytes_sent, sent), words_grouped(r->u.end.bytes_received, received),
            r->u.end.segments_sent, r->u.end.segments_received, r->u.end.retransmits);
    }
}

void ladder_draw(const struct hf_ladder *ladder, const struct ladder_talk *talk)
{
    char left[HF_OBSERVED_STATE_TEXT], right[HF_OBSERVED_STATE_TEXT];
    ladder_draw_head(ladder, talk);
    write_cells(ladder, "", words_first_state(talk, 0, left), "", words_first_state(talk, 1, right), CHANGE,
                PLAIN);
    draw_rows(ladder, talk);
    draw_foot(ladder, talk);
    say(ladder, "%s", "");
}
