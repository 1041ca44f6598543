/* Words for exchanges with the adapter: load it, send and expect packets as the peer, make calls
 * through packetdrill's table, and let a second thread make one that blocks. */
#ifndef PLAY_H
#define PLAY_H

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

#include "check.h"
#include "interface.h"
#include "peer.h"

#define PORT 8080
#define PEER_PORT 40000
#define PEER_ISS 1000u

enum family { V4, V6, MAPPED, FAMILIES };

/* A socket's name in the family of the exchange. */
struct name {
    struct sockaddr_storage storage;
    socklen_t len;
};

extern struct pd_interface pd;
extern uint32_t our_iss; /* from our SYN, or set by the test */
extern uint16_t our_port;

/* ---- The adapter ---- */

void begin(enum family which, const char *flags);
void end(void);
/* What the adapter exports. */
void *symbol(const char *name);
long long now_us(void);

/* ---- The peer ---- */

/* A packet of the peer's, numbers absolute. */
void in(struct segment segment);
/* The same after the handshake, numbers relative. */
void peer(unsigned flags, uint32_t seq, uint32_t ack, uint32_t text);
/* The next packet of ours: flags and text are as given, and its numbers, relative; a SYN tells
 * our_iss and our_port. returns  when it was sent */
long long out(unsigned flags, uint32_t seq, uint32_t ack, uint32_t text);
void nothing_more(void);
void handshake(void);

/* ---- Sockets ---- */

struct name peer_name(uint16_t port);
int open_socket(void);
int listener(void);
void nonblocking(int fd);
/* An accepted connection, and its listener. listening may be NULL. */
int established(int *listening);

#define FAILS(call, error)                                                                       \
    do {                                                                                         \
        errno = 0;                                                                               \
        assert_int_equal((call), -1);                                                            \
        assert_int_equal(errno, (error));                                                        \
    } while (0)

/* ---- A second thread, which makes one call that blocks ---- */

/* Start a call, and go on when it sleeps or is over. */
void blocks(int (*call)(int fd), int fd);
/* The call is over: what it returned, errno, and when. at may be NULL. */
int returned(long long *at);

#endif
