/* The state diagram of RFC 9293 3.3.2, figure 5, as SVG: eleven states (CLOSED twice, as in the
 * figure), an edge a transition with its event above the line and its action below. Edges that were
 * taken are lit and numbered in order. What the figure leaves out (its notes 2 and 3: resets,
 * time-outs, a FIN with the ACK of ours) is drawn only when it happened. */
#include "diagram.h"
#include "svg.h"

#include <stdio.h>
#include <string.h>

enum { PANEL = 664, PANEL_HEIGHT = 800, BOX_WIDTH = 122, BOX_HEIGHT = 36 };

#define SAID(language, english, chinese) ((language) == HF_CHINESE ? (chinese) : (english))

static const char rules[] =
    ".hf text{font-family:\"Helvetica Neue\",Arial,\"Liberation Sans\",\"Noto Sans CJK SC\","
    "\"PingFang SC\",\"Microsoft YaHei\",sans-serif;font-size:12px;fill:#1d2530}\n"
    ".hf .hf-title{font-size:17px;font-weight:bold}.hf "
    ".hf-name{font-size:15px;font-weight:bold}\n"
    ".hf .hf-halo{paint-order:stroke;stroke:#fff;stroke-width:3.5px;stroke-linejoin:round}\n"
    ".hf-paper{fill:#fff}.hf path{fill:none;stroke:#98a2b3;stroke-width:1.4}\n"
    ".hf .hf-tip{stroke:none;fill:#98a2b3}.hf .hf-bar{stroke-width:.8}\n"
    ".hf-box{fill:#f4f6f9;stroke:#98a2b3;stroke-width:1.4}\n"
    ".hf text.hf-word{font-size:10.5px;fill:#667085}.hf text.hf-said{fill:#1d2530}\n"
    ".hf-box.hf-lit{fill:#e3edff;stroke:#1d4ed8;stroke-width:2.4}\n"
    ".hf-box.hf-here{fill:#1d4ed8;stroke:#1d4ed8}.hf text.hf-inbox{fill:#fff}\n"
    ".hf .hf-state{font-weight:bold;font-size:13px}.hf .hf-unlit{fill:#667085}\n"
    ".hf path.hf-lit{stroke:#1d4ed8;stroke-width:3}.hf "
    "path.hf-tip.hf-lit{fill:#1d4ed8;stroke:none}\n"
    ".hf path.hf-odd{stroke:#b91c1c;stroke-width:3}.hf "
    "path.hf-tip.hf-odd{fill:#b91c1c;stroke:none}\n"
    ".hf text.hf-odd{fill:#b91c1c;font-size:11px}\n"
    ".hf-count{fill:#1d4ed8;stroke:#fff;stroke-width:1.5}.hf-count.hf-odd{fill:#b91c1c}\n"
    ".hf text.hf-number{fill:#fff;font-size:11px;font-weight:bold}\n";

static const char dark_rules[] =
    ".hf text{fill:#e6e9ee}.hf-paper{fill:#14171c}.hf .hf-halo{stroke:#14171c}\n"
    ".hf path{stroke:#5c6675}.hf .hf-tip{fill:#5c6675;stroke:none}\n"
    ".hf-box{fill:#1e232b;stroke:#5c6675}\n"
    ".hf text.hf-word,.hf .hf-unlit{fill:#98a2b3}.hf text.hf-said{fill:#e6e9ee}\n"
    ".hf-box.hf-lit{fill:#1c2d52;stroke:#7aa2ff}.hf-box.hf-here{fill:#7aa2ff;stroke:#7aa2ff}\n"
    ".hf text.hf-inbox,.hf text.hf-number{fill:#0d1117}\n"
    ".hf path.hf-lit{stroke:#7aa2ff}.hf path.hf-tip.hf-lit{fill:#7aa2ff;stroke:none}\n"
    ".hf path.hf-odd{stroke:#f87171}.hf path.hf-tip.hf-odd{fill:#f87171;stroke:none}\n"
    ".hf text.hf-odd{fill:#f87171}.hf-count{fill:#7aa2ff;stroke:#14171c}\n"
    ".hf-count.hf-odd{fill:#f87171}\n";

/* ---- The figure ---- */

#define CLOSED_AGAIN HF_STATES /* the one at the lower right                                  */

struct point {
    int x, y;
};

