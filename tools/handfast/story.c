/* What an end does, and its two kinds of TCP. The bytes are those of the simulator's oracle, a
 * function of their offset, so that each one is known to be the right one. */
#include "story.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define PIECE 16384

static int64_t handfast_send(struct end *end, const void *bytes, size_t len)
{
    return hf_tcp_send(end->stack, end->conn, bytes, len, 0);
}

static int64_t handfast_receive(struct end *end, void *bytes, size_t room)
{
    return hf_tcp_recv(end->stack, end->conn, bytes, room);
}

static void handfast_shut(struct end *end)
{
    (void)hf_tcp_shutdown(end->stack, end->conn);
}

const struct end_ops handfast_end = {handfast_send, handfast_receive, handfast_shut};

static int64_t socket_result(ssize_t n)
{
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EINTR || errno == ENOTCONN ? 0 : HF_ERR_RESET;
}

static int64_t kernel_send(struct end *end, const void *bytes, size_t len)
{
    return socket_result(send(end->socket, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT));
}

static int64_t kernel_receive(struct end *end, void *bytes, size_t room)
{
    ssize_t n = recv(end->socket, bytes, room, MSG_DONTWAIT);
    return n == 0 ? HF_EOF : socket_result(n);
}

static void kernel_shut(struct end *end)
{
    (void)shutdown(end->socket, SHUT_WR);
}

const struct end_ops kernel_end = {kernel_send, kernel_receive, kernel_shut};

static void send_some(struct end *end)
{
    uint8_t piece[PIECE];
    if (end->half_close && end->turn == CLOSES_SECOND && !end->eof)
        return;
    while (end->outward->sent < end->bytes) {
        uint64_t left = end->bytes - end->outward->sent;
        size_t len = left < PIECE ? (size_t)left : PIECE;
        hf_sim_oracle_next(end->outward, piece, len);
        int64_t n = end->ops->send(end, piece, len);
        if (n < 0)
            end->error = (int)n;
        if (n <= 0)
            return;
        (void)hf_sim_oracle_sent(end->outward, (size_t)n);
    }
}

static void receive_some(struct end *end)
{
    uint8_t piece[PIECE];
    while (!end->eof) {
        int64_t n = end->ops->receive(end, piece, PIECE);
        if (n == HF_EOF) {
            end->eof = true;
            (void)hf_sim_oracle_eof(end->inward);
            return;
        }
        if (n < 0)
            end->error = (int)n;
        if (n <= 0)
            return;
        (void)hf_sim_oracle_received(end->inward, piece, (size_t)n);
    }
}

static bool may_close(const struct end *end)
{
    if (end->closed || end->outward->sent < end->bytes)
        return false;
    switch (end->turn) {
    case CLOSES_FIRST:
        return end->half_close || end_has_all(end);
    case CLOSES_SECOND:
        return end->eof && end->told;
    default:
        return end->told;
    }
}

void end_work(struct end *end)
{
    if (!end->open || end->error)
        return;
    receive_some(end);
    send_some(end);
    if (!may_close(end))
        return;
    end->closed = true;
    hf_sim_oracle_end(end->outward);
    end->ops->shut(end);
}

bool end_has_all(const struct end *end)
{
    return end->outward->sent == end->bytes && end->inward->received == end->bytes;
}

bool end_done(const struct end *end)
{
    return end->closed && end->eof;
}
