/* Everything here may come from a stranger: a length is checked before memory is taken for it, a
 * number before it is turned into an integer, and what is refused is named in one line. cJSON
 * bounds the depth of what it reads. */
#include "iperf.h"

#include <cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MSS_MAX 32767
#define BLOCK 131072 /* iperf3's default for TCP */
#define RATE_MAX 1e15

__attribute__((format(printf, 3, 4))) static bool refuse(struct iperf_fault *fault, int error,
                                                         const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fault->error = error;
    (void)vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    return false;
}

const char *iperf_state_text(int state, char *text)
{
    switch (state) {
    case IPERF_SERVER_ERROR:
        return "SERVER_ERROR";
    case IPERF_ACCESS_DENIED:
        return "ACCESS_DENIED";
    case IPERF_TEST_START:
        return "TEST_START";
    case IPERF_TEST_RUNNING:
        return "TEST_RUNNING";
    case IPERF_TEST_END:
        return "TEST_END";
    case IPERF_PARAM_EXCHANGE:
        return "PARAM_EXCHANGE";
    case IPERF_CREATE_STREAMS:
        return "CREATE_STREAMS";
    case IPERF_SERVER_TERMINATE:
        return "SERVER_TERMINATE";
    case IPERF_CLIENT_TERMINATE:
        return "CLIENT_TERMINATE";
    case IPERF_EXCHANGE_RESULTS:
        return "EXCHANGE_RESULTS";
    case IPERF_DISPLAY_RESULTS:
        return "DISPLAY_RESULTS";
    case IPERF_DONE:
        return "IPERF_DONE";
    default:
        (void)snprintf(text, 16, "state %d", (int)(int8_t)state);
        return text;
    }
}

const char *iperf_error_text(int error)
{
    static const struct {
        int error;
        const char *text;
    } texts[] = {
        {IPERF_E_DURATION, "a test of that length is not allowed"},
        {IPERF_E_STREAMS, "too many streams"},
        {IPERF_E_BLOCK, "a block of that size is not allowed"},
        {IPERF_E_WINDOW, "a window of that size is not allowed"},
        {IPERF_E_MSS, "an MSS of that size is not allowed"},
        {IPERF_E_OMIT, "the time to omit is not allowed"},
        {IPERF_E_UNSUPPORTED, "something it was asked for is not implemented there"},
        {IPERF_E_END, "more than one end was asked for"},
        {27, "its limit of bandwidth is lower"},
        {37, "its limit of time is lower"},
        {IPERF_E_MESSAGE, "it did not understand a message"},
        {IPERF_E_PARAMS, "it could not read the parameters"},
        {IPERF_E_RESULTS, "it could not read the results"},
        {IPERF_E_CONGESTION, "it has no such congestion controller"},
        {142, "it wants a user name and a password"},
        {IPERF_E_SILENCE, "it heard nothing for too long"},
        {160, "its limit of time is over"},
        {205, "a stream could not be written to"},
        {206, "a stream could not be read from"},
        {IPERF_E_STREAM, "a stream ended too early"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].error == error)
            return texts[i].text;
    return "an error of its own";
}

void iperf_cookie(const uint8_t random[IPERF_COOKIE - 1], char cookie[IPERF_COOKIE])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    for (size_t i = 0; i + 1 < IPERF_COOKIE; i++)
        cookie[i] = letters[random[i] % 32];
    cookie[IPERF_COOKIE - 1] = 0;
}

unsigned iperf_stream_id(unsigned place)
{
    return place == 0 ? 1 : place + 2;
}

/* ---- Out of JSON ---- */

/* A number, if it is there. Returns false, and *fault, when it is none, or outside. */
static bool number(const cJSON *object, const char *name, double min, double max, int error,
                   double *value, struct iperf_fault *fault)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!item || cJSON_IsNull(item)) /* what is no number is written as null */
        return true;
    if (!cJSON_IsNumber(item))
        return refuse(fault, error, "\"%s\" is not a number", name);
    if (!(item->valuedouble >= min && item->valuedouble <= max))
        return refuse(fault, error, "\"%s\" is %.17g; from %.17g to %.17g is allowed", name,
                      item->valuedouble, min, max);
    *value = item->valuedouble;
    return true;
}

/* The same for what may be -1, which iperf3 writes as 2^64 - 1. */
static bool count(const cJSON *object, const char *name, int error, double *value,
                  struct iperf_fault *fault)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    *value = -1;
    if (cJSON_IsNumber(item) && item->valuedouble == 0x1p64)
        return true;
    return number(object, name, -1, 0x1p40, error, value, fault);
}

