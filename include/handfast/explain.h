/* Handfast: why a connection opened, stalled, was reset or ended, out of its segments alone.
 *
 * An explainer is fed with packets and their times, in the order of a capture made anywhere, by
 * any stack, and tells of each connection what happened: the states of both ends segment by segment,
 * named events, and how it ended and most likely why. It is a guess from outside, and made the way
 * an experienced reader makes it; what is certain and what is likely is said in the words.
 *
 *     struct hf_explain_config config = {.size = sizeof config, .over = tell};
 *     struct hf_explain *explain = hf_explain_create(&config);
 *     for each packet:
 *         hf_explain_frame(explain, HF_FRAME_ETHERNET, time, number, bytes, captured, length);
 *     hf_explain_finish(explain);
 *     hf_explain_destroy(explain);
 *
 * Memory is bounded: connections that are over are told and forgotten when there is no more room,
 * then those that were silent longest. Not seen: checksums (captures of a sender's own packets have
 * none), what is in fragments but the first, other protocols. One thread at a time. */
#ifndef HANDFAST_EXPLAIN_H
#define HANDFAST_EXPLAIN_H

#include <handfast/address.h>
#include <handfast/packet.h>
#include <handfast/trace.h>
#include <handfast/types.h>

HF_BEGIN

/* What can happen. X(NAME, "name in JSON", "words"). Each is said of one end: who sent the segment
 * that shows it; of a stall, who waited. */
#define HF_EXPLAIN_EVENTS(X)                                                                      \
    X(OPENED, "open", "open in three segments")                                                   \
    X(SIMULTANEOUS_OPEN, "simultaneous_open", "simultaneous open: both sent a SYN at once")        \
    X(PORT_REUSE, "port_reuse", "port reuse: the same two ports again")                           \
    X(SYN_ON_OPEN, "syn_on_open", "a new SYN on a connection that is open")                       \
    X(RTO, "rto", "retransmission after a timeout (RTO)")                                         \
    X(FAST, "fast", "fast retransmission")                                                        \
    X(TLP, "tlp", "tail loss probe (TLP)")                                                        \
    X(RESENT, "resent", "retransmission")                                                         \
    X(SPURIOUS, "spurious", "that retransmission was needless")                                   \
    X(DUPLICATED, "duplicated", "the same packet twice (the network, or the capture)")            \
    X(REORDERED, "reordering", "overtaken by a later segment")                                    \
    X(GAP, "gap", "a segment before this one is missing so far")                                  \
    X(UNCAPTURED, "uncaptured", "acknowledges what the capture does not hold")                    \
    X(DUPLICATE_ACK, "duplicate_ack", "duplicate ACK")                                            \
    X(ZERO_WINDOW, "zero_window", "zero window")                                                  \
    X(WINDOW_PROBE, "window_probe", "zero-window probe")                                          \
    X(WINDOW_UPDATE, "window_update", "window update")                                            \
    X(WINDOW_FULL, "window_full", "the peer's window is full")                                    \
    X(KEEP_ALIVE, "keep_alive", "keep-alive probe")                                               \
    X(KEEP_ALIVE_ACK, "keep_alive_ack", "answer to a keep-alive probe")                           \
    X(HALF_CLOSE, "half_close", "half-close: text after the other end's FIN")                     \
    X(SIMULTANEOUS_CLOSE, "simultaneous_close", "simultaneous close: both sent a FIN at once")     \
    X(RESET, "reset", "reset")                                                                    \
    X(RESET_IGNORED, "reset_ignored", "a reset whose number does not fit")                        \
    X(STALL_ACK, "stall_ack", "stall: waited for an acknowledgement")                             \
    X(STALL_WINDOW, "stall_window", "stall: waited for the other end to read (zero window)")      \
    X(STALL_QUIET, "quiet", "nothing under way: waited for the other end's application")

enum hf_explain_event_kind {
#define HF_X(name, json, text) HF_EXPLAIN_##name,
    HF_EXPLAIN_EVENTS(HF_X)
#undef HF_X
        HF_EXPLAIN_COUNT
};

