# SPDX-License-Identifier: MIT OR Apache-2.0
"""Who holds what, in a process or a core file: reads memory and calls nothing.

The layout is that of <hazptr/control.h>, which a stripped library has too. Load it by `source
hazptr-gdb.py`; gdb does so by itself where the library is installed in /usr. Then:

    hazptr holders ADDRESS    the slots that hold an address
    hazptr lines              all lines of slots, and what is held in them
    print ctx                 a struct hazptr_ctx, in words
"""

import struct

import gdb

SYMBOL = "hazptr_control_1"
MAGIC = int.from_bytes(b"hazptr\x00\x7f", "little")
LAYOUT = 1
# Where things stand in the block, and in a line.
GENERATION, WORD, NR_CPUS, MARK, CHUNKS, BACKUP, CURRENT = 16, 20, 32, 128, 136, 384, 4096 + 64
LINE, SLOTS, STATE = 128, 15, 120
# Lines in the first chunk; the next one has twice as many.
FIRST, NR_CHUNKS = 32, 20
# From a context to its own slot.
OWN_SLOT = 8

MODES = ["none", "rseq", "membarrier", "fence", "in transition"]
STATES = ["unused", "current", "parked", "shared"]
# What a held slot holds while it protects nothing.
NOTHING = 1


def read(addr, layout):
    """Numbers at an address."""
    memory = gdb.selected_inferior().read_memory(addr, struct.calcsize("<" + layout))
    return struct.unpack("<" + layout, bytes(memory))


def read_one(addr, layout):
    """One number."""
    return read(addr, layout)[0]


class Block:
    """The control block of the process that is looked at."""

    def __init__(self):
        try:
            self.at = int(gdb.parse_and_eval(f"(unsigned long)&{SYMBOL}"))
        except gdb.error:
            raise gdb.GdbError(f"no {SYMBOL} in this program: libhazptr is not loaded, or of another layout")
        magic, layout = read(self.at, "QI")
        if magic != MAGIC:
            raise gdb.GdbError("libhazptr is not initialised in this process (a forked child begins so)")
        if layout != LAYOUT:
            raise gdb.GdbError(f"layout {layout} of the control block: this script knows {LAYOUT}")
        self.mode = MODES[min(read_one(self.at + WORD, "I") >> 24 & 0x7f, len(MODES) - 1)]
        self.generation = read_one(self.at + GENERATION, "I")

    def cpus(self):
        """From a line's address to the CPU whose it is."""
        count = read_one(self.at + NR_CPUS, "I")
        entries = read(self.at + CURRENT, f"{count}Q")
        return {line: cpu for cpu, line in enumerate(entries) if line}

    def lines(self):
        """Of each line its number, its address, its state, and what its slots hold."""
        mark = read_one(self.at + MARK, "I")
        chunks = read(self.at + CHUNKS, f"{NR_CHUNKS}Q")
        number = 0
        for index, chunk in enumerate(chunks):
            for place in range(min(FIRST << index, mark - number)):
                at = chunk + place * LINE
                *slots, state = read(at, f"{SLOTS}QI")
                yield number, at, STATES[state] if state < len(STATES) else f"state {state}", slots
                number += 1

    def own_slots(self):
        """Of each context whose own slot is in use its address, and what that holds."""
        node = read_one(self.at + BACKUP, "Q")
        while node:
            addr, following = read(node, "QQ")
            yield node - OWN_SLOT, addr
            node = following


def holders(block, wanted):
    """In words, where an address is held."""
    cpus = block.cpus()
    for number, at, state, slots in block.lines():
        for index, held in enumerate(slots):
            if held == wanted:
                whose = f"current on CPU {cpus[at]}" if at in cpus else state
                yield f"slot {index} of line {number}, {whose}"
    for ctx, held in block.own_slots():
        if held == wanted:
            yield f"own slot of the context at {ctx:#x}"


class Hazptr(gdb.Command):
    """Look at hazard pointers (libhazptr)."""

    def __init__(self):
        super().__init__("hazptr", gdb.COMMAND_DATA, prefix=True)


class Holders(gdb.Command):
    """hazptr holders ADDRESS: where an address is held. Slots are in use, so that waiters for it wait."""

    def __init__(self):
        super().__init__("hazptr holders", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        """See the class."""
        if not argument:
            raise gdb.GdbError("hazptr holders: whose? Give an address, or an expression that has it as its value")
        wanted = int(gdb.parse_and_eval(f"(unsigned long)({argument})"))
        if wanted <= NOTHING:
            raise gdb.GdbError(f"hazptr holders: {wanted:#x} is no object's address")
        found = list(holders(Block(), wanted))
        for place in found:
            gdb.write(f"{wanted:#x}: {place}\n")
        if not found:
            gdb.write(f"{wanted:#x}: held by nobody\n")


class Lines(gdb.Command):
    """hazptr lines: the mode, all lines of slots with what they hold, and contexts' own slots in use."""

    def __init__(self):
        super().__init__("hazptr lines", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        """See the class."""
        block = Block()
        cpus = block.cpus()
        gdb.write(f"mode {block.mode}, generation {block.generation}\n")
        for number, at, state, slots in block.lines():
            whose = f" on CPU {cpus[at]}" if at in cpus else ""
            held = " ".join(f"{addr:#x}" if addr != NOTHING else "(nothing)" for addr in slots if addr)
            gdb.write(f"line {number} {at:#x} {state}{whose}: {held or 'empty'}\n")
        for ctx, addr in block.own_slots():
            gdb.write(f"context {ctx:#x}, own slot: {addr:#x}\n")


class ContextPrinter:
    """A struct hazptr_ctx."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        """What it holds, as far as that can be read."""
        slot = int(self.value["slot"])
        if not slot:
            return "holds nothing"
        try:
            held = read_one(slot, "Q")
        except gdb.MemoryError:
            return f"not initialised (slot {slot:#x} cannot be read)"
        if held == NOTHING:
            return f"holds slot {slot:#x}, which protects nothing"
        if self.value.address is not None and slot == int(self.value.address) + OWN_SLOT:
            return f"protects {held:#x}, in its own slot"
        return f"protects {held:#x}, in slot {slot:#x}"


def context_printer(value):
    """For gdb, which asks about every value."""
    kind = value.type.strip_typedefs()
    if kind.code == gdb.TYPE_CODE_STRUCT and kind.tag == "hazptr_ctx":
        return ContextPrinter(value)
    return None


Hazptr()
Holders()
Lines()
gdb.pretty_printers.append(context_printer)
