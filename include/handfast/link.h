/* Handfast: links, which move packets between a stack and something else. These use the operating
 * system; a stack does not need them, and a program can move packets in any other way. */
#ifndef HANDFAST_LINK_H
#define HANDFAST_LINK_H

#include <handfast/address.h>
#include <handfast/packet.h>
#include <handfast/types.h>

HF_BEGIN

struct hf_link;

#define HF_ERROR_TEXT 256 /* room for any message that a call writes to `error`               */

/* An address with the length of its prefix in bits. */
struct hf_addr_prefix {
    struct hf_addr addr;
    unsigned prefix;
};

/* Whether a device is asked to take and to give super-segments and checksums left open. */
enum hf_offload {
    HF_OFFLOAD_OFF = 0,  /* plain packets, for those who pass them on                          */
    HF_OFFLOAD_AUTO = 1, /* where the kernel offers it and a test at the start finds no fault  */
    HF_OFFLOAD_ON = 2    /* or fail; without the test                                         */
};

struct hf_tun_config {
    uint32_t size;      /* sizeof(struct hf_tun_config)                                       */
    uint8_t ethernet;   /* 1: a TAP device: an Ethernet between us and the kernel             */
    uint8_t multi_queue; /* 1: one queue of several: more links with the same name may be opened, all
                            with the same `offload`. The kernel sends a flow to the queue that last
                            sent it                                                           */
    const char *name;   /* device, created if absent; NULL or "": the kernel picks            */
    uint32_t mtu;       /* set on a device that we create; 0: leave it; 68..65535             */
    const struct hf_addr_prefix *host_addrs; /* given to the kernel's side                    */
    size_t host_addr_count;
    uint8_t offload;    /* enum hf_offload. Once it is on, received packets may stand for many
                           segments and leave their checksum open, as packet.h says; the kernel
                           is trusted in that, so the link's features have HF_LINK_TRUSTED     */
};

/* hf_link_tun: open a TUN device, or a TAP device (Linux).
 * error    at least HF_ERROR_TEXT bytes: one line when it fails: what was tried, why it did not
 *          work, what helps
 * returns  the link, or NULL
 * owner    the caller's, until hf_link_close */
HF_API struct hf_link *hf_link_tun(const struct hf_tun_config *config, char *error);

struct hf_interface_config {
    uint32_t size;    /* sizeof(struct hf_interface_config)                                   */
    const char *name; /* an interface that is there: Ethernet, and up                         */
    uint32_t mtu;     /* at most the interface's; 0: the same                                 */
    uint8_t offload;  /* enum hf_offload: of hf_link_packet                                   */
    const struct hf_addr_prefix *addrs; /* ours, where they are known: the kernel then does not
                         hand us what is for others; at most 16, else all is handed over      */
    size_t addr_count;
};

/* hf_link_packet: take part in an Ethernet through a packet socket on an interface (Linux). The kernel
 * goes on using the interface with its own addresses; ours are to be others, which the kernel then
 * ignores. Our station has the interface's MAC address. Frames come and go as super-segments with
 * checksums left open, as with hf_link_tun.
 * error, returns, owner: as hf_link_tun */
HF_API struct hf_link *hf_link_packet(const struct hf_interface_config *config, char *error);

/* hf_link_xdp: the same through AF_XDP, on the interface's first queue. Frames for config->addrs are
 * ours as long as the link is open, all others the kernel's; without addresses all are ours. A frame
 * must come with its checksum complete, for it does not tell; there are no super-segments. Without
 * a copy where the driver can.
 * returns  NULL also where the library was built without libxdp */
HF_API struct hf_link *hf_link_xdp(const struct hf_interface_config *config, char *error);

/* hf_link_pair: two links joined in memory: what is sent on one is received on the other, in
 * order. queue: packets that wait in each direction at the most; more are dropped.
 * returns  0 or HF_ERR_MEMORY */
HF_API int hf_link_pair(uint32_t mtu, size_t queue, struct hf_link *pair[2]);

