/* What is known of connections, for programs: one JSON document, written as it comes. */
#include "capture.h"
#include "json.h"

#include <inttypes.h>

static double seconds(hf_time time)
{
    return (double)time / (double)HF_SEC;
}

void explain_json_begin(FILE *to, const char *name)
{
    (void)fputs("{\"file\": ", to);
    json_text(to, name);
    (void)fputs(", \"connections\": [", to);
}

static uint64_t resends(const struct hf_explained_end *end)
{
    return (uint64_t)end->counts[HF_EXPLAIN_RTO] + end->counts[HF_EXPLAIN_FAST] +
           end->counts[HF_EXPLAIN_TLP] + end->counts[HF_EXPLAIN_RESENT];
}

static void put_end(FILE *to, const struct hf_explained_end *end)
{
    char addr[HF_ADDR_TEXT];
    (void)fprintf(to,
                  "{\"address\": \"%s\", \"port\": %u, \"captured\": %s, \"packets\": %" PRIu64
                  ", \"bytes\": %" PRIu64 ", \"state\": \"%s\", \"inferred\": %s",
                  hf_addr_format(&end->endpoint.addr, addr), end->endpoint.port,
                  end->seen ? "true" : "false", end->packets, end->bytes,
                  hf_state_text(end->state), end->told ? "false" : "true");
    if (end->told && end->cause != HF_CAUSE_NONE)
        (void)fprintf(to, ", \"cause\": \"%s\"", hf_cause_name(end->cause));
    if (end->syn)
        (void)fprintf(to, ", \"syn\": %" PRIu64 ", \"mss\": %u, \"sack\": %s, \"timestamps\": %s",
                      end->syn, end->mss, end->sack_permitted ? "true" : "false",
                      end->timestamps ? "true" : "false");
    if (end->wscale != 0xff)
        (void)fprintf(to, ", \"window_scale\": %u", end->wscale);
    if (end->fin)
        (void)fprintf(to, ", \"fin\": %" PRIu64, end->fin);
    if (end->fin_acked)
        (void)fprintf(to, ", \"fin_acked\": %" PRIu64, end->fin_acked);
    if (end->srtt)
        (void)fprintf(to, ", \"srtt\": %.6f", seconds(end->srtt));
    (void)fprintf(to,
                  ", \"waits_for\": \"%s\", \"unacknowledged\": %" PRIu32
                  ", \"retransmissions\": %" PRIu64 ", \"counts\": {",
                  hf_explain_wait_name(end->wait), end->unacked, resends(end));
    const char *before = "";
    for (int kind = 0; kind < HF_EXPLAIN_COUNT; kind++) {
        if (!end->counts[kind])
            continue;
        (void)fprintf(to, "%s\"%s\": %" PRIu32, before, hf_explain_event_name(kind),
                      end->counts[kind]);
        before = ", ";
    }
    (void)fputs("}}", to);
}

static void put_event(FILE *to, const struct hf_explain_event *event)
{
    (void)fprintf(to,
                  "{\"event\": \"%s\", \"end\": \"%c\", \"packet\": %" PRIu64 ", \"time\": %.6f",
                  hf_explain_event_name(event->kind), "AB"[event->end], event -> packet,
                  seconds(event->time));
    if (event->count > 1)
        (void)fprintf(to, ", \"count\": %" PRIu32 ", \"last_packet\": %" PRIu64, event->count,
                      event->last_packet);
    if (event->bytes)
        (void)fprintf(to, ", \"bytes\": %" PRIu32, event->bytes);
    if (event->duration)
        (void)fprintf(to, ", \"duration\": %.6f", seconds(event->duration));
    if (event->about)
        (void)fprintf(to, ", \"%s\": %" PRIu64,
                      event->kind == HF_EXPLAIN_PORT_REUSE ? "connection" : "about",
                      event->about);
    (void)fputc('}', to);
}

void explain_json(FILE *to, const struct capture *capture, const struct hf_explained *c)
{
    static const void *last; /* the file that has a connection already */
    char sentence[HF_EXPLAIN_SENTENCE];
    (void)fprintf(to,
                  "%s\n{\"number\": %" PRIu32 ", \"start\": %.6f, \"duration\": %.6f, "
                  "\"first_packet\": %" PRIu64 ", \"last_packet\": %" PRIu64
                  ", \"ending\": \"%s\", \"sentence\": ",
                  last == to ? "," : "", c->number, seconds(capture->wall_ns + c->first_time),
                  seconds(c->last_time - c->first_time), c->first_packet, c->last_packet,
                  hf_explain_ending_name(c->ending));
    last = to;
    json_text(to, hf_explain_sentence_words(c, explain_language(), sentence));
    if (c->handshake > 0)
        (void)fprintf(to, ", \"handshake\": %.6f", seconds(c->handshake));
    if (c->before)
        (void)fprintf(to, ", \"ports_of\": %" PRIu64, c->before);
    if (c->reset_packet)
        (void)fprintf(to,
                      ", \"reset\": {\"by\": \"%c\", \"packet\": %" PRIu64
                      ", \"cause\": \"%s\", \"between\": %s}",
                      "AB"[c->reset_by], c -> reset_packet, hf_explain_reset_name(c->reset_cause),
                      c -> reset_ttl != c -> usual_ttl ? "true" : "false");
    (void)fprintf(to, ", \"midway\": %s, \"put_aside\": %s, \"ends\": [",
                  c->midway ? "true" : "false", c->put_aside ? "true" : "false");
    put_end(to, &c->end[0]);
    (void)fputs(", ", to);
    put_end(to, &c->end[1]);
    (void)fputs("], \"events\": [", to);
    for (uint32_t i = 0; i < c->event_count; i++) {
        (void)fputs(i ? ",\n  " : "\n  ", to);
        put_event(to, &c->events[i]);
    }
    (void)fprintf(to, "], \"events_left_out\": %" PRIu32 "}", c->events_left_out);
}

void explain_json_end(FILE *to, const struct capture *capture, const struct hf_explain_totals *t)
{
    (void)fprintf(to,
                  "\n], \"totals\": {\"packets\": %" PRIu64 ", \"bytes\": %" PRIu64
                  ", \"segments\": %" PRIu64 ", \"connections\": %" PRIu32 ", \"other\": %" PRIu64
                  ", \"fragments\": %" PRIu64 ", \"broken\": %" PRIu64 ", \"backwards\": %" PRIu64
                  ", \"put_aside\": %" PRIu32,
                  capture->packets, t->bytes, t->segments, t->connections, t->other, t->fragments,
                  t->broken, t->backwards, t->put_aside);
    if (*capture->note) {
        (void)fputs(", \"note\": ", to);
        json_text(to, capture->note);
    }
    (void)fputs("}}\n", to);
}
