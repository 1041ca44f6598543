/* The control connection: states and messages out, one message in at a time. What TCP has no room
 * for waits here; it is never more than one set of results. */
#include "perf.h"

#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

void perf_control_flush(struct perf_control *control)
{
    if (control->unsent_len == 0)
        return;
    int64_t n = hf_tcp_send(control->network->stack, control->conn, control->unsent,
                            control->unsent_len, 0);
    if (n <= 0)
        return;
    control->unsent_len -= (size_t)n;
    memmove(control->unsent, control->unsent + n, control->unsent_len);
}

bool perf_control_bytes(struct perf_control *control, const void *bytes, size_t len)
{
    uint8_t *more = realloc(control->unsent, control->unsent_len + len);
    if (!more)
        return false;
    memcpy(more + control->unsent_len, bytes, len);
    control->unsent = more;
    control->unsent_len += len;
    perf_control_flush(control);
    return true;
}

bool perf_control_state(struct perf_control *control, enum iperf_state state)
{
    int8_t byte = (int8_t)state;
    return perf_control_bytes(control, &byte, 1);
}

bool perf_control_json(struct perf_control *control, char *json)
{
    size_t len = json ? strlen(json) : 0;
    const uint8_t head[4] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                             (uint8_t)len};
    bool good = json && perf_control_bytes(control, head, sizeof head) &&
                perf_control_bytes(control, json, len);
    cJSON_free(json);
    return good;
}

int perf_control_read(struct perf_control *control, struct iperf_fault *fault)
{
    struct hf_stack *stack = control->network->stack;
    const void *bytes;
    int64_t n;
    while (!iperf_whole(&control->reader) &&
           (n = hf_tcp_peek(stack, control->conn, &bytes)) != 0) {
        if (n < 0) {
            control->eof = true;
            return 0;
        }
        int64_t used = iperf_feed(&control->reader, bytes, (size_t)n, fault);
        if (used < 0)
            return -1;
        (void)hf_tcp_consume(stack, control->conn, (size_t)used);
    }
    return iperf_whole(&control->reader);
}

void perf_control_free(struct perf_control *control)
{
    iperf_reader_free(&control->reader);
    free(control->unsent);
    control->unsent = NULL;
    control->unsent_len = 0;
}
