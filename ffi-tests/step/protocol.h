/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the tracer (step.c) and the program that it interrupts (victim.c) say to each other.
 *
 * They meet at breakpoint instructions that the victim has compiled in: rax says which of them,
 * rdi carries a value, rdx is MEETING. The tracer answers in rax.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#define MEETING 0x676e697465656d00ul

enum meeting {
    READY = 1, /* for a command, which is the answer; the value is hazptr_mode() */
    SET_UP,    /* the scenario is prepared; what comes next is the call to be interrupted */
    DONE,      /* the call is over; the value is the CPU, the answer how many signals were sent */
    HANDLED    /* with COMMAND_REPORT: a signal handler has done its deed, and is about to return */
};

/* What the interrupted thread calls, in what state. */
enum scenario {
    FIRST,           /* acquire as the first call after a fork: initialises */
    MASKED_FIRST,    /* masked acquire as that */
    NEAR,            /* acquire in one of the slots that the fast path looks at */
    FAR,             /* acquire in another slot of the CPU's line */
    SWAP,            /* acquire with the CPU's line full */
    SWAP_FRESH,      /* the same, with no drained line to be had */
    SWAP_MAP,        /* the same, with no memory for a line either */
    CROWDED,         /* acquire when the near slots have been taken for long */
    NOTHING_NEAR,    /* acquire of a NULL pointer, in the three states */
    NOTHING_FAR,
    NOTHING_SWAP,
    MASKED_NEAR,     /* masked acquire in the first two states */
    MASKED_FAR,
    HELD_NEAR,       /* hold, and protect by that, in the first two states */
    HELD_FAR,
    HELD_OVER,       /* protect over another hazard */
    HELD_MOVED,      /* move, and reset */
    SHARED_FULL,     /* acquire with all slots of the shared lines taken */
    RELEASE,         /* release of the second hazard held */
    RELEASE_LAST,    /* release of one acquired with the line full */
    RELEASE_NOTHING, /* release of a context that holds nothing, twice */
    NOTE,            /* hazptr_note_context_switch() with hazards in the line */
    SYNCHRONIZE,     /* hazptr_synchronize() of what nobody holds, others being held */
    WAIT,            /* hazptr_synchronize() of what is held until the library wants to sleep */
    REFUSED,         /* the same, and membarrier is refused */
    OTHERWISE,       /* the other ways to wait, the first of them for what is held */
    ENQUIRE,         /* the functions that change nothing */
    SCENARIOS
};

/* What is done to it. By the signal handler, SIGUSR1's or SIGUSR2's: */
enum deed {
    DO_NOTHING,
    KEEP_ONE,      /* acquire, and keep past the handler's return */
    KEEP_THREE,
    KEEP_TWENTY,   /* lines fill and are swapped */
    RELEASE_OLDER, /* release what the interrupted thread acquired before, and keep one */
    NOTE_SWITCH,   /* hazptr_note_context_switch(), and keep one */
    FORK,          /* fork: the call goes on in the child, and then in the parent */
    FORK_INIT,     /* the same, and the child initialises in the handler */
    FORK_ACQUIRE,  /* the same, and the child acquires twenty in the handler */
    CHANGE,        /* replace the pointer that is being acquired from, not waiting for anybody */
    CHANGE_TO_NULL,
    /* By another thread, when asked on the pipe, while the interrupted one is stopped: */
    FILL,      /* acquire twenty, and keep them */
    REPLACE,   /* replace the pointer, and wait for the old object unless it is published */
    CLEAR,     /* the same, with NULL for the new pointer */
    WITHDRAW,  /* replace and wait, without membarrier: sequences are given up */
    DEEDS
};

#define IS_HELPERS(deed) ((deed) >= FILL && (deed) < DEEDS)

/* A command: who does what, and how. */
#define COMMAND_FRESH (1ul << 32) /* in a child made for it, which exits with 0 if all is well */
#define COMMAND_QUIET (1ul << 33) /* failing is what is expected */
#define COMMAND_REPORT (1ul << 34)
#define COMMAND(scenario, usr1, usr2)                                                              \
    ((unsigned long)(scenario) | (unsigned long)(usr1) << 8 | (unsigned long)(usr2) << 16)
#define COMMAND_SCENARIO(command) ((enum scenario)((command)&0xff))
#define COMMAND_USR1(command) ((enum deed)((command) >> 8 & 0xff))
#define COMMAND_USR2(command) ((enum deed)((command) >> 16 & 0xff))

#endif /* PROTOCOL_H */
