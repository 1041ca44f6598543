/* Runs on a link that knows nothing of them. Cutting comes at the last moment, behind the stack and in
 * front of the driver, so that the stack builds one header for many segments whatever the link can do;
 * it stands here because a link is what has to be fed with segments. Merging here is by chance, for
 * tests: what a card with offload might do, in every pattern. (What pays is merging inside the stack,
 * HF_LINK_MERGE, which copies nothing.) */
#include "link/runs.h"

#include <handfast/stack.h>

#include <stdlib.h>

#define CUT_AT_ONCE 16

struct hf_runs {
    uint32_t (*checksum)(const void *, size_t, uint32_t);
    unsigned merge; /* chance in 100                                                          */
    uint64_t dice;
    uint8_t *merged; /* the runs of the last receive                                          */
    uint32_t room;
};

int hf_link_runs(struct hf_link *link, const struct hf_runs_config *config)
{
    if (config->size < sizeof *config || config->merge > 100 || config->cut_max > 65535 ||
        link->kind != HF_LINK_IP)
        return HF_ERR_ARGUMENT;
    if (link->runs || (config->cut_max && link->gso_max))
        return HF_ERR_EXISTS;
    struct hf_runs *runs = calloc(1, sizeof *runs);
    if (!runs)
        return HF_ERR_MEMORY;
    runs->checksum = config->checksum;
    runs->merge = config->merge;
    runs->dice = config->seed;
    link->runs = runs;
    if (config->cut_max) {
        link->gso_max = config->cut_max;
        link->features |= HF_LINK_CHECKSUM_OUT;
        link->cuts = true;
    }
    return HF_OK;
}

void hf_runs_free(struct hf_runs *runs)
{
    if (!runs)
        return;
    free(runs->merged);
    free(runs);
}

/* ---- Out ---- */

/* One packet, in its segments. Returns how many were sent, or an error; *all: none was lost. */
static int64_t send_run(struct hf_link *link, const struct hf_packet *run, bool *all)
{
    struct hf_packet cut[CUT_AT_ONCE];
    uint32_t done = 0;
    *all = true;
    for (size_t n; (n = hf_packet_cut(run, done, cut, CUT_AT_ONCE, link->runs->checksum)) > 0;
         done += (uint32_t)n) {
        int64_t sent = link->ops->send(link, cut, n);
        if (sent < 0)
            return sent;
        *all = *all && (size_t)sent == n;
    }
    if (done == 0) { /* no run that anybody could have built */
        link->lost++;
        *all = false;
    }
    return done;
}

static bool is_run(const struct hf_packet *packet)
{
    return packet->segments > 1 || packet->checksum == HF_CHECKSUM_PARTIAL;
}

int64_t hf_runs_send(struct hf_link *link, const struct hf_packet *packets, size_t n)
{
    int64_t sent = 0;
    for (size_t i = 0, whole; i < n; i += whole) {
        bool all = true;
        for (whole = 0; i + whole < n && !is_run(&packets[i + whole]); whole++)
            continue;
        int64_t some = whole > 0 ? link->ops->send(link, &packets[i], whole)
                                 : send_run(link, &packets[i], &all);
        if (some < 0)
            return some;
        sent += whole > 0 ? some : all;
        whole = whole > 0 ? whole : 1;
    }
    return sent;
}

/* ---- In ---- */

static unsigned roll(struct hf_runs *runs, size_t below)
{
    runs->dice = runs->dice * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((runs->dice >> 33) % below);
}

static bool make_room(struct hf_runs *runs, const struct hf_packet *packets, size_t n)
{
    uint32_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += packets[i].len;
    if (total <= runs->room)
        return true;
    uint8_t *more = realloc(runs->merged, total);
    if (!more)
        return false;
    runs->merged = more;
    runs->room = total;
    return true;
}

size_t hf_runs_receive(struct hf_runs *runs, struct hf_packet *packets, size_t n)
{
    size_t kept = 0;
    uint32_t at = 0;
    if (!runs->merge || n < 2 || !make_room(runs, packets, n))
        return n;
    for (size_t i = 0, taken; i < n; i += taken) {
        struct hf_packet merged;
        taken = 1;
        if (roll(runs, 100) < runs->merge)
            taken = hf_packet_merge(&packets[i], 1 + roll(runs, n - i), runs->merged + at,
                                    runs->room - at, &merged);
        if (taken > 1)
            at += merged.len;
        packets[kept++] = taken > 1 ? merged : packets[i];
    }
    return kept;
}