static bool whole(const cJSON *object, const char *name, double min, double max, int error,
                  uint64_t *value, struct iperf_fault *fault)
{
    double real = (double)*value;
    if (!number(object, name, min, max, error, &real, fault))
        return false;
    if (real != floor(real))
        return refuse(fault, error, "\"%s\" is %.17g; a whole number is allowed", name, real);
    *value = (uint64_t)real;
    return true;
}

static bool whole32(const cJSON *object, const char *name, double min, double max, int error,
                    uint32_t *value, struct iperf_fault *fault)
{
    uint64_t wide = *value;
    if (!whole(object, name, min, max, error, &wide, fault))
        return false;
    *value = (uint32_t)wide;
    return true;
}

static bool flag(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsTrue(item) || (cJSON_IsNumber(item) && item->valuedouble != 0);
}

static bool name_of(const cJSON *object, const char *key, int error, char name[IPERF_NAME],
                    struct iperf_fault *fault)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!item)
        return true;
    if (!cJSON_IsString(item) || !item->valuestring)
        return refuse(fault, error, "\"%s\" is not text", key);
    size_t len = strlen(item->valuestring);
    bool plain = len < IPERF_NAME;
    for (size_t i = 0; plain && i < len; i++)
        plain = item->valuestring[i] > ' ' && item->valuestring[i] < 0x7f;
    if (!plain)
        return refuse(fault, error, "\"%s\" is not a name of up to %d printing characters", key,
                      IPERF_NAME - 1);
    memcpy(name, item->valuestring, len + 1);
    return true;
}

static cJSON *object_in(const char *text, size_t len, int error, struct iperf_fault *fault)
{
    cJSON *json = cJSON_ParseWithLength(text, len);
    if (cJSON_IsObject(json))
        return json;
    (void)refuse(fault, error, "%zu bytes that are no JSON object", len);
    cJSON_Delete(json);
    return NULL;
}

/* ---- Parameters ---- */

char *iperf_params_write(const struct iperf_params *params)
{
    cJSON *json = cJSON_CreateObject();
    (void)cJSON_AddTrueToObject(json, "tcp");
    (void)cJSON_AddNumberToObject(json, "omit", params->omit);
    (void)cJSON_AddNumberToObject(json, "time", params->seconds);
    (void)cJSON_AddNumberToObject(json, "num", (double)params->bytes);
    (void)cJSON_AddNumberToObject(json, "blockcount", 0);
    (void)cJSON_AddNumberToObject(json, "parallel", params->streams);
    (void)cJSON_AddNumberToObject(json, "len", params->block);
    (void)cJSON_AddNumberToObject(json, "pacing_timer", 1000);
    if (params->reverse)
        (void)cJSON_AddTrueToObject(json, "reverse");
    if (params->both)
        (void)cJSON_AddTrueToObject(json, "bidirectional");
    if (params->nodelay)
        (void)cJSON_AddTrueToObject(json, "nodelay");
    if (params->mss)
        (void)cJSON_AddNumberToObject(json, "MSS", params->mss);
    if (params->window)
        (void)cJSON_AddNumberToObject(json, "window", params->window);
    if (params->rate)
        (void)cJSON_AddNumberToObject(json, "bandwidth", (double)params->rate);
    if (params->tos)
        (void)cJSON_AddNumberToObject(json, "TOS", params->tos);
    if (*params->congestion)
        (void)cJSON_AddStringToObject(json, "congestion", params->congestion);
    (void)cJSON_AddStringToObject(json, "client_version", "3.12");
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}

static bool read_end(const cJSON *json, struct iperf_params *p, struct iperf_fault *fault)
{
    uint64_t blocks = 0;
    if (p->block == 0)
        p->block = BLOCK; /* as the other side's default has it */
    if (!number(json, "time", 0, IPERF_SECONDS_MAX, IPERF_E_DURATION, &p->seconds, fault) ||
        !number(json, "omit", 0, IPERF_OMIT_MAX, IPERF_E_OMIT, &p->omit, fault) ||
        !whole(json, "num", 0, 0x1p60, IPERF_E_END, &p->bytes, fault) ||
        !whole(json, "blockcount", 0, 0x1p40, IPERF_E_END, &blocks, fault))
        return false;
    if (p->bytes == 0)
        p->bytes = blocks * p->block;
    if (p->bytes > 0)
        p->seconds = 0; /* iperf3's client says its default besides */
    else if (p->seconds <= 0)
        p->seconds = IPERF_SECONDS_MAX; /* -t 0: until the client ends it */
    return true;
}

