/* See run.h. A packet of a bulk transfer costs a few comparisons of words and its checksums here, and
 * then nothing above: that is what a run is for. */
#include "wire/run.h"

#include <string.h>

#include "base/checksum.h"
#include "wire/bytes.h"
#include "wire/ip.h"
#include "wire/tcp.h"

/* Flags that a segment of a run may have; of these, those that may differ. */
#define MAY_HAVE (HF_ACK | HF_PSH | HF_FIN | HF_ECE | HF_CWR)
#define MAY_DIFFER (HF_PSH | HF_FIN)

static bool same4(const uint8_t *a, const uint8_t *b)
{
    uint32_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x == y;
}

static bool same8(const uint8_t *a, const uint8_t *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x == y;
}

static bool same_words(const uint8_t *a, const uint8_t *b, uint32_t bytes)
{
    for (; bytes >= 8; bytes -= 8, a += 8, b += 8)
        if (!same8(a, b))
            return false;
    return bytes == 0 || same4(a, b);
}

bool hf_run_look(const struct hf_packet *packet, struct hf_run_part *part)
{
    const uint8_t *head = packet->slice[0].data;
    uint32_t len = packet->slice[0].len, total, ip;
    if (len < 40)
        return false;
    if (head[0] == 0x45) {
        ip = 20;
        total = hf_get16(head + 2);
        if (head[9] != HF_PROTO_TCP || (hf_get16(head + 6) & 0xbfff) != 0)
            return false;
    } else {
        ip = 40;
        total = 40u + hf_get16(head + 4);
        if (head[0] >> 4 != 6 || head[6] != HF_PROTO_TCP || len < 60)
            return false;
    }
    uint32_t headers = ip + (head[ip + 12] >> 4) * 4u;
    if (headers < ip + HF_TCP_HEADER || headers > len || total < headers)
        return false;
    unsigned flags = head[ip + 13];
    part->packet = packet;
    part->head = head;
    part->ip = ip;
    part->headers = headers;
    part->text = total - headers;
    part->may_join = part->text > 0 && total == packet->len && packet->segments <= 1 &&
                     flags & HF_ACK && !(flags & ~(unsigned)MAY_HAVE) &&
                     packet->checksum != HF_CHECKSUM_PARTIAL;
    return true;
}

void hf_run_begin(struct hf_run *run, const struct hf_run_part *part)
{
    const uint8_t *tcp = part->head + part->ip;
    run->first = part->packet;
    run->head = part->head;
    run->ip = part->ip;
    run->headers = part->headers;
    run->text = run->segment_bytes = part->text;
    run->next = hf_get32(tcp + 4) + part->text;
    run->segments = 1;
    run->verified = false;
    run->over = (tcp[13] & HF_FIN) != 0;
}

/* Addresses and ports lie side by side. */
bool hf_run_same_flow(const struct hf_run *run, const struct hf_run_part *part)
{
    const uint8_t *a = run->head, *b = part->head;
    if (!same4(a + run->ip, b + part->ip) || run->ip != part->ip)
        return false;
    return run->ip == 20 ? same8(a + 12, b + 12) : same_words(a + 8, b + 8, 32);
}

static bool is_next(const struct hf_run *run, const struct hf_run_part *part)
{
    const uint8_t *a = run->head, *b = part->head;
    const uint8_t *x = a + run->ip, *y = b + part->ip;
    if (run->over || hf_get32(y + 4) != run->next || part->headers != run->headers ||
        part->text > run->segment_bytes ||
        run->headers + run->text + part->text > HF_RUN_BYTES_MAX)
        return false;
    if (!same4(x + 8, y + 8) || x[12] != y[12] || ((x[13] ^ y[13]) & ~MAY_DIFFER) != 0 ||
        x[14] != y[14] || x[15] != y[15])
        return false;
    if (!same_words(x + HF_TCP_HEADER, y + HF_TCP_HEADER, run->headers - run->ip - HF_TCP_HEADER))
        return false;
    if (run->ip == 20) /* DSCP and ECN; DF, TTL: the ID may differ */
        return a[1] == b[1] && a[6] == b[6] && a[8] == b[8];
    return same4(a, b) && a[7] == b[7];
}