/* How a connection ended. X(NAME, "name in JSON", "words") */
#define HF_EXPLAIN_ENDINGS(X)                                                                     \
    X(OPEN, "open", "still open")                                                                 \
    X(CLOSED, "closed", "closed in order")                                                        \
    X(RESET, "reset", "reset")                                                                    \
    X(REFUSED, "refused", "refused")                                                              \
    X(NO_ANSWER, "no_answer", "the SYN was not answered")                                         \
    X(HALF_OPEN, "half_open", "half-open: the third segment is missing")                          \
    X(HALF_CLOSED, "half_closed", "closed in one direction only")                                 \
    X(CLOSING, "closing", "closed by both, the last acknowledgement is missing")                  \
    X(NOT_FOLLOWED, "not_followed", "nothing but what follows an earlier connection")

enum hf_explain_ending {
#define HF_X(name, json, text) HF_EXPLAIN_END_##name,
    HF_EXPLAIN_ENDINGS(HF_X)
#undef HF_X
        HF_EXPLAIN_ENDING_COUNT
};

/* The most likely cause of a reset. X(NAME, "name in JSON", "words") */
#define HF_EXPLAIN_RESETS(X)                                                                      \
    X(NONE, "none", "")                                                                           \
    X(REFUSED, "refused", "nothing listens on that port, or a firewall rejects it")               \
    X(CANCELLED, "cancelled", "it gave up before the connection was open: its application closed, or it only scanned") \
    X(STALE, "stale", "it answers a SYN,ACK that it did not ask for")                             \
    X(UNREAD_DATA, "unread_data", "its application closed with data unread")                      \
    X(ABRUPT, "abrupt", "its application closed with data unread, or aborted (SO_LINGER 0)")       \
    X(DATA_AFTER_CLOSE, "data_after_close", "data came after its application had closed")         \
    X(UNKNOWN_CONNECTION, "unknown_connection", "it no longer knew the connection: it restarted, had given it up, or a device between forgot it") \
    X(ABORTED, "aborted", "its application aborted (SO_LINGER 0), or was killed")                  \
    X(KEEP_ALIVE, "keep_alive", "its keep-alive probes were not answered")                        \
    X(GAVE_UP, "gave_up", "its retransmissions were not acknowledged")                            \
    X(AFTER_CLOSE, "after_close", "the connection was over already, which is harmless")

enum hf_explain_reset {
#define HF_X(name, json, text) HF_EXPLAIN_RESET_##name,
    HF_EXPLAIN_RESETS(HF_X)
#undef HF_X
        HF_EXPLAIN_RESET_COUNT
};

/* Who was waiting for whom when nothing more came. X(NAME, "name in JSON") */
#define HF_EXPLAIN_WAITS(X)                                                                       \
    X(NOTHING, "nothing")                                                                         \
    X(ACK, "acknowledgement")                                                                     \
    X(WINDOW, "window")                                                                           \
    X(APPLICATION, "application")

enum hf_explain_wait {
#define HF_X(name, json) HF_EXPLAIN_WAIT_##name,
    HF_EXPLAIN_WAITS(HF_X)
#undef HF_X
        HF_EXPLAIN_WAIT_COUNT
};

/* An event; several alike that follow each other are one. */
struct hf_explain_event {
    hf_time time, last_time; /* of the first and the last                                     */
    uint64_t packet, last_packet;
    hf_time duration; /* of stalls; of SPURIOUS 0                                             */
    uint64_t about;   /* SPURIOUS: the retransmission's packet; PORT_REUSE: the number of the
                         connection before; else 0                                            */
    uint32_t count;
    uint32_t bytes; /* text, or what is missing                                               */
    uint8_t kind;   /* enum hf_explain_event_kind                                             */
    uint8_t end;    /* 0 or 1                                                                 */
};