bool iperf_params_read(const char *text, size_t len, struct iperf_params *params,
                       struct iperf_fault *fault)
{
    struct iperf_params p = {.streams = 1, .block = BLOCK};
    uint32_t tos = 0;
    cJSON *json = object_in(text, len, IPERF_E_PARAMS, fault);
    if (!json)
        return false;
    p.reverse = flag(json, "reverse");
    p.both = flag(json, "bidirectional");
    p.nodelay = flag(json, "nodelay");
    bool good = whole32(json, "parallel", 1, IPERF_WAY_MAX, IPERF_E_STREAMS, &p.streams, fault) &&
                whole32(json, "len", 0, IPERF_BLOCK_MAX, IPERF_E_BLOCK, &p.block, fault) &&
                whole32(json, "window", 0, IPERF_WINDOW_MAX, IPERF_E_WINDOW, &p.window, fault) &&
                whole32(json, "MSS", 0, MSS_MAX, IPERF_E_MSS, &p.mss, fault) &&
                whole32(json, "TOS", 0, 255, IPERF_E_TOS, &tos, fault) &&
                whole(json, "bandwidth", 0, RATE_MAX, IPERF_E_UNSUPPORTED, &p.rate, fault) &&
                name_of(json, "congestion", IPERF_E_CONGESTION, p.congestion, fault) &&
                read_end(json, &p, fault);
    if (good && flag(json, "udp"))
        good = refuse(fault, IPERF_E_UNSUPPORTED, "UDP is asked for; only TCP is spoken here");
    if (good && flag(json, "sctp"))
        good = refuse(fault, IPERF_E_UNSUPPORTED, "SCTP is asked for; only TCP is spoken here");
    if (good && p.reverse && p.both)
        good = refuse(fault, IPERF_E_BOTH_WAYS, "\"reverse\" and \"bidirectional\" at once");
    cJSON_Delete(json);
    p.tos = (uint8_t)tos;
    if (good)
        *params = p;
    return good;
}

/* ---- Results ---- */

char *iperf_results_write(const struct iperf_results *results)
{
    static const char *const cpu[] = {"cpu_util_total", "cpu_util_user", "cpu_util_system"};
    cJSON *json = cJSON_CreateObject();
    for (int i = 0; i < 3; i++)
        (void)cJSON_AddNumberToObject(json, cpu[i], results->cpu[i]);
    (void)cJSON_AddNumberToObject(json, "sender_has_retransmits", results->retransmits_known);
    if (*results->congestion)
        (void)cJSON_AddStringToObject(json, "congestion_used", results->congestion);
    cJSON *streams = cJSON_AddArrayToObject(json, "streams");
    for (unsigned i = 0; i < results->count; i++) {
        const struct iperf_stream_result *r = &results->stream[i];
        cJSON *stream = cJSON_CreateObject();
        (void)cJSON_AddNumberToObject(stream, "id", r->id);
        (void)cJSON_AddNumberToObject(stream, "bytes", (double)r->bytes);
        (void)cJSON_AddNumberToObject(stream, "retransmits", (double)r->retransmits);
        (void)cJSON_AddNumberToObject(stream, "jitter", 0);
        (void)cJSON_AddNumberToObject(stream, "errors", 0);
        (void)cJSON_AddNumberToObject(stream, "packets", 0);
        (void)cJSON_AddNumberToObject(stream, "start_time", 0);
        (void)cJSON_AddNumberToObject(stream, "end_time", r->seconds);
        (void)cJSON_AddItemToArray(streams, stream);
    }
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}

static bool read_stream(const cJSON *item, struct iperf_stream_result *r,
                        struct iperf_fault *fault)
{
    uint64_t id = 0;
    double retransmits = -1;
    double begin = 0;
    double end = 0;
    r->bytes = 0;
    if (!cJSON_IsObject(item))
        return refuse(fault, IPERF_E_RESULTS, "a stream's results are no JSON object");
    if (!whole(item, "id", 1, IPERF_STREAMS_MAX + 1, IPERF_E_RESULTS, &id, fault) ||
        !whole(item, "bytes", 0, 0x1p60, IPERF_E_RESULTS, &r->bytes, fault) ||
        !count(item, "retransmits", IPERF_E_RESULTS, &retransmits, fault) ||
        !number(item, "start_time", 0, 0x1p40, IPERF_E_RESULTS, &begin, fault) ||
        !number(item, "end_time", 0, 0x1p40, IPERF_E_RESULTS, &end, fault))
        return false;
    if (id == 0)
        return refuse(fault, IPERF_E_RESULTS, "a stream's results without \"id\"");
    r->id = (unsigned)id;
    r->retransmits = (int64_t)retransmits;
    r->seconds = end > begin ? end - begin : 0;
    return true;
}

