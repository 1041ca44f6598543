/* A log a connection, of fixed size: HEAD records from its beginning, then a ring of the last. When
 * all logs are taken, the one that was silent longest gives way. */
#include "lab_live.h"
#include "json.h"
#include "lab_json.h"

#include <stdlib.h>
#include <string.h>

#define LOGS 32
#define HEAD 20 /* the open, and the first request                                            */
#define RING 100

struct log {
    uint32_t conn;   /* 0: free                                                                */
    uint64_t number; /* of the connection, in the order of their opening                      */
    hf_time last;
    bool opened;
    struct hf_trace_record open;
    uint64_t total; /* records, OPEN not counted                                             */
    struct hf_trace_record head[HEAD], ring[RING];
};

struct lab_live {
    uint64_t opened;
    struct log logs[LOGS];
};

struct lab_live *lab_live_create(void)
{
    return calloc(1, sizeof(struct lab_live));
}

void lab_live_destroy(struct lab_live *live)
{
    free(live);
}

/* ---- Keeping ---- */

static struct log *log_of(struct lab_live *live, uint32_t conn)
{
    struct log *oldest = &live->logs[0];
    for (size_t i = 0; i < LOGS; i++) {
        struct log *log = &live->logs[i];
        if (log->conn == conn)
            return log;
        if (log->conn == 0 || (oldest->conn != 0 && log->last < oldest->last))
            oldest = log;
    }
    memset(oldest, 0, sizeof *oldest);
    oldest->conn = conn;
    return oldest;
}

static void keep(struct log *log, const struct hf_trace_record *record)
{
    if (log->total < HEAD)
        log->head[log->total] = *record;
    else
        log->ring[(log->total - HEAD) % RING] = *record;
    log->total++;
}

static const struct hf_trace_record *kept(const struct log *log, uint64_t n)
{
    return n < HEAD ? &log->head[n] : &log->ring[(n - HEAD) % RING];
}

/* A connection begins; its SYN came just before. */
static void begin(struct lab_live *live, struct log *log, const struct hf_trace_record *record)
{
    struct hf_trace_record syn = {0};
    bool came = log->total > 0 && kept(log, log->total - 1)->kind == HF_TRACE_IN;
    if (came)
        syn = *kept(log, log->total - 1);
    log->total = 0;
    log->open = *record;
    log->opened = true;
    log->number = ++live->opened;
    if (came)
        keep(log, &syn);
}

void lab_live_record(void *context, const struct hf_trace_record *record,
                     const struct hf_packet *packet)
{
    struct lab_live *live = context;
    (void)packet;
    if (record->conn == 0 || record->kind == HF_TRACE_CONGESTION ||
        record->kind == HF_TRACE_TIMER)
        return; /* the ladder has no use for these */
    struct log *log = log_of(live, record->conn);
    log->last = record->time;
    if (record->kind == HF_TRACE_OPEN)
        begin(live, log, record);
    else
        keep(log, record);
}

/* ---- Drawing ---- */

static const struct log *find(const struct lab_live *live, const struct hf_endpoint *remote)
{
    size_t len = remote->addr.family == HF_IPV4 ? 4 : 16;
    for (size_t i = 0; i < LOGS; i++) {
        const struct log *log = &live->logs[i];
        if (log->conn != 0 && log->opened && log->open.u.open.family == remote->addr.family &&
            log->open.u.open.remote_port == remote->port &&
            memcmp(log->open.u.open.remote, remote->addr.bytes, len) == 0)
            return log;
    }
    return NULL;
}

/* Records that were pushed out of the ring. */
static uint64_t missing(const struct log *log)
{
    return log->total > HEAD + RING ? log->total - HEAD - RING : 0;
}

static void play(const struct log *log, struct hf_ladder *ladder)
{
    hf_ladder_record(ladder, &log->open, NULL);
    for (uint64_t n = 0; n < log->total; n++) {
        if (n == HEAD)
            n += missing(log);
        hf_ladder_record(ladder, kept(log, n), NULL);
    }
}

static void write_end(FILE *to, const char *name, int family, const uint8_t *bytes, uint16_t port)
{
    struct hf_endpoint end = {.port = port};
    char text[HF_ENDPOINT_TEXT];
    end.addr.family = (uint8_t)family;
    memcpy(end.addr.bytes, bytes, 16);
    json_name(to, ",", name);
    json_text(to, hf_endpoint_format(&end, text));
}

static void nowhere(void *context, const void *bytes, size_t len)
{
    (void)context;
    (void)bytes;
    (void)len;
}

bool lab_live_write(const struct lab_live *live, const struct hf_endpoint *remote, int language,
                    uint16_t width, FILE *to)
{
    const struct log *log = find(live, remote);
    if (!log)
        return false;
    struct hf_view_name name = {log->open.stack, "Handfast"};
    struct hf_ladder_config config = {
        .size = sizeof config,
        .write = nowhere,
        .language = (uint8_t)language,
        .names = &name,
        .name_count = 1,
        .peer_name = language == HF_CHINESE ? "你的浏览器一侧" : "your browser's side"};
    struct hf_ladder *ladder = hf_ladder_create(&config);
    if (!ladder)
        return false;
    play(log, ladder);
    struct hf_picture_config picture = {.width = width, .language = (uint8_t)language};
    char *svg = lab_picture(ladder, NULL, picture);
    if (svg) {
        (void)fprintf(to, "{\"live\":true,\"number\":%llu,\"records\":%llu,\"missing\":%llu",
                      (unsigned long long)log->number, (unsigned long long)log->total,
                      (unsigned long long)missing(log));
        write_end(to, "local", log->open.u.open.family, log->open.u.open.local,
                  log->open.u.open.local_port);
        write_end(to, "remote", log->open.u.open.family, log->open.u.open.remote,
                  log->open.u.open.remote_port);
        json_name(to, ",", "ends");
        (void)fputc('[', to);
        json_text(to, config.peer_name); /* it opened the connection */
        (void)fputs(",\"Handfast\"]", to);
        json_name(to, ",", "ladder");
        json_text(to, svg);
        json_name(to, ",", "steps");
        lab_json_steps(to, ladder, language);
        (void)fputs("}\n", to);
    }
    free(svg);
    hf_ladder_destroy(ladder);
    return svg != NULL;
}