struct hf_runs_config {
    uint32_t size;    /* sizeof(struct hf_runs_config)                                        */
    uint32_t cut_max; /* the stack may give runs of up to so many bytes; they are cut into segments
                         before the driver sees them, checksums completed; 0: no runs         */
    uint8_t merge;    /* for tests: chance in 100 that a packet that came in is merged with some of
                         those behind it                                                      */
    uint64_t seed;    /* of that chance                                                       */
    uint32_t (*checksum)(const void *, size_t, uint32_t); /* as in struct hf_stack_config     */
};

/* hf_link_runs: do in software what a link of IP packets does not do itself. Before it is added to a
 * host. (To merge what comes in because it pays, add the link with HF_LINK_MERGE.)
 * returns  0, or HF_ERR_ARGUMENT (an Ethernet link, or numbers out of range), HF_ERR_EXISTS (it cuts by
 *          itself, or this was called), HF_ERR_MEMORY */
HF_API int hf_link_runs(struct hf_link *link, const struct hf_runs_config *config);

struct hf_sim_wire;

struct hf_through_config {
    uint32_t size;            /* sizeof(struct hf_through_config)                             */
    struct hf_link *inner;    /* with a descriptor, unless there is a clock                   */
    struct hf_sim_wire *wire; /* of sim.h: end 0 is the caller's, the inner link is at end 1  */
    hf_time (*now)(void *context); /* NULL: this machine's; else the link has no descriptor
                                      and must be called by the wire's deadlines              */
    void *context;
    hf_time early; /* the descriptor is readable this long before a packet's time: a caller who
                      then looks on without sleeping is not late by what waking takes         */
};

/* hf_link_through: a link that behaves as another one behind a wire with rate, delay, loss, ...:
 * the simulator's model of a link, in real time (Linux). Its descriptor is readable when packets
 * wait or a packet's time has come.
 * error    at least HF_ERROR_TEXT bytes: one line when it fails
 * returns  the link, or NULL: inner and wire stay the caller's
 * owner    the caller's, until hf_link_close, which also closes inner and destroys the wire */
HF_API struct hf_link *hf_link_through(const struct hf_through_config *config, char *error);

/* hf_link_receive: packets that have arrived, without waiting. They stay valid until the next
 * hf_link_receive on this link.
 * returns  how many were filled; 0 when none waits; HF_ERR_STATE when the link is gone */
HF_API int64_t hf_link_receive(struct hf_link *link, struct hf_packet *packets, size_t room);

/* hf_link_send: send packets now; the link has no use for them when it returns. Those that it
 * cannot take are lost and counted.
 * returns  how many were sent; HF_ERR_STATE when the link is gone */
HF_API int64_t hf_link_send(struct hf_link *link, const struct hf_packet *packets, size_t n);

/* hf_link_features, hf_link_gso_max: what it can do: HF_LINK_... of stack.h, and the largest packet
 * that it will cut into segments by itself, bytes (0: none). hf_host_add_link tells the stack. */
HF_API uint32_t hf_link_features(const struct hf_link *link);
HF_API uint32_t hf_link_gso_max(const struct hf_link *link);

/* hf_link_mac: our station's address, where the link is an Ethernet. hf_host_add_link tells the stack.
 * returns  enum hf_link_kind of stack.h: whether packets are frames */
HF_API int hf_link_mac(const struct hf_link *link, uint8_t mac[6]);

/* hf_link_note: what was wished for and is not so, one line for people; "": nothing. */
HF_API const char *hf_link_note(const struct hf_link *link);

HF_API uint32_t hf_link_mtu(const struct hf_link *link);
HF_API const char *hf_link_name(const struct hf_link *link);

/* hf_link_descriptor: a descriptor that is readable when packets wait; -1: none. */
HF_API int hf_link_descriptor(const struct hf_link *link);

/* hf_link_lost: packets that could not be sent so far. */
HF_API uint64_t hf_link_lost(const struct hf_link *link);

HF_API void hf_link_close(struct hf_link *link);

HF_END
#endif