static bool read_streams(const cJSON *list, unsigned streams, struct iperf_results *results,
                         struct iperf_fault *fault)
{
    bool seen[IPERF_STREAMS_MAX + 2] = {false};
    const cJSON *item;
    if (!cJSON_IsArray(list))
        return refuse(fault, IPERF_E_RESULTS, "\"streams\" is missing");
    cJSON_ArrayForEach(item, list)
    {
        if (results->count == streams)
            return refuse(fault, IPERF_E_RESULTS, "results of more than %u streams", streams);
        struct iperf_stream_result *r = &results->stream[results->count];
        if (!read_stream(item, r, fault))
            return false;
        if (seen[r->id])
            return refuse(fault, IPERF_E_RESULTS, "two results of stream %u", r->id);
        seen[r->id] = true;
        results->count++;
    }
    for (unsigned place = 0; place < streams; place++)
        if (!seen[iperf_stream_id(place)])
            return refuse(fault, IPERF_E_RESULTS, "no results of stream %u",
                          iperf_stream_id(place));
    return true;
}

bool iperf_results_read(const char *text, size_t len, unsigned streams,
                        struct iperf_results *results, struct iperf_fault *fault)
{
    static const char *const cpu[] = {"cpu_util_total", "cpu_util_user", "cpu_util_system"};
    double known = -1;
    cJSON *json = object_in(text, len, IPERF_E_RESULTS, fault);
    if (!json)
        return false;
    memset(results, 0, sizeof *results);
    bool good = true;
    for (int i = 0; good && i < 3; i++)
        good = number(json, cpu[i], 0, 1e6, IPERF_E_RESULTS, &results->cpu[i], fault);
    good =
        good && count(json, "sender_has_retransmits", IPERF_E_RESULTS, &known, fault) &&
        name_of(json, "congestion_used", IPERF_E_RESULTS, results->congestion, fault) &&
        read_streams(cJSON_GetObjectItemCaseSensitive(json, "streams"), streams, results, fault);
    results->retransmits_known = known < 0 ? -1 : known > 0;
    cJSON_Delete(json);
    return good;
}

/* ---- Reading one message ---- */

static bool begin(struct iperf_reader *reader, size_t want, size_t json_max)
{
    uint8_t *bytes = realloc(reader->bytes, want);
    if (!bytes)
        return false;
    *reader = (struct iperf_reader){.bytes = bytes, .want = want, .json_max = json_max};
    return true;
}

bool iperf_expect(struct iperf_reader *reader, size_t bytes)
{
    return begin(reader, bytes, 0);
}

bool iperf_expect_json(struct iperf_reader *reader, size_t max)
{
    return begin(reader, 4, max);
}

bool iperf_whole(const struct iperf_reader *reader)
{
    return reader->json_max == 0 && reader->have == reader->want;
}

static size_t take(struct iperf_reader *reader, const uint8_t *bytes, size_t len)
{
    size_t n = reader->want - reader->have;
    n = n < len ? n : len;
    if (n > 0)
        memcpy(reader->bytes + reader->have, bytes, n);
    reader->have += n;
    return n;
}

/* The length is here: make room for what it announces. */
static bool length_is_known(struct iperf_reader *reader, struct iperf_fault *fault)
{
    const uint8_t *b = reader->bytes;
    size_t len = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
    if (len < 2 || len > reader->json_max)
        return refuse(fault, IPERF_E_MESSAGE,
                      "a message of %zu bytes is announced; from 2 to %zu are allowed", len,
                      reader->json_max);
    return begin(reader, len, 0) ||
           refuse(fault, IPERF_E_MESSAGE, "no memory for %zu bytes", len);
}

int64_t iperf_feed(struct iperf_reader *reader, const void *bytes, size_t len,
                   struct iperf_fault *fault)
{
    size_t used = take(reader, bytes, len);
    if (reader->json_max > 0 && reader->have == reader->want) {
        if (!length_is_known(reader, fault))
            return -1;
        used += take(reader, (const uint8_t *)bytes + used, len - used);
    }
    return (int64_t)used;
}

void iperf_reader_free(struct iperf_reader *reader)
{
    free(reader->bytes);
    *reader = (struct iperf_reader){0};
}