static const struct point boxes[HF_STATES + 1] = {
    [HF_CLOSED] = {320, 74},      [HF_LISTEN] = {320, 178},      [HF_SYN_RECEIVED] = {110, 284},
    [HF_SYN_SENT] = {530, 284},   [HF_ESTABLISHED] = {320, 390}, [HF_FIN_WAIT_1] = {110, 496},
    [HF_CLOSE_WAIT] = {530, 496}, [HF_FIN_WAIT_2] = {110, 606},  [HF_CLOSING] = {320, 606},
    [HF_LAST_ACK] = {530, 606},   [HF_TIME_WAIT] = {320, 716},   [CLOSED_AGAIN] = {530, 716},
};

/* Words in both languages. */
struct said {
    const char *english, *chinese;
};

struct edge {
    uint8_t from, to;
    struct point begin, bend, end; /* bend {0, 0}: straight                                   */
    struct point word;             /* of the event; the action stands below                   */
    const char *anchor;
    struct said event, action;
};

#define NOTHING                                                                                  \
    {                                                                                            \
        "", ""                                                                                   \
    }

/* clang-format off */
static const struct edge edges[] = {
    {HF_CLOSED, HF_LISTEN, {302, 92}, {0, 0}, {302, 160}, {294, 121}, "end",
     {"passive OPEN", "被动打开"}, {"create TCB", "建立 TCB"}},
    {HF_LISTEN, HF_CLOSED, {338, 160}, {0, 0}, {338, 92}, {346, 121}, "start",
     {"CLOSE", "关闭"}, {"delete TCB", "删除 TCB"}},
    {HF_CLOSED, HF_SYN_SENT, {381, 66}, {560, 72}, {560, 266}, {524, 92}, "start",
     {"active OPEN", "主动打开"}, {"create TCB, snd SYN", "建立 TCB，发 SYN"}},
    {HF_SYN_SENT, HF_CLOSED, {526, 266}, {520, 88}, {381, 82}, {500, 178}, "end",
     {"CLOSE", "关闭"}, {"delete TCB", "删除 TCB"}},
    {HF_LISTEN, HF_SYN_RECEIVED, {278, 196}, {0, 0}, {150, 266}, {196, 214}, "end",
     {"rcv SYN", "收 SYN"}, {"snd SYN,ACK", "发 SYN,ACK"}},
    {HF_SYN_RECEIVED, HF_LISTEN, {86, 266}, {80, 178}, {259, 178}, {100, 186}, "end",
     {"rcv RST", "收 RST"}, NOTHING},
    {HF_LISTEN, HF_SYN_SENT, {362, 196}, {0, 0}, {490, 266}, {412, 242}, "end",
     {"SEND", "发送"}, {"snd SYN", "发 SYN"}},
    {HF_SYN_SENT, HF_SYN_RECEIVED, {469, 284}, {0, 0}, {171, 284}, {320, 262}, "middle",
     {"rcv SYN", "收 SYN"}, {"snd SYN,ACK", "发 SYN,ACK"}},
    {HF_SYN_RECEIVED, HF_ESTABLISHED, {150, 302}, {0, 0}, {278, 372}, {192, 350}, "end",
     {"rcv ACK of SYN", "收到对 SYN 的 ACK"}, NOTHING},
    {HF_SYN_SENT, HF_ESTABLISHED, {490, 302}, {0, 0}, {362, 372}, {448, 346}, "start",
     {"rcv SYN,ACK", "收 SYN,ACK"}, {"snd ACK", "发 ACK"}},
    {HF_SYN_RECEIVED, HF_FIN_WAIT_1, {90, 302}, {0, 0}, {90, 478}, {82, 386}, "end",
     {"CLOSE", "关闭"}, {"snd FIN", "发 FIN"}},
    {HF_ESTABLISHED, HF_FIN_WAIT_1, {278, 408}, {0, 0}, {150, 478}, {192, 432}, "end",
     {"CLOSE", "关闭"}, {"snd FIN", "发 FIN"}},
    {HF_ESTABLISHED, HF_CLOSE_WAIT, {362, 408}, {0, 0}, {490, 478}, {448, 432}, "start",
     {"rcv FIN", "收 FIN"}, {"snd ACK", "发 ACK"}},
    {HF_FIN_WAIT_1, HF_FIN_WAIT_2, {82, 514}, {0, 0}, {82, 588}, {100, 555}, "start",
     {"rcv ACK of FIN", "收到对 FIN 的 ACK"}, NOTHING},
    {HF_FIN_WAIT_1, HF_CLOSING, {171, 500}, {318, 504}, {322, 588}, {262, 492}, "start",
     {"rcv FIN", "收 FIN"}, {"snd ACK", "发 ACK"}},
    {HF_CLOSE_WAIT, HF_LAST_ACK, {530, 514}, {0, 0}, {530, 588}, {546, 546}, "start",
     {"CLOSE", "关闭"}, {"snd FIN", "发 FIN"}},
    {HF_FIN_WAIT_2, HF_TIME_WAIT, {90, 624}, {90, 716}, {259, 716}, {130, 655}, "start",
     {"rcv FIN", "收 FIN"}, {"snd ACK", "发 ACK"}},
    {HF_CLOSING, HF_TIME_WAIT, {320, 624}, {0, 0}, {320, 698}, {336, 661}, "start",
     {"rcv ACK of FIN", "收到对 FIN 的 ACK"}, NOTHING},
    {HF_LAST_ACK, CLOSED_AGAIN, {530, 624}, {0, 0}, {530, 698}, {546, 665}, "start",
     {"rcv ACK of FIN", "收到对 FIN 的 ACK"}, NOTHING},
    {HF_TIME_WAIT, CLOSED_AGAIN, {381, 716}, {0, 0}, {469, 716}, {425, 746}, "middle",
     {"timeout = 2MSL", "2MSL 超时"}, {"delete TCB", "删除 TCB"}},
    {HF_FIN_WAIT_1, HF_TIME_WAIT, {146, 514}, {0, 0}, {290, 698}, {236, 620}, "end",
     {"rcv FIN, ACK of FIN", "收 FIN 和对 FIN 的 ACK"}, {"snd ACK", "发 ACK"}},
};
/* clang-format on */

