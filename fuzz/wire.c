/* Everything that reads bytes from the wire, and addresses from text. The first byte of an input
 * chooses the parser, the rest is what it reads:
 *
 *     0 an IP packet, and what it carries    4 an ICMPv6 message
 *     1 a TCP header                         5 a packet quoted by an ICMP error
 *     2 TCP options                          6 a packet quoted by an ICMPv6 error
 *     3 an ICMP message                      7 an address
 *
 * Besides not reading past the end, each must keep its word: lengths lie inside the input, and
 * what was read, written and read again is the same. */
#include <stdlib.h>
#include <string.h>

#include <handfast/address.h>

#include "base/checksum.h"
#include "check.h"
#include "wire/bytes.h"
#include "wire/icmp.h"
#include "wire/ip.h"
#include "wire/tcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_options(const uint8_t *data, uint32_t len)
{
    struct hf_tcp_options read, again;
    hf_tcp_parse_options(data, len, &read);
    CHECK(read.sacks <= HF_SACK_BLOCKS_MAX);
    CHECK(read.wscale <= HF_WSCALE_MAX || read.wscale == HF_NO_WSCALE);
    if (hf_tcp_options_len(&read) > HF_TCP_OPTIONS_MAX)
        return;
    struct hf_segment_head head = {.options = read};
    struct hf_flow flow = {{0}, {0}, 1, 2};
    uint8_t bytes[HF_TCP_HEADER + HF_TCP_OPTIONS_MAX];
    uint32_t header = hf_tcp_build(bytes, &flow, &head);
    hf_tcp_parse_options(bytes + HF_TCP_HEADER, header - HF_TCP_HEADER, &again);
    CHECK(again.has_mss == read.has_mss && again.mss == read.mss);
    CHECK(again.wscale == read.wscale && again.sack_permitted == read.sack_permitted);
    CHECK(again.has_ts == read.has_ts && again.tsval == read.tsval && again.tsecr == read.tsecr);
    CHECK(again.sacks == read.sacks);
    CHECK(memcmp(again.sack, read.sack, read.sacks * sizeof *read.sack) == 0);
    CHECK(again.fast_open == read.fast_open);
    CHECK(!read.fast_open || hf_fast_open_cookie_len(&read) <= HF_FAST_OPEN_COOKIE_MAX);
    if (hf_fast_open_cookie_len(&read))
        CHECK(memcmp(again.cookie, read.cookie, hf_fast_open_cookie_len(&read)) == 0);
}

static void fuzz_tcp(const uint8_t *data, uint32_t len)
{
    struct hf_flow flow;
    struct hf_seg seg;
    uint32_t header;
    if (hf_tcp_parse(data, len, len, &flow, &seg, &header) != HF_DROP_NONE)
        return;
    CHECK(header >= HF_TCP_HEADER && header + seg.text_all == len);
    CHECK(seg.text == seg.text_all && seg.skip == 0);
    CHECK(flow.local_port != 0 && flow.remote_port != 0);
    fuzz_options(data + HF_TCP_HEADER, header - HF_TCP_HEADER);
}

static void fuzz_quote(bool ipv4, const uint8_t *data, uint32_t len)
{
    struct hf_icmp_quote quote;
    if (hf_icmp_quote(ipv4, data, len, &quote) != HF_DROP_NONE)
        return;
    CHECK(hf_key_is_ipv4(quote.flow.local) == ipv4);
    CHECK(hf_key_is_ipv4(quote.flow.remote) == ipv4);
}

