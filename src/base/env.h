/* hf_env: what the stack lends to tcp and ip so that neither needs to know the stack or the
 * other: memory, timers, the ready list, trace, counters, keyed random, and the reply queue. */
#ifndef HF_BASE_ENV_H
#define HF_BASE_ENV_H

#include <handfast/stack.h>
#include <handfast/trace.h>

#include "base/budget.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/pool.h"
#include "base/random.h"
#include "base/ref.h"
#include "base/table.h"
#include "base/wheel.h"

/* A packet that answers another and belongs to no connection: a reset, the SYN+ACK of a half-open
 * entry, an ACK from TIME-WAIT, an ICMP message. Kept small and in a ring that exists from the
 * start, so that answering needs no memory unless very many wait (and for ICMP text). */
struct hf_reply {
    uint8_t kind; /* HF_REPLY_...                                                             */
    uint8_t link;
    uint16_t flags; /* TCP: header flags                                                    */
    uint8_t addresses[32]; /* TCP: local then remote, as in struct hf_flow                    */
    uint16_t local_port, remote_port;
    uint32_t seq, ack;     /* TCP                                                             */
    uint32_t tsval, tsecr; /* TCP, with HF_REPLY_TS                                           */
    uint32_t conn;         /* for the trace, 0: none                                          */
    uint32_t chunk;        /* RAW: an IP packet, FRAME: a frame behind its note; it is held   */
    uint16_t window;       /* TCP: as it stands in the header                                 */
    uint16_t mss;          /* TCP: 0 no option                                                */
    uint8_t wscale;        /* TCP: 0xff no option                                             */
    uint8_t scale;         /* TCP: of the window, for the trace                               */
    uint8_t options;       /* HF_REPLY_TS, HF_REPLY_SACK, ...                                 */
    uint8_t reason;        /* enum hf_send_reason                                             */
    uint8_t state;         /* enum hf_state, for the trace                                    */
    uint8_t tos, ttl;
};

enum { HF_REPLY_TCP = 1, HF_REPLY_RAW = 2, HF_REPLY_FRAME = 3 /* of an Ethernet link */ };
/* With TS_CLOCK, tsval is what is to be added to the clock when the reply leaves. */
enum {
    HF_REPLY_TS = 1,
    HF_REPLY_SACK = 2,
    HF_REPLY_TS_CLOCK = 4,
    HF_REPLY_FAST_OPEN = 8, /* with a cookie, which is made when it leaves ...                */
    HF_REPLY_FAST_OPEN_EXPERIMENTAL = 16 /* ... and in this form                              */
};

#define HF_REPLIES_FIRST 64u /* a ring has at least so many places                             */
#define HF_REPLIES_MAX 8192u /* that may wait on a link, at the most                          */

struct hf_replies {
    struct hf_reply *ring;
    uint32_t size, first, count; /* size is a power of two                                    */
};

/* What half-open and TIME-WAIT entries have spent of their challenge ACKs: they have no room for it
 * themselves. A place by keyed hash; whoever comes to a place anew begins anew. */
#define HF_LEDGER_PLACES 256u
struct hf_ledger_place {
    uint32_t hash, second;
    uint16_t spent;
};

/* What a segment has to be to continue the record that the sink holds last (tcp/trace_run.c). */
struct hf_trace_run {
    uint64_t stream;        /* connection, kind and reason in one; 0: nothing is to be continued */
    uint64_t numbers;       /* SEG.SEQ and SEG.ACK of the one that would follow               */
    uint16_t flags, window; /* as they stand in the header                                    */
    uint32_t segment_bytes; /* text of all segments but the last                              */
    uint64_t options[2];    /* as they lie in memory up to the SACK blocks                    */
    uint32_t left;          /* so many segments fit into the record yet                       */
    struct hf_trace_record *record;
};

/* What a handle that the application holds leads to: the connection's block may move. */
struct hf_handle {
    hf_ref ref;
    uint32_t generation; /* 0: nobody has it                                                  */
};

#define HF_HANDLE_SLAB 6u /* handles in a slab of their pool, as a power of two                */

/* TIME-WAIT entries of a family, by index. */
struct hf_time_wait_list {
    uint32_t oldest, newest;
};

struct hf_tcp;

#define HF_STRING_SIZES 6u

