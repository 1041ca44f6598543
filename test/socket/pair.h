/* Two hosts in one thread and in virtual time, each with a stack and sockets, joined without loss.
 * A call that blocks on one of them moves packets and time until it can go on. */
#ifndef PAIR_H
#define PAIR_H

#include <errno.h>
#include <handfast/socket.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "check.h"

#define PORT 8080

enum family { V4, V6, MAPPED, FAMILIES };

extern struct hf_sockets *client, *server;

void pair_begin(enum family which);
void pair_end(void);
/* Sockets and names that are made from now on are of this family. */
void pair_family(enum family which);
hf_time pair_now(void);
/* Connections of both stacks together. */
unsigned pair_connections(void);
/* Move packets until there are none; time stands still. */
void pair_settle(void);
/* The client's next packet does not arrive: an ICMP error of this type and code comes back. */
void pair_complain(uint8_t type, uint8_t code);
/* Let time pass, and nothing that is sent arrives. */
void pair_silence(hf_time time);
/* Let time pass. */
void pair_pass(hf_time time);

/* A name in the family of the pair: of the server, of the client, or of anybody. */
struct name {
    struct sockaddr_storage storage;
    uint32_t len;
};
struct name server_name(uint16_t port);
struct name client_name(uint16_t port);
struct name any_name(uint16_t port);

/* A socket of the pair's family; bound and listening; connected, on both sides. */
int new_socket(struct hf_sockets *sockets);
int new_listener(void);
void new_connection(int *on_client, int *on_server);

int bind_to(struct hf_sockets *sockets, int fd, struct name name);
int connect_to(int fd, struct name name);
int64_t send_bytes(struct hf_sockets *sockets, int fd, const void *buf, size_t len, int flags);
int64_t receive_bytes(struct hf_sockets *sockets, int fd, void *buf, size_t len, int flags);
int set_number(struct hf_sockets *sockets, int fd, int level, int name, int value);
int get_number(struct hf_sockets *sockets, int fd, int level, int name);
void nonblocking(struct hf_sockets *sockets, int fd);

#define FAILS(call, error)                                                                       \
    do {                                                                                         \
        errno = 0;                                                                               \
        assert_int_equal((call), -1);                                                            \
        assert_int_equal(errno, (error));                                                        \
    } while (0)

#endif