#define EDGES (sizeof edges / sizeof edges[0])
#define NOTE_2 (EDGES - 1) /* not in the figure, see its note 2                               */

/* ---- Which of them were taken ---- */

/* What one end did, edge by edge. */
struct taken {
    const struct diagram_path *path;
    unsigned at[EDGES]; /* the number of the step, 0: not taken                       */
    bool lit[HF_STATES + 1];
    unsigned odd[HF_STATES]; /* left from here by no edge of the figure, at this step      */
    int here;                /* the box it is in now                                       */
};

/* To CLOSED by a reset, a time-out or an abort: no edge of the figure. */
static bool is_odd(const struct diagram_step *step)
{
    if (step->to != HF_CLOSED || step->inferred)
        return false;
    switch (step->from) {
    case HF_SYN_SENT:
    case HF_LISTEN:
        return step->by != HF_BY_CALL;
    case HF_LAST_ACK:
        return step->by != HF_BY_SEGMENT || (step->detail & HF_RST) != 0;
    case HF_TIME_WAIT:
        return step->by != HF_BY_TIMER;
    default:
        return true;
    }
}

static void take(struct taken *taken, const struct diagram_step *step, unsigned number)
{
    bool again = step->from == HF_LAST_ACK || step->from == HF_TIME_WAIT;
    int to = step->to == HF_CLOSED && again ? CLOSED_AGAIN : step->to;
    bool odd = is_odd(step);
    for (size_t i = 0; i < EDGES && !odd; i++) {
        if (edges[i].from != step->from || edges[i].to != to)
            continue;
        taken->at[i] = number;
        taken->here = to;
        taken->lit[to] = true;
        return;
    }
    taken->odd[step->from] = number;
    taken->here = step->to;
    taken->lit[step->to] = true;
}

static void follow(struct taken *taken, const struct diagram_path *path)
{
    memset(taken, 0, sizeof *taken);
    taken->path = path;
    taken->here = path->first;
    taken->lit[path->first] = true;
    for (unsigned i = 0; i < path->count; i++)
        take(taken, &path->step[i], i + 1);
}

/* ---- Drawing ---- */

/* By this a page finds what belongs to an edge. */
static void put_edge_name(const struct svg *svg, const struct edge *edge)
{
    svg_put(svg, " data-edge=\"%s %s\"", hf_state_text(edge->from),
            hf_state_text(edge->to == CLOSED_AGAIN ? HF_CLOSED : edge->to));
}

static void put_tip(const struct svg *svg, const struct edge *edge, struct point from,
                    struct point to, const char *class)
{
    double across = to.x - from.x, down = to.y - from.y;
    double length = svg_length(across, down);
    double dx = across / length, dy = down / length;
    double bx = to.x - 10 * dx, by = to.y - 10 * dy;
    svg_put(svg, "<path");
    if (edge != NULL)
        put_edge_name(svg, edge);
    svg_put(svg, " class=\"hf-tip %s\" d=\"M%d %dL%.1f %.1fL%.1f %.1fZ\"/>\n", class, to.x, to.y,
            bx - 4.5 * dy, by + 4.5 * dx, bx + 4.5 * dy, by - 4.5 * dx);
}