struct hf_explained_end {
    struct hf_endpoint endpoint;
    uint64_t packets;
    uint64_t bytes;    /* text, each byte once                                                */
    uint32_t counts[HF_EXPLAIN_COUNT]; /* segments that show each event, not folded           */
    uint64_t syn, fin, fin_acked; /* packets: its first SYN and FIN, and what acknowledged that FIN;
                                     0: not seen                                              */
    hf_time srtt;      /* from its text to the acknowledgement, where the capture was made; 0  */
    uint16_t mss;      /* of its SYN; 0                                                       */
    uint8_t wscale;    /* of its SYN; 0xff: none, or not seen                                 */
    uint8_t sack_permitted, timestamps;
    uint8_t seen;      /* 1: it sent something                                                */
    uint8_t state;     /* enum hf_state, inferred unless `told`                               */
    uint8_t told;      /* 1: its own records said its state and cause (a flight recorder)     */
    uint8_t cause;     /* enum hf_cause, when told and it ended                               */
    uint8_t wait;      /* enum hf_explain_wait: what it waited for at the end                 */
    uint32_t unacked;  /* bytes it had sent that were not acknowledged                        */
};

/* A connection as it is told. End 0 ("A" in sentences) opened it, or spoke first. */
struct hf_explained {
    uint32_t number; /* from 1, in the order of appearance                                    */
    uint8_t ending;  /* enum hf_explain_ending                                                */
    uint8_t reset_cause; /* enum hf_explain_reset                                             */
    uint8_t reset_by;    /* 0 or 1, when ending is RESET or REFUSED                           */
    uint8_t reset_ttl, usual_ttl; /* differ: something between the ends sent the reset; else 0 */
    uint8_t midway;    /* 1: the capture begins in the middle of it                           */
    uint8_t put_aside; /* 1: told early, as there was no more room; it was not over           */
    uint8_t closed_first; /* 0 or 1, when a FIN was seen                                      */
    uint64_t reset_packet, last_ack; /* the reset; the segment that acknowledged the last FIN */
    uint64_t before; /* number of the connection whose ports it reuses, 0: none               */
    hf_time first_time, last_time;
    uint64_t first_packet, last_packet;
    hf_time handshake; /* from the SYN to the third segment: a round trip; 0: not seen        */
    struct hf_explained_end end[2];
    const struct hf_explain_event *events;
    uint32_t event_count;
    uint32_t events_left_out; /* beyond HF_EXPLAIN_EVENTS_MAX: only counted                   */
};

#define HF_EXPLAIN_EVENTS_MAX 64

/* One segment, as it is shown of a watched connection. */
struct hf_explained_segment {
    hf_time time;
    uint64_t packet;
    uint64_t events;   /* bit 1 << kind: what it shows                                        */
    uint32_t seq, ack; /* as on the wire                                                      */
    uint32_t from_isn[2]; /* what to subtract from seq and ack to count from the SYNs         */
    uint32_t text, window; /* window: scaled when the scale is known                          */
    uint32_t sack[2];  /* the first block, when sacks > 0                                     */
    uint16_t flags;
    uint8_t sacks, from; /* from: 0 or 1                                                      */
    uint8_t state[2];  /* after it                                                            */
    uint8_t changed[2];
};

/* Everything that was seen. */
struct hf_explain_totals {
    uint64_t packets, segments, bytes; /* bytes: of IP                                        */
    uint64_t other;     /* not TCP                                                            */
    uint64_t fragments; /* of TCP, not followed                                               */
    uint64_t broken;    /* headers cut off or impossible                                      */
    uint64_t backwards; /* packets whose time lies before that of an earlier one              */
    uint32_t connections;
    uint32_t put_aside; /* told before they were over, for want of room                       */
    hf_time first_time, last_time;
};

struct hf_explain;

struct hf_explain_config {
    uint32_t size; /* sizeof(struct hf_explain_config)                                        */
    /* A connection is over, or put aside, or the end was reached. May be NULL. The connection is the
     * explainer's and valid during the call. */
    void (*over)(void *context, const struct hf_explained *connection);
    /* A segment of the connection `watch`. May be NULL. As above. */
    void (*segment)(void *context, const struct hf_explained *connection,
                    const struct hf_explained_segment *segment);
    void *context;
    uint32_t watch;    /* number of the connection whose segments are shown; 0: none           */
    size_t memory_max; /* bytes for connections, 64 KiB at least; 0: 24 MiB                    */
    hf_time stall;     /* how long nothing must move to be called a stall; 0: 1 s              */
};

