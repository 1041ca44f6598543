/* What the experiments of `handfast lab` share: a report in two languages (what is said, drawn,
 * measured and claimed), and scenes, which are small networks in virtual time.
 *
 * An experiment is a function that plays its scenes and fills the report; lab.c shows the report
 * on the terminal, as SVG and as HTML. */
#ifndef HANDFAST_TOOL_LAB_H
#define HANDFAST_TOOL_LAB_H

#include "lab_knobs.h"
#include "options.h"

#include <handfast/handfast.h>
#include <stdio.h>

/* ---- The report ---- */

enum part_kind {
    PART_TITLE,  /* of an experiment                                                        */
    PART_TEXT,   /* a paragraph                                                             */
    PART_SCENE,  /* the title of a scene; text, svg and diagram are its pictures            */
    PART_SHOWN,  /* lines that stand as they are                                            */
    PART_FIGURE, /* name and value                                                          */
    PART_CLAIM   /* and whether it holds                                                    */
};

struct part {
    enum part_kind kind;
    char *name;    /* FIGURE: of the value; SCENE, TITLE: the title                          */
    char *text;    /* TEXT, SHOWN, FIGURE, CLAIM; SCENE: the ladder                          */
    char *svg;     /* SCENE: the ladder; NULL: none                                          */
    char *diagram; /* SCENE: the state diagram; NULL: none                                   */
    const char *ends[2]; /* SCENE: the names of the ends, the first of the ladder first      */
    char *steps; /* SCENE: the ladder step by step, as JSON; NULL: not wanted              */
    bool holds;
};

struct lab {
    int language; /* enum hf_language                                                        */
    uint64_t seed;
    struct knob_values knobs;
    uint16_t width;   /* of the ladders' text                                                */
    uint16_t picture; /* of the ladders' pictures, 0: the usual                              */
    bool for_page;    /* nothing is folded, and steps are wanted                             */
    uint64_t deadline_ns; /* of the processor's time; 0: none                                 */
    bool late;            /* it was reached: scenes stand still                              */
    bool colour;
    struct part *parts;
    size_t count, room;
    bool failed;    /* a claim does not hold, or a scene could not be played                 */
    bool fault;     /* the simulation found something wrong: see the report                  */
    bool no_memory; /* the report is not whole                                               */
    hf_time clock;  /* when the next scene begins: the capture has all scenes on one clock   */
    struct hf_pcapng *capture; /* NULL: none                                                 */
};

/* The text of this language. A format stays one that the compiler can check. */
#define SAY(lab, english, chinese) ((lab)->language == HF_CHINESE ? (chinese) : (english))

/* lab_part: a new part at the end of the report; NULL without memory. */
struct part *lab_part(struct lab *lab, enum part_kind kind);

/* lab_tell: a paragraph. */
void lab_tell(struct lab *lab, const char *english, const char *chinese);

/* lab_show: lines as they are. Copies. */
void lab_show(struct lab *lab, const char *lines);

/* lab_figure: one measured value. */
__attribute__((format(printf, 4, 5))) void
lab_figure(struct lab *lab, const char *english, const char *chinese, const char *format, ...);

/* lab_claim: what the experiment shows, and whether it did. */
void lab_claim(struct lab *lab, bool holds, const char *english, const char *chinese);

/* lab_forget: the report goes. */
void lab_forget(struct lab *lab);

/* ---- Experiments ---- */

#define EXPERIMENT_CLAIMS 4 /* at the most three, and an end                                 */

struct experiment {
    const char *name;
    struct said title;
    struct said story;
    void (*play)(struct lab *lab);
    struct knob_preset knobs[EXPERIMENT_KNOBS];
    struct knob_preset breaking; /* so turned, a claim fails                                 */
    struct knob_preset claim[EXPERIMENT_CLAIMS]; /* so turned, the first claim fails, the second,
                                                    and so on; KNOB_NONE ends the list       */
};

extern const struct experiment experiments[];
extern const size_t experiment_count;

/* experiment_find: returns NULL when there is none of this name. */
const struct experiment *experiment_find(const char *name, size_t len);

/* lab_processor_ns: what this thread has had of the processor, for lab.deadline_ns: a machine that is
 * busy with other things ends no experiment. */
uint64_t lab_processor_ns(void);

/* lab_play: title, story, and all that the experiment tells. */
void lab_play(struct lab *lab, const struct experiment *experiment);