static void put_number(const struct svg *svg, double x, double y, unsigned number,
                       const char *class)
{
    svg_put(svg,
            "<circle class=\"hf-count %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"9\"/><text "
            "class=\"hf-number\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%u</text>\n",
            class, x, y, x, y + 4, number);
}

static void put_line(const struct svg *svg, const struct edge *edge, const char *class)
{
    struct point before = edge->bend.x == 0 ? edge->begin : edge->bend;
    double across = edge->end.x - before.x, down = edge->end.y - before.y;
    double length = svg_length(across, down);
    double ex = edge->end.x - 7 * across / length, ey = edge->end.y - 7 * down / length;
    svg_put(svg, "<path");
    put_edge_name(svg, edge);
    if (edge->bend.x == 0)
        svg_put(svg, " class=\"%s\" d=\"M%d %dL%.1f %.1f\"/>\n", class, edge->begin.x,
                edge->begin.y, ex, ey);
    else
        svg_put(svg, " class=\"%s\" d=\"M%d %dQ%d %d %.1f %.1f\"/>\n", class, edge->begin.x,
                edge->begin.y, edge->bend.x, edge->bend.y, ex, ey);
    put_tip(svg, edge, before, edge->end, class);
}

static void put_word(const struct svg *svg, const struct edge *edge, int language, bool lit)
{
    const char *event = SAID(language, edge->event.english, edge->event.chinese);
    const char *action = SAID(language, edge->action.english, edge->action.chinese);
    const char *class = lit ? "hf-word hf-said hf-halo" : "hf-word hf-halo";
    svg_put(svg, "<text");
    put_edge_name(svg, edge);
    svg_put(svg, " class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">", class, edge->word.x,
            edge->word.y, edge->anchor);
    svg_text(svg, event);
    if (*action == 0)
        return;
    double a = svg_width(event, 9.8), b = svg_width(action, 9.8);
    double wide = a > b ? a : b;
    double x = edge->word.x - (edge->anchor[0] == 'e'   ? wide
                               : edge->anchor[0] == 'm' ? wide / 2
                                                        : 0);
    svg_put(svg, "<path class=\"hf-bar\" d=\"M%.1f %dh%.1f\"/>", x, edge->word.y + 3, wide);
    svg_put(svg, "<text");
    put_edge_name(svg, edge);
    svg_put(svg, " class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">", class, edge->word.x,
            edge->word.y + 14, edge->anchor);
    svg_text(svg, action);
}

static void put_edge_number(const struct svg *svg, const struct edge *edge, unsigned number)
{
    double x = (edge->begin.x + edge->end.x) / 2.0, y = (edge->begin.y + edge->end.y) / 2.0;
    if (edge->bend.x != 0) {
        x = x / 2 + edge->bend.x / 2.0;
        y = y / 2 + edge->bend.y / 2.0;
    }
    put_number(svg, x, y, number, "");
}

static void draw_edges(const struct svg *svg, const struct taken *taken, int language)
{
    for (int lit = 0; lit < 2; lit++)
        for (size_t i = 0; i < EDGES; i++)
            if ((taken->at[i] > 0) == (lit == 1) && (i != NOTE_2 || lit == 1))
                put_line(svg, &edges[i], lit == 1 ? "hf-lit" : "");
    for (size_t i = 0; i < EDGES; i++)
        if (i != NOTE_2 || taken->at[i] > 0)
            put_word(svg, &edges[i], language, taken->at[i] > 0);
    for (size_t i = 0; i < EDGES; i++)
        if (taken->at[i] > 0)
            put_edge_number(svg, &edges[i], taken->at[i]);
}

/* A state that was left by no edge of the figure: an arrow out of its box, to the word CLOSED. */
static void draw_odd(const struct svg *svg, const struct taken *taken, int language)
{
    for (int state = 0; state < HF_STATES; state++) {
        if (taken->odd[state] == 0)
            continue;
        struct point box = boxes[state];
        bool right = box.x > 300;
        int side = right ? 1 : -1;
        struct point begin = {box.x + side * 30, box.y + BOX_HEIGHT / 2};
        struct point end = {box.x + side * 44, box.y + BOX_HEIGHT / 2 + 26};
        svg_put(svg, "<path class=\"hf-odd\" d=\"M%d %dL%d %d\"/>\n", begin.x, begin.y,
                end.x - side * 3, end.y - 6);
        put_tip(svg, NULL, begin, end, "hf-odd");
        put_number(svg, begin.x, begin.y + 4, taken->odd[state], "hf-odd");
        svg_put(svg, "<text class=\"hf-odd hf-halo\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
                end.x, end.y + 13);
        char text[200];
        snprintf(text, sizeof text, "CLOSED: %s", hf_cause_words(taken->path->cause, language));
        svg_text(svg, taken->path->ended ? text : "CLOSED");
    }
}

