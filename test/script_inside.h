/* What the files of the script harness share: the state of the script that is running, and
 * the steps that its words are made of. Tests include script.h only.
 *
 * Three things are kept beside the stack and never asked of it: what the peer has seen on
 * the wire (struct conversation), what the trace said of each connection (struct traced),
 * and what the application has sent and read (struct app). A word compares the stack with
 * these. */
#ifndef SCRIPT_INSIDE_H
#define SCRIPT_INSIDE_H

#include "script.h"

#include <handfast/packet.h>

#include "script_wire.h"

/* The clock does not begin at 0, so that a forgotten zero shows. */
#define START (1000 * HF_SEC)

#define LISTEN_PORT 80
#define PEER_PORT 40000
#define FIXED_PORT 50000
#define PEER_CLOCK 5000000u /* the peer's TSval at START, in ms                               */

enum { CONVERSATIONS = 64, TRACED = 1024, APPS = 64, QUEUE = 256, BATCH = 64 };

struct packet {
    uint8_t *bytes;
    size_t len;
    struct wire_segment segment;
    const char *wrong; /* what wire_parse found, else NULL                                    */
};

/* What the peer knows of one pair of ports. Numbers as on the wire. */
struct conversation {
    uint16_t our_port, peer_port;
    uint32_t iss, peer_iss;
    bool iss_known;
    uint32_t snd_nxt, snd_una; /* the stack's, as seen                                        */
    uint32_t rcv_nxt;          /* the last ACK number that the stack sent                     */
    uint32_t wnd;              /* the window it offered with it, in bytes                     */
    uint32_t edge, peer_edge;  /* the largest right edges: of the stack, of the peer          */
    bool has_edge, has_peer_edge;
    uint32_t peer_next;          /* the peer's own next number                                  */
    int our_wscale, peer_wscale; /* WIRE_NONE: not offered                                    */
    bool our_ts, peer_ts, our_sack, peer_sack;
    uint32_t last_tsval;
};

/* What the trace said of a connection. It ends, with its cause, when it is closed or enters
 * TIME-WAIT. */
struct traced {
    uint32_t id;
    uint16_t peer_port;
    int state;
    bool fresh; /* no state has changed yet                                                   */
    unsigned ends;
    int cause;
};

struct app {
    hf_conn handle;
    const struct traced *traced;
    uint64_t sent, received; /* bytes, places in the pattern                                  */
    uint32_t news;           /* HF_EVENT_ bits not yet asked for                              */
};

struct block {
    struct block *next, *previous;
    size_t size;
    size_t pad; /* keeps what follows aligned as malloc would                                 */
};

struct script_state {
    const struct script_test *test;
    const char *label;
    int line;
    struct hf_settings settings;
    struct script_setup setup;
    struct hf_stack *stack;
    hf_time now;

    struct hf_stack_counters before; /* the last word that let the stack work                 */
    struct packet queue[QUEUE];
    size_t queued;
    bool in_batch;
    uint8_t *batch[BATCH];
    size_t batch_len[BATCH], batched;

    struct conversation conversations[CONVERSATIONS];
    size_t conversation_count, conversation;
    uint16_t peer_wnd;
    uint8_t cookie[16]; /* the last that came out                                             */
    struct traced traced[TRACED];
    size_t traced_count;
    struct app apps[APPS];
    size_t app_count, app;
    hf_listener listener;
    uint32_t listener_news;

    struct block blocks; /* all memory that the stack holds, in a ring                        */
    size_t block_count, block_bytes;

    char *journal;
    size_t journal_len, journal_room;
    struct wire_capture capture;
};

extern struct script_state script;

/* ---- script.c ---- */

/* A line of the journal; a word of the script with its time. */
void script_journal(const char *format, ...) __attribute__((format(printf, 1, 2)));
void script_word(int line, const char *word, const char *words);

/* Every word that makes the stack work begins so: nothing may be left from the one before. */
void script_begin(int line, const char *word, const char *words);

/* The connection that the script is about: the last opened with the peer's current port. */
struct traced *script_traced(void);

/* ... and ends so: what the stack wants to send is taken and looked at, and its news read. */
void script_finish(int line);
void script_pump(int line);
void script_gather_news(void);

/* Run what is due until `time`; with `stop`, until a packet comes out. */
void script_run_until(int line, hf_time time, bool stop);

/* ---- script_segments.c ---- */

struct conversation *script_talk(void);
void script_converse(uint16_t our_port, uint16_t peer_port);

/* A packet came out of the stack: keep it for out(), judge what must hold of any. */
void script_enqueue(int line, const struct hf_packet *packet);
void script_drop_first(void);

/* The first packet that waits, in a line. */
const char *script_first(char *text, size_t room);

/* Text by its place in the stream, for each direction. */
uint8_t script_pattern(uint64_t place, bool ours);
void script_fill(uint8_t *bytes, size_t len, uint64_t place, bool ours);

#endif