/* hf_explain_create: returns NULL without memory, or when config->size is wrong. */
HF_API struct hf_explain *hf_explain_create(const struct hf_explain_config *config);

/* hf_explain_destroy: NULL is allowed. What was not told is forgotten. */
HF_API void hf_explain_destroy(struct hf_explain *explain);

/* hf_explain_datagram: the next IP packet.
 * time     of the capture
 * number   of the packet in it, for the reader
 * bytes    from the IP header on; captured: how many there are; length: how many there were
 * returns  0, or HF_ERR_MEMORY: there was none for it, it is not counted */
HF_API int hf_explain_datagram(struct hf_explain *explain, hf_time time, uint64_t number,
                               const uint8_t *bytes, uint32_t captured, uint32_t length);

/* Link types of captures, with the values of pcap files (LINKTYPE_...). */
enum hf_frame_type {
    HF_FRAME_NULL = 0,
    HF_FRAME_ETHERNET = 1,
    HF_FRAME_RAW_BSD = 12,
    HF_FRAME_RAW_BSD_2 = 14,
    HF_FRAME_RAW = 101,
    HF_FRAME_LOOP = 108,
    HF_FRAME_LINUX_SLL = 113,
    HF_FRAME_IPV4 = 228,
    HF_FRAME_IPV6 = 229,
    HF_FRAME_LINUX_SLL2 = 276
};

/* hf_frame_known: 1 for the types above. */
HF_API int hf_frame_known(int type);

/* hf_explain_frame: the next packet with its link header: up to four VLAN tags and PPPoE are taken
 * off. As hf_explain_datagram; also
 * returns  HF_ERR_ARGUMENT: an unknown type */
HF_API int hf_explain_frame(struct hf_explain *explain, int type, hf_time time, uint64_t number,
                            const uint8_t *bytes, uint32_t captured, uint32_t length);

/* hf_explain_record: a hf_trace_fn whose context is a struct hf_explain: the records of a stack of
 * ours, live or from a flight recorder. What they say of states and causes is taken over. Packets
 * are numbered by the IN and OUT records. OPEN records must come before what they are about; those of
 * the last 4,096 connections are kept, in a list that is searched: for dumps and small runs. */
HF_API void hf_explain_record(void *explain, const struct hf_trace_record *record,
                              const struct hf_packet *packet);

/* hf_explain_finish: tell all connections that were not told yet, in the order of their numbers. */
HF_API void hf_explain_finish(struct hf_explain *explain);

HF_API void hf_explain_totals(const struct hf_explain *explain, struct hf_explain_totals *totals);

/* hf_explain_memory: bytes that connections take now. */
HF_API size_t hf_explain_memory(const struct hf_explain *explain);

#define HF_EXPLAIN_SENTENCE 640 /* room for any sentence and the final 0                       */

/* hf_explain_sentence: how the connection ended and why, in one sentence with packet numbers.
 * text     at least HF_EXPLAIN_SENTENCE bytes
 * returns  text */
HF_API char *hf_explain_sentence(const struct hf_explained *connection, char *text);

/* hf_explain_sentence_words: the same in a language (enum hf_language of view.h). */
HF_API char *hf_explain_sentence_words(const struct hf_explained *connection, int language,
                                       char *text);

/* hf_explain_event_words, ..._ending_words, ..._reset_words: the words of a list in a language.
 * Never NULL.
 * thread   any */
HF_API const char *hf_explain_event_words(int kind, int language);
HF_API const char *hf_explain_ending_words(int ending, int language);
HF_API const char *hf_explain_reset_words(int cause, int language);

/* Names of the lists above, as JSON and as words. Never NULL.
 * thread   any */
HF_API const char *hf_explain_event_name(int kind);
HF_API const char *hf_explain_event_text(int kind);
HF_API const char *hf_explain_ending_name(int ending);
HF_API const char *hf_explain_ending_text(int ending);
HF_API const char *hf_explain_reset_name(int cause);
HF_API const char *hf_explain_reset_text(int cause);
HF_API const char *hf_explain_wait_name(int wait);

HF_END
#endif