static void fuzz_icmp(const uint8_t src[16], const uint8_t dst[16], const uint8_t *data,
                      uint32_t len)
{
    struct hf_icmp_head head;
    uint32_t half = len / 2 < HF_ICMP_HEADER ? len : len / 2;
    struct hf_slice slices[2] = {{data, half, 0}, {data + half, len - half, 0}};
    if (hf_icmp_parse(src, dst, slices, 2, 0, len, &head) == HF_DROP_ICMP_SHORT)
        return;
    bool ipv4 = hf_key_is_ipv4(dst);
    if (hf_icmp_is_error(ipv4, head.type))
        fuzz_quote(ipv4, data + HF_ICMP_HEADER, len - HF_ICMP_HEADER);

    uint8_t *reply = malloc(len);
    struct hf_flow flow = {{0}, {0}, 0, 0};
    CHECK(reply);
    memcpy(flow.local, dst, 16);
    memcpy(flow.remote, src, 16);
    CHECK(hf_icmp_build(reply, &flow, &head, slices, 2, HF_ICMP_HEADER, len - HF_ICMP_HEADER) ==
          len);
    struct hf_slice whole = {reply, len, 0};
    CHECK(hf_icmp_parse(flow.local, flow.remote, &whole, 1, 0, len, &head) == HF_DROP_NONE);
    free(reply);
}

static void fuzz_ip(const uint8_t *data, uint32_t len)
{
    struct hf_ip_head head;
    if (hf_ip_parse(data, len, len, &head) != HF_DROP_NONE) {
        CHECK(head.problem_at < len || head.problem_at == 0);
        return;
    }
    CHECK(head.header <= head.total && head.total <= len);
    CHECK(hf_key_is_ipv4(head.src) == (head.family == HF_IPV4));
    CHECK(head.fragment == (head.more || head.offset > 0));
    const uint8_t *payload = data + head.header;
    uint32_t payload_len = head.total - head.header;
    if (head.fragment)
        CHECK(payload_len > 0 && head.offset + payload_len <= 65535);
    else if (head.protocol == HF_PROTO_TCP)
        fuzz_tcp(payload, payload_len);
    else if (head.protocol == (head.family == HF_IPV4 ? HF_PROTO_ICMP : HF_PROTO_ICMPV6))
        fuzz_icmp(head.src, head.dst, payload, payload_len);
}

static void fuzz_address(const uint8_t *data, uint32_t len)
{
    char *text = malloc(len + 1u), form[HF_ADDR_TEXT], again_form[HF_ADDR_TEXT];
    struct hf_addr addr, again;
    CHECK(text);
    if (len > 0)
        memcpy(text, data, len);
    text[len] = 0;
    if (hf_addr_parse(text, &addr) == 0) {
        hf_addr_format(&addr, form);
        CHECK(hf_addr_parse(form, &again) == 0 && hf_addr_equal(&addr, &again));
        CHECK(strcmp(hf_addr_format(&again, again_form), form) == 0);
    }
    free(text);
}

/* The same with a right header checksum, which mutation would hardly ever find. */
static void fuzz_ip_repaired(const uint8_t *data, uint32_t len)
{
    uint32_t header = len < 20 ? 0 : (data[0] & 15) * 4u;
    if (header < 20 || header > len || data[0] >> 4 != 4)
        return;
    uint8_t *copy = malloc(len);
    CHECK(copy);
    memcpy(copy, data, len);
    hf_put16(copy + 10, 0);
    hf_put16(copy + 10, hf_checksum_finish(hf_checksum_add(copy, header, 0)));
    fuzz_ip(copy, len);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1};
    static const uint8_t key6[16] = {0x20, 1, 0xd, 0xb8};
    if (size == 0 || size > 70000)
        return 0;
    const uint8_t *rest = data + 1;
    uint32_t len = (uint32_t)size - 1;
    switch (data[0] % 8) {
    case 0:
        fuzz_ip(rest, len);
        fuzz_ip_repaired(rest, len);
        break;
    case 1:
        fuzz_tcp(rest, len);
        break;
    case 2:
        fuzz_options(rest, len);
        break;
    case 3:
        fuzz_icmp(key4, key4, rest, len);
        break;
    case 4:
        fuzz_icmp(key6, key6, rest, len);
        break;
    case 5:
        fuzz_quote(true, rest, len);
        break;
    case 6:
        fuzz_quote(false, rest, len);
        break;
    default:
        fuzz_address(rest, len);
        break;
    }
    return 0;
}