static bool is_sound(const struct hf_packet *packet, const uint8_t *head, uint32_t ip,
                     bool trusted, hf_checksum_fn checksum)
{
    if (ip == 20 && hf_checksum_fold(hf_checksum_native(head, 5)) != 0xffff)
        return false;
    if (trusted && packet->checksum == HF_CHECKSUM_VERIFIED)
        return true;
    uint64_t native =
        ip == 20 ? hf_checksum_native(head + 12, 2) : hf_checksum_native(head + 8, 8);
    uint32_t first = packet->slice[0].len - ip, header = (head[ip + 12] >> 4) * 4u;
    native = hf_checksum_join(native, hf_checksum_native(head + ip, header / 4));
    uint32_t sum = hf_checksum_of_native(native, HF_PROTO_TCP + packet->len - ip), at = header;
    if (first > header) {
        sum = checksum(head + ip + header, first - header, sum);
        at = first;
    }
    for (unsigned i = 1; i < packet->slices; i++) {
        const struct hf_slice *s = &packet->slice[i];
        sum = hf_checksum_combine(sum, at, checksum(s->data, s->len, 0));
        at += s->len;
    }
    return hf_checksum_finish(sum) == 0;
}

bool hf_run_join(struct hf_run *run, const struct hf_run_part *part, bool trusted,
                 hf_checksum_fn checksum)
{
    if (!part->may_join || !is_next(run, part))
        return false;
    if (!run->verified) {
        run->verified = is_sound(run->first, run->head, run->ip, trusted, checksum);
        if (!run->verified) {
            run->over = true;
            return false;
        }
    }
    if (!is_sound(part->packet, part->head, part->ip, trusted, checksum))
        return false;
    run->text += part->text;
    run->next += part->text;
    run->segments++;
    run->over = part->text < run->segment_bytes || part->head[part->ip + 13] & HF_FIN;
    return true;
}

/* ---- As one packet ---- */

/* Lengths and both checksums of what lies at dst, `len` bytes. */
static void finish(const struct hf_run *run, uint8_t *dst, uint32_t len)
{
    uint8_t *tcp = dst + run->ip;
    uint32_t tcp_len = len - run->ip;
    uint64_t addresses;
    if (run->ip == 20) {
        addresses = hf_checksum_native(dst + 12, 2);
        hf_put16(dst + 2, len);
        hf_put16(dst + 10, 0);
        hf_put16(dst + 10, hf_checksum_finish(hf_checksum_words(dst, 5, 0)));
    } else {
        addresses = hf_checksum_native(dst + 8, 8);
        hf_put16(dst + 4, tcp_len);
    }
    hf_put16(tcp + HF_TCP_CHECKSUM_AT, 0);
    uint32_t sum = hf_checksum_of_native(addresses, HF_PROTO_TCP + tcp_len);
    hf_put16(tcp + HF_TCP_CHECKSUM_AT, hf_checksum_finish(hf_checksum_add(tcp, tcp_len, sum)));
}

size_t hf_packet_merge(const struct hf_packet *packets, size_t n, uint8_t *dst, uint32_t room,
                       struct hf_packet *merged)
{
    struct hf_run run;
    struct hf_run_part part;
    size_t taken = 1;
    if (n < 2 || !hf_run_look(&packets[0], &part) || !part.may_join || room < packets[0].len)
        return n < 1 ? n : 1;
    hf_run_begin(&run, &part);
    for (; taken < n && hf_run_look(&packets[taken], &part) && hf_run_same_flow(&run, &part) &&
           run.headers + run.text + part.text <= room &&
           hf_run_join(&run, &part, false, hf_checksum_add);
         taken++)
        continue;
    if (taken == 1)
        return 1;
    uint32_t at = hf_packet_copy(&packets[0], dst, room);
    for (size_t i = 1; i < taken; i++) {
        const struct hf_packet *p = &packets[i];
        uint32_t skip = run.headers;
        for (unsigned s = 0; s < p->slices; s++) {
            uint32_t over = p->slice[s].len < skip ? p->slice[s].len : skip;
            memcpy(dst + at, p->slice[s].data + over, p->slice[s].len - over);
            at += p->slice[s].len - over;
            skip -= over;
        }
        dst[run.ip + 13] = p->slice[0].data[run.ip + 13];
    }
    finish(&run, dst, at);
    hf_packet_wrap(merged, packets[0].link, dst, at);
    merged->segments = run.segments;
    merged->segment_bytes = (uint16_t)run.segment_bytes;
    return taken;
}
