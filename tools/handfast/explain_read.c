/* Captures: pcap and pcapng by libpcap, and dumps of the flight recorder. A file is read in order,
 * once, through one buffer. What is damaged ends the reading; what came before it counts. */
#include "capture.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pcap/pcap.h>

#define BUFFER (256u * 1024)
#define LOOK_EVERY 4096u /* packets between looks at the clock, power of two                  */
#define RECORDING_MAX (HF_RECORDING_HEAD + 64u * 64 + HF_RECORDER_BYTES_MAX)

static hf_time clock_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (hf_time)now.tv_sec * HF_SEC + now.tv_nsec;
}

/* ---- Dumps of the flight recorder ---- */

struct playing {
    struct hf_explain *explain;
    hf_time first;
    bool begun;
};

/* Times count from the first segment that the dump holds. */
static void play(void *context, const struct hf_trace_record *record,
                 const struct hf_packet *packet)
{
    struct playing *playing = context;
    struct hf_trace_record shifted = *record;
    if (!playing->begun && record->kind != HF_TRACE_OPEN) {
        playing->begun = true;
        playing->first = record->time;
    }
    shifted.time = playing->begun ? record->time - playing->first : 0;
    hf_explain_record(playing->explain, &shifted, packet);
}

static int read_recording(FILE *file, const char *name, struct hf_explain *explain,
                          struct capture *capture)
{
    struct playing playing = {.explain = explain};
    struct hf_recording head;
    uint8_t *bytes = malloc(RECORDING_MAX);
    size_t len = bytes ? fread(bytes, 1, RECORDING_MAX, file) : 0;
    int status = EXIT_USAGE;
    if (hf_recording_head(bytes, len, &head) < 0) {
        (void)snprintf(
            capture->note, sizeof capture->note,
            "%s: neither a capture nor a flight recorder's dump of this version and byte order",
            name);
    } else {
        int played = hf_recording_play(bytes, len, play, &playing);
        struct hf_explain_totals totals;
        hf_explain_totals(explain, &totals);
        capture->recording = true;
        capture->recorded = head.total;
        capture->kept = head.records;
        capture->packets = totals.packets;
        capture->wall_ns = (int64_t)((uint64_t)head.wall_ns + (uint64_t)playing.first);
        if (played < 0)
            (void)snprintf(capture->note, sizeof capture->note, "%s: %s after segment %llu", name,
                           played == HF_EOF ? "cut off" : "damaged",
                           (unsigned long long)totals.packets);
        status = -1;
    }
    free(bytes);
    (void)fclose(file);
    return status;
}

/* ---- pcap and pcapng ---- */

static void read_packets(pcap_t *pcap, uint64_t size, struct hf_explain *explain,
                         struct capture *capture, const char *name)
{
    struct pcap_pkthdr *head;
    const u_char *bytes;
    struct progress progress;
    int type = pcap_datalink(pcap), got;
    hf_time first = 0;
    uint64_t dropped = 0;
    progress_begin(&progress, clock_now());
    if (!size)
        progress.shown = false;
    while ((got = pcap_next_ex(pcap, &head, &bytes)) == 1) {
        /* The time's fraction is in nanoseconds: asked for when the file was opened. */
        hf_time time = (hf_time)((uint64_t)head->ts.tv_sec * (uint64_t)HF_SEC) + head->ts.tv_usec;
        if (capture->packets++ == 0) {
            first = time;
            capture->wall_ns = time;
        }
        time = (hf_time)((uint64_t)time - (uint64_t)first);
        if (hf_explain_frame(explain, type, time, capture->packets, bytes, head->caplen,
                             head->len) < 0)
            dropped++;
        if ((capture->packets & (LOOK_EVERY - 1)) == 0 && progress.shown) {
            long at = ftell(pcap_file(pcap));
            progress_show(&progress, clock_now(), at > 0 ? (uint64_t)at : 0, size);
        }
    }
    progress_clear(&progress);
    if (got == PCAP_ERROR)
        (void)snprintf(capture->note, sizeof capture->note, "%s: after packet %llu: %s", name,
                       (unsigned long long)capture->packets, pcap_geterr(pcap));
    else if (dropped)
        (void)snprintf(capture->note, sizeof capture->note,
                       "%s: no memory for %llu packets, which are left out", name,
                       (unsigned long long)dropped);
}

static int refuse_link(pcap_t *pcap, const char *name, struct capture *capture)
{
    int type = pcap_datalink(pcap);
    const char *words = pcap_datalink_val_to_name(type);
    (void)snprintf(capture->note, sizeof capture->note,
                   "%s: link type %d (%s); wanted: Ethernet, raw IP, Linux cooked v1 or v2, "
                   "null or loop",
                   name, type, words ? words : "not known");
    return EXIT_USAGE;
}

/* How to unpack what begins with this byte, which no capture does; NULL: it is not packed. */
static const char *unpacker(int first)
{
    return first == 0x1f   ? "gzip -dc"
           : first == 0x28 ? "zstd -dc"
           : first == 0xfd ? "xz -dc"
                           : NULL;
}

static int read_pcap(FILE *file, int first, const char *name, uint64_t size,
                     struct hf_explain *explain, struct capture *capture)
{
    char error[PCAP_ERRBUF_SIZE] = "";
    int status = EXIT_USAGE;
    pcap_t *pcap =
        pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error);
    if (!pcap) {
        const char *unpack = unpacker(first);
        (void)snprintf(
            capture->note, sizeof capture->note,
            unpack ? "%s: not a capture; if it is a packed one: %s FILE | handfast explain -"
                   : "%s: not a capture: %s",
            name, unpack ? unpack : error);
        (void)fclose(file);
        return EXIT_USAGE;
    }
    if (!hf_frame_known(pcap_datalink(pcap))) {
        status = refuse_link(pcap, name, capture);
    } else {
        read_packets(pcap, size, explain, capture, name);
        if (capture->packets > 0 || !*capture->note)
            status = -1;
    }
    pcap_close(pcap); /* and the file */
    return status;
}

int capture_read(FILE *file, const char *name, uint64_t size, struct hf_explain *explain,
                 struct capture *capture)
{
    memset(capture, 0, sizeof *capture);
    (void)setvbuf(file, NULL, _IOFBF, BUFFER);
    int first = getc(file);
    if (first == EOF) {
        (void)snprintf(capture->note, sizeof capture->note, "%s: %s", name,
                       ferror(file) ? "cannot be read" : "empty, not a capture");
        (void)fclose(file);
        return EXIT_USAGE;
    }
    (void)ungetc(first, file);
    if (first == HF_RECORDING_MAGIC[0])
        return read_recording(file, name, explain, capture);
    return read_pcap(file, first, name, size, explain, capture);
}
