/* Building the program, in the kernel's instructions: so many comparisons as there are addresses, and
 * no compiler for it needed. */
#include "link/xdp_program.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <string.h>

/* Where things stand in a frame. */
enum { TYPE_AT = 12, ARP_TARGET_AT = 38, IPV4_TO_AT = 30, IPV6_TO_AT = 38 };
enum { ARP_END = 42, IPV6_END = 54 };

/* Registers: r1 context, r2 data, r3 its end, r6 context kept. */
enum { R0, R1, R2, R3, R4, R5, R6 };

enum label { PASS, REDIRECT, COMPARE_IPV4, LABELS };

#define CODE_MAX (64 + HF_XDP_ADDRESSES * 2 * 8)
#define JUMPS_MAX (8 + HF_XDP_ADDRESSES * 2)

struct program {
    struct bpf_insn code[CODE_MAX];
    int len;
    int label[LABELS];
    int jump[JUMPS_MAX]; /* that go to a label: from here ...                                 */
    enum label to[JUMPS_MAX];
    int jumps;
};

static void put(struct program *p, int code, int dst, int src, int off, int imm)
{
    p->code[p->len++] = (struct bpf_insn){.code = (uint8_t)code,
                                          .dst_reg = (uint8_t)(dst & 15),
                                          .src_reg = (uint8_t)(src & 15),
                                          .off = (int16_t)off,
                                          .imm = imm};
}

/* A jump to a label; its distance is known at the end. */
static void jump(struct program *p, int code, int dst, int src, int imm, enum label to)
{
    p->jump[p->jumps] = p->len;
    p->to[p->jumps++] = to;
    put(p, code, dst, src, 0, imm);
}

static void load(struct program *p, int size, int dst, int src, int at)
{
    put(p, BPF_LDX | size | BPF_MEM, dst, src, at, 0);
}

/* A frame that ends before so many bytes is nothing for us. */
static void need(struct program *p, int bytes)
{
    put(p, BPF_ALU64 | BPF_MOV | BPF_X, R4, R2, 0, 0);
    put(p, BPF_ALU64 | BPF_ADD | BPF_K, R4, 0, 0, bytes);
    jump(p, BPF_JMP | BPF_JGT | BPF_X, R4, R3, 0, PASS);
}

static int word(const uint8_t *at)
{
    int w;
    memcpy(&w, at, sizeof w); /* as the machine reads it from the frame, too */
    return w;
}

/* r5 holds one word of a destination; four are compared, the rest read as needed. */
static void compare_ipv6(struct program *p, const uint8_t bytes[16])
{
    for (int w = 3; w >= 0; w--) { /* the last word differs soonest */
        load(p, BPF_W, R5, R2, IPV6_TO_AT + 4 * w);
        put(p, BPF_JMP32 | BPF_JNE | BPF_K, R5, 0, 2 * w + 1,
            word(bytes + (size_t)4 * (size_t)w));
    }
    jump(p, BPF_JMP | BPF_JA, 0, 0, 0, REDIRECT);
}

/* An address, and the group that is asked for it (RFC 4291 2.7.1). */
static void add_ipv6(struct program *p, const struct hf_addr *addr)
{
    uint8_t group[16] = {0xff, 2, [11] = 1, [12] = 0xff};
    memcpy(group + 13, addr->bytes + 13, 3);
    compare_ipv6(p, addr->bytes);
    compare_ipv6(p, group);
}

static void add_end(struct program *p, int map)
{
    p->label[PASS] = p->len;
    put(p, BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, XDP_PASS);
    put(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    p->label[REDIRECT] = p->len;
    put(p, BPF_LD | BPF_DW | BPF_IMM, R1, BPF_PSEUDO_MAP_FD, 0, map);
    put(p, 0, 0, 0, 0, 0);
    load(p, BPF_W, R2, R6, offsetof(struct xdp_md, rx_queue_index));
    put(p, BPF_ALU64 | BPF_MOV | BPF_K, R3, 0, 0, XDP_PASS); /* no socket on this queue */
    put(p, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map);
    put(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void add_filter(struct program *p, const struct hf_addr_prefix *addrs, size_t count)
{
    load(p, BPF_W, R2, R1, offsetof(struct xdp_md, data));
    load(p, BPF_W, R3, R1, offsetof(struct xdp_md, data_end));
    need(p, ARP_END);
    load(p, BPF_H, R4, R2, TYPE_AT);
    load(p, BPF_W, R5, R2, ARP_TARGET_AT);
    jump(p, BPF_JMP | BPF_JEQ | BPF_K, R4, 0, htons(ETH_P_ARP), COMPARE_IPV4);
    load(p, BPF_W, R5, R2, IPV4_TO_AT);
    jump(p, BPF_JMP | BPF_JEQ | BPF_K, R4, 0, htons(ETH_P_IP), COMPARE_IPV4);
    jump(p, BPF_JMP | BPF_JNE | BPF_K, R4, 0, htons(ETH_P_IPV6), PASS);
    need(p, IPV6_END);
    for (size_t i = 0; i < count; i++)
        if (addrs[i].addr.family == HF_IPV6)
            add_ipv6(p, &addrs[i].addr);
    jump(p, BPF_JMP | BPF_JA, 0, 0, 0, PASS);
    p->label[COMPARE_IPV4] = p->len;
    for (size_t i = 0; i < count; i++)
        if (addrs[i].addr.family == HF_IPV4)
            jump(p, BPF_JMP32 | BPF_JEQ | BPF_K, R5, 0, word(addrs[i].addr.bytes), REDIRECT);
}

int hf_xdp_program(int map, const struct hf_addr_prefix *addrs, size_t count)
{
    struct program p;
    memset(&p, 0, sizeof p);
    put(&p, BPF_ALU64 | BPF_MOV | BPF_X, R6, R1, 0, 0);
    if (count > 0 && count <= HF_XDP_ADDRESSES)
        add_filter(&p, addrs, count);
    else
        jump(&p, BPF_JMP | BPF_JA, 0, 0, 0, REDIRECT);
    add_end(&p, map);
    for (int i = 0; i < p.jumps; i++)
        p.code[p.jump[i]].off = (int16_t)(p.label[p.to[i]] - p.jump[i] - 1);
    return bpf_prog_load(BPF_PROG_TYPE_XDP, "handfast", "GPL", p.code, (size_t)p.len, NULL);
}