struct hf_env {
    hf_time now;    /* of the call that is running; hf_env_set_now sets it      */
    int64_t now_ms; /* the same, in larger units: asked for with each segment    */
    uint32_t now_s;
    const struct hf_settings *settings;
    const struct hf_unsafe *unsafe;
    bool no_fast_path;            /* unsafe->no_fast_path                                     */
    const struct hf_tcp *fresh; /* what a connection begins as                              */
    uint32_t rto_min_us, rto_max_us, tick_us; /* settings, in the units of rtt.c              */
    struct hf_budget budget;
    struct hf_chunks chunks;
    struct hf_pool conns, half_opens, listeners, time_waits, time_waits_ipv4; /* by hf_kind   */
    struct hf_pool asleep;          /* connections that nothing happens to                    */
    struct hf_pool strings[HF_STRING_SIZES]; /* what their entries have no field for          */
    int64_t swept_ms;               /* when the last of them were looked for ...              */
    uint32_t swept_takes, sweep_at; /* ... conns.takes then, and where that ended             */
    struct hf_pool handles;         /* of connections                                         */
    struct hf_pool actives, ranges; /* tcp's: active blocks, out-of-order ranges              */
    struct hf_pool record_ends;     /* tcp's: ends of records in send queues                  */
    struct hf_pool sents;           /* tcp's: records of what was sent                        */
    uint64_t sents_visited;         /* by searches and by loss detection: what they cost      */
    struct hf_table table;          /* of four-tuples                                         */
    struct hf_wheel wheel;
    struct hf_random random;
    uint8_t seed[16];
    struct hf_replies replies[HF_LINKS_MAX + 1];
    hf_trace_fn trace;
    void *trace_context;
    struct hf_trace_record *const *trace_last; /* as in hf_stack_config                       */
    struct hf_trace_run run;
    uint16_t id;                  /* of the stack, in trace records                           */
    struct hf_key isn_key, cookie_key; /* one for each purpose              */
    struct hf_key fast_open_key[2];    /* RFC 7413: the second is still good */
    uint8_t fast_open_keys;            /* how many there are                 */
    uint8_t fast_open_cookie[8];       /* the one that is being written      */
    uint32_t fast_open_pending;        /* connections that wait for their third segment       */
    struct hf_path_notes *path_notes; /* tcp's; NULL until there is something to keep           */
    struct hf_fast_open_server *fast_open_servers; /* tcp's; NULL until one is known          */
    hf_checksum_fn checksum;
    struct hf_stack_counters counters;

    /* Lists of connections and listeners, first in first out, linked by their own fields. */
    uint16_t link_mtu[HF_LINKS_MAX + 1];
    uint32_t link_features[HF_LINKS_MAX + 1]; /* HF_LINK_...                                  */
    uint32_t link_gso[HF_LINKS_MAX + 1]; /* largest super-segment that it cuts, bytes; 0: none */
    struct hf_ledger_place ledger[HF_LEDGER_PLACES];
    hf_time cookie_sent_at;
    uint32_t reset_s, reset_spent; /* resets without a connection, this second                */
    uint32_t listener_by_port[64], listener_any_port; /* chains of listeners                 */
    hf_time time_wait_newest;                         /* when the newest entry was made      */
    struct hf_time_wait_list time_wait, time_wait_ipv4;
    hf_time time_wait_quiet_till;  /* no entry ends before; it may be that none does then      */
    hf_ref time_wait_ahead;        /* the entry that ends next ...                             */
    uint64_t time_wait_ahead_hash; /* ... and its hash: its slot has been asked for            */
    /* What tcp tells ip of the way to a host, for neighbours on Ethernet; the stack passes it on. */
    bool progress;                                    /* new ACKs, or new text                */
    uint8_t doubt_link, doubt[16];                    /* R1 was passed (MUST-20); link 0: no  */
    hf_ref ready_first, ready_last;                   /* have news for the application       */
    hf_ref output_first[HF_LINKS_MAX + 1], output_last[HF_LINKS_MAX + 1]; /* may have to send */
};

static inline void hf_env_set_now(struct hf_env *env, hf_time now)
{
    env->now = now;
    env->now_ms = now / HF_MS;
    env->now_s = (uint32_t)(now / HF_SEC);
}

/* The sum of a piece, which may be a few bytes only. */
static inline uint32_t hf_env_sum(const struct hf_env *env, const uint8_t *data, uint32_t len)
{
    return len <= HF_CHECKSUM_FEW ? hf_checksum_few(data, len) : env->checksum(data, len, 0);
}

/* A place in the link's reply ring, zeroed but for link; NULL when it is full (counted). */
struct hf_reply *hf_env_reply(struct hf_env *env, unsigned link);

/* The ring is empty: what a burst made it grow by goes back. */
void hf_env_replies_rest(struct hf_env *env, struct hf_replies *replies);

/* Count a drop, and trace it when there is a sink. `conn` is a connection's trace id or 0; packet
 * may be NULL. */
void hf_env_drop(struct hf_env *env, enum hf_drop reason, uint32_t conn, uint8_t state,
                 const struct hf_packet *packet);

/* Hand a record to the sink: time and stack are filled in here. Call only if env->trace. */
void hf_env_trace(struct hf_env *env, struct hf_trace_record *record,
                  const struct hf_packet *packet);

#endif