/* lab_knob: how one stands. lab_time: the same, in milliseconds. */
uint64_t lab_knob(const struct lab *lab, enum knob knob);
hf_time lab_time(const struct lab *lab, enum knob knob);

/* In the order of the list. */
void play_open(struct lab *lab);
void play_piggyback(struct lab *lab);
void play_lost_syn(struct lab *lab);
void play_simultaneous_open(struct lab *lab);
void play_stale_syn(struct lab *lab);
void play_close(struct lab *lab);
void play_three_segment_close(struct lab *lab);
void play_half_close(struct lab *lab);
void play_simultaneous_close(struct lab *lab);
void play_lost_last_ack(struct lab *lab);
void play_old_duplicate(struct lab *lab);
void play_syn_flood(struct lab *lab);
void play_isn(struct lab *lab);
void play_zero_window(struct lab *lab);
void play_loss(struct lab *lab);

/* ---- Scenes ---- */

enum { CLIENT = 0, SERVER = 1 };

#define SCENE_PORT 7070
#define SCENE_CLIENT_PORT 50000
#define SCENE_BACKLOG 63
#define SCENE_BYTES 65536  /* of what an end received that are kept                         */
#define SCENE_SEGMENTS 512 /* sent ones that are kept                                       */
#define SCENE_STATES 16

struct scene_config {
    struct said title;
    hf_time delay; /* one way                                                                */
    uint64_t rate; /* bits per second                                                        */
    uint32_t loss; /* chance for each packet, in millionths                                  */
    uint64_t lose; /* bit n-1: the n-th packet that leaves is lost                           */
    struct hf_settings settings[2];
    struct hf_unsafe unsafe[2]; /* used when any of it is set                                */
    uint32_t checks;            /* HF_SIM_CHECK_...                                          */
    uint32_t backlog;           /* of the listener                                           */
    bool naive;  /* the ends are lab code: hosts without a stack, see lab_naive.c           */
    bool plain;  /* no state diagram: it would tell nothing                                 */
    int watched; /* draw only what this end's stack tells; -1: both                         */
    struct said peer; /* the name of the other end then; NULL: as always                     */
};

/* A segment that left, as its sender's trace told. */
struct sent_segment {
    hf_time time;
    int from;
    uint32_t seq, ack, text, window; /* seq, ack: absolute                                    */
    uint16_t flags;
    uint8_t reason; /* enum hf_send_reason                                                   */
};

/* One end of the scene. */
struct scene_end {
    int host;
    hf_conn conn;
    hf_listener listener;
    bool idle;         /* it does not read                                                   */
    bool close_at_eof; /* it closes as soon as the other has                                 */
    uint32_t bits;     /* of all events so far                                               */
    uint8_t in[SCENE_BYTES];
    size_t in_len; /* bytes received, beyond SCENE_BYTES only counted                    */
    hf_time in_at; /* when the last of them came                                         */
    bool eof;
    uint8_t states[SCENE_STATES]; /* its way, from the first                                 */
    unsigned state_count;
    hf_time state_at[SCENE_STATES];
    bool ended;
    uint8_t cause; /* enum hf_cause, when ended                                              */
    uint64_t timeouts; /* retransmission timers that ran                                     */
};

struct scene {
    struct lab *lab;
    struct hf_sim *sim;
    int link;
    hf_time start;
    struct scene_end end[2];
    struct sent_segment sent[SCENE_SEGMENTS];
    size_t sent_count; /* beyond SCENE_SEGMENTS only counted                               */
    struct hf_ladder *ladder;
    struct hf_diagram *diagram;
    char *text; /* the ladder's                                                              */
    size_t text_size;
    FILE *text_file;
    struct scene_config config;
    struct hf_tee tee;
    hf_sim_filter_fn filter; /* the experiment's own; may be NULL                            */
    void *filter_context;
    unsigned left; /* packets that have left                                                 */
    bool (*done)(struct scene *scene); /* what scene_until waits for                         */
    unsigned steps;
    bool muted; /* views are told nothing more                                               */
    bool over;
};

/* scene_config_init: the network's knobs, 100 Mbit/s, default settings, every check. */
void scene_config_init(struct scene_config *config, const struct lab *lab, const char *english,
                       const char *chinese);

/* scene_set_msl: of one end; 0 is an unsafe setting. */
void scene_set_msl(struct scene_config *config, int end, uint64_t seconds);

/* scene_begin: returns true; or false when there is no memory: the report is failed and nothing is
 * to be ended. */
bool scene_begin(struct scene *scene, struct lab *lab, const struct scene_config *config);

