/* One end of the story that `handfast demo` tells: it opens or is opened, sends so many bytes,
 * checks those that come, and closes when it is its turn. The same for an end that is Handfast and
 * for one that is a kernel's socket. */
#ifndef HANDFAST_TOOL_STORY_H
#define HANDFAST_TOOL_STORY_H

#include <handfast/handfast.h>
#include <stdbool.h>

/* When an end closes: when everything has come; when the other has closed and it is told; when
 * it is told. */
enum turn { CLOSES_FIRST, CLOSES_SECOND, CLOSES_WHEN_TOLD };

struct end;

/* How to reach the end's TCP. Bytes, 0 for "not now", HF_EOF, or another negative error. */
struct end_ops {
    int64_t (*send)(struct end *end, const void *bytes, size_t len);
    int64_t (*receive)(struct end *end, void *bytes, size_t room);
    void (*shut)(struct end *end);
};

struct end {
    const struct end_ops *ops;
    struct hf_stack *stack; /* Handfast */
    hf_conn conn;
    int socket; /* kernel */
    struct hf_sim_oracle *outward, *inward;
    uint64_t bytes; /* to send, and to be received */
    enum turn turn;
    bool
        half_close; /* the first to close does so when it has sent; the second sends after that */
    bool told;
    bool open; /* data may flow */
    bool eof, closed;
    int error; /* why data stopped, 0: it did not */
};

extern const struct end_ops handfast_end, kernel_end;

/* end_work: do what can be done now. */
void end_work(struct end *end);

/* end_has_all: sent everything, received everything. */
bool end_has_all(const struct end *end);

/* end_done: closed, and the other end's close was seen. */
bool end_done(const struct end *end);

#endif