static void draw_boxes(const struct svg *svg, const struct taken *taken)
{
    for (int i = 0; i <= HF_STATES; i++) {
        const char *name = hf_state_text(i == CLOSED_AGAIN ? HF_CLOSED : i);
        const char *class = i == taken->here ? " hf-lit hf-here" : taken->lit[i] ? " hf-lit" : "";
        const char *text = i == taken->here ? " hf-inbox" : taken->lit[i] ? "" : " hf-unlit";
        svg_put(svg,
                "<rect data-state=\"%s\" class=\"hf-box%s\" x=\"%d\" y=\"%d\" width=\"%d\" "
                "height=\"%d\" rx=\"7\"/>",
                name, class, boxes[i].x - BOX_WIDTH / 2, boxes[i].y - BOX_HEIGHT / 2, BOX_WIDTH,
                BOX_HEIGHT);
        svg_put(svg,
                "<text data-state=\"%s\" class=\"hf-state%s\" x=\"%d\" y=\"%d\" "
                "text-anchor=\"middle\">%s</text>\n",
                name, text, boxes[i].x, boxes[i].y + 5, name);
    }
}

static void draw_panel(const struct svg *svg, const struct diagram_path *path, int x, int y,
                       int language)
{
    struct taken taken;
    follow(&taken, path);
    svg_put(svg, "<g transform=\"translate(%d %d)\">\n", x, y);
    svg_put(svg, "<text class=\"hf-name\" x=\"24\" y=\"34\">");
    svg_text(svg, path->name);
    draw_edges(svg, &taken, language);
    draw_boxes(svg, &taken);
    draw_odd(svg, &taken, language);
    svg_put(svg, "</g>\n");
}

#define NOWHERE (HF_STATES + 1)

static const char *label_of(int language)
{
    return SAID(language, "TCP's states, RFC 9293 figure 5, and the path taken",
                "TCP 的状态（RFC 9293 图 5）与所走的路径");
}

void diagram_draw_blank(const struct hf_picture_config *config)
{
    struct svg svg = {config->write, config->context};
    struct svg_head head = {.width = PANEL,
                            .height = PANEL_HEIGHT - 30,
                            .theme = config->theme,
                            .inline_part = config->inline_part,
                            .label = config->title ? config->title : label_of(config->language),
                            .rules = rules,
                            .dark = dark_rules};
    struct taken none = {.here = NOWHERE};
    svg_begin(&svg, &head);
    svg_put(&svg, "<g transform=\"translate(0 -30)\">\n");
    draw_edges(&svg, &none, config->language);
    svg_put(&svg, "<g visibility=\"hidden\">\n");
    put_line(&svg, &edges[NOTE_2], "");
    put_word(&svg, &edges[NOTE_2], config->language, false);
    svg_put(&svg, "</g>\n");
    draw_boxes(&svg, &none);
    svg_put(&svg, "</g>\n");
    svg_end(&svg);
}

void diagram_draw(const struct diagram_path path[2], const struct hf_picture_config *config)
{
    int top = config->title != NULL ? 34 : 0;
    struct svg svg = {config->write, config->context};
    struct svg_head head = {
        .width = 2 * PANEL,
        .height = PANEL_HEIGHT - 20 + top,
        .theme = config->theme,
        .inline_part = config->inline_part,
        .label = config->title != NULL ? config->title : label_of(config->language),
        .rules = rules,
        .dark = dark_rules,
    };
    svg_begin(&svg, &head);
    if (config->title != NULL) {
        svg_put(&svg, "<text class=\"hf-title\" x=\"24\" y=\"29\">");
        svg_text(&svg, config->title);
    }
    for (int e = 0; e < 2; e++)
        draw_panel(&svg, &path[e], e * PANEL, top, config->language);
    svg_put(&svg, "<path d=\"M%d %dV%d\"/>\n", PANEL, top + 20, PANEL_HEIGHT - 40 + top);
    svg_end(&svg);
}