/* scene_end: draw it into the report and end it. Its notes can still be read. */
void scene_end(struct scene *scene);

/* scene_listen: the server waits for a connection. */
void scene_listen(struct scene *scene);

/* scene_open: an end opens to the other. port: its own, 0: any. returns as hf_tcp_open */
int scene_open(struct scene *scene, int end, uint16_t port, uint16_t remote_port);

/* scene_filter: what the network does to packets, besides the knobs. */
void scene_filter(struct scene *scene, hf_sim_filter_fn filter, void *context);

/* scene_connect: the client opens, and it runs until the third segment has arrived; for a minute
 * at the most. */
void scene_connect(struct scene *scene);

/* scene_wait: so much time passes. */
void scene_wait(struct scene *scene, hf_time time);

/* scene_until: time passes until something is true, at the most so much. returns whether it is */
bool scene_until(struct scene *scene, bool (*done)(struct scene *scene), hf_time most);

/* scene_both_open, scene_both_closed: for scene_until: whether both ends are ESTABLISHED, or CLOSED
 * after having been open. */
bool scene_both_open(struct scene *scene);
bool scene_both_closed(struct scene *scene);

/* scene_send, scene_shutdown: calls of an end. */
void scene_send(struct scene *scene, int end, const void *bytes, size_t len);
void scene_shutdown(struct scene *scene, int end);

/* scene_read: an end that is idle reads what there is. */
void scene_read(struct scene *scene, int end);

hf_time scene_now(const struct scene *scene); /* since the scene began */
struct hf_stack *scene_stack(struct scene *scene, int end);
int scene_state(const struct scene *scene, int end);

/* scene_went: whether the states of an end were exactly these, in this order. */
bool scene_went(const struct scene *scene, int end, const uint8_t *states, unsigned count);

/* scene_time_in: how long an end was in a state, the first time. */
hf_time scene_time_in(const struct scene *scene, int end, int state);

/* scene_entered: when an end came into a state for the first time, since the scene began; HF_NEVER: it
 * did not. */
hf_time scene_entered(const struct scene *scene, int end, int state);

/* scene_flags: the flags of the segment that left as the n-th, from 0; 0: there was none. */
uint16_t scene_flags(const struct scene *scene, size_t n);

/* scene_record: one record for the views and the notes, from a stack or from lab code. */
void scene_record(void *scene, const struct hf_trace_record *record,
                  const struct hf_packet *packet);

/* scene_address: of an end, IPv4, four bytes. */
void scene_address(const struct scene *scene, int end, uint8_t *bytes);

/* ---- Packets made by hand ---- */

struct made_segment {
    uint8_t from[4], to[4];
    uint16_t from_port, to_port;
    uint32_t seq, ack;
    uint16_t flags, window;
    const void *text;
    uint32_t len;
};

#define MADE_ROOM 1500

/* packet_make: IPv4 and TCP without options, checksums complete. returns its length */
uint32_t packet_make(const struct made_segment *segment, uint8_t bytes[MADE_ROOM]);

/* packet_flags, packet_text: of an IPv4 packet on the wire; 0 for anything else. */
unsigned packet_flags(const uint8_t *bytes, uint32_t len);
/* packet_double_window: in place, with its checksum put right. Any other packet stays as it is. */
void packet_double_window(uint8_t *bytes, uint32_t len);
uint32_t packet_text(const uint8_t *bytes, uint32_t len);
uint32_t packet_seq(const uint8_t *bytes, uint32_t len);

/* ---- lab code that is TCP no longer ---- */

/* naive_stale_syn: a server that is open after two segments, and a SYN that comes from nowhere. */
struct naive_result {
    uint64_t bytes; /* held                                                                  */
    hf_time time;   /* for so long                                                           */
};
void naive_stale_syn(struct scene *scene, struct naive_result *result);

/* ---- The page ---- */

/* lab_write_svg, lab_write_html: the whole report. */
void lab_write_svg(const struct lab *lab, FILE *file);
void lab_write_html(const struct lab *lab, FILE *file);

/* lab_picture: a ladder, or else a diagram, as SVG that stands within HTML. config: how it looks.
 * returns NULL when there is nothing to draw, or no memory; else the caller's */
char *lab_picture(const struct hf_ladder *ladder, const struct hf_diagram *diagram,
                  struct hf_picture_config config);

/* lab_steps: a ladder step by step, as a JSON array. returns NULL without memory; else the caller's */
char *lab_steps(struct lab *lab, const struct hf_ladder *ladder);

#endif
