/* Our own mistakes trap; cheap assertions stay on in every build. Never about input from the
 * wire. */
#ifndef HF_BASE_ASSERT_H
#define HF_BASE_ASSERT_H

#define HF_ASSERT(condition)                                                                      \
    do {                                                                                          \
        if (!(condition))                                                                         \
            __builtin_trap();                                                                     \
    } while (0)

#define HF_LIKELY(x) __builtin_expect(!!(x), 1)
#define HF_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* A rare road that is to stay a call, so that the common one needs no room for it on the C stack. */
#define HF_APART __attribute__((noinline))
/* ... and the other way round: a step of the common road that has callers beside it. */
#define HF_INLINE inline __attribute__((always_inline))

#endif
