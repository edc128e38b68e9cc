/* x86-64 machine code of 256-bit vectors: VEX prefixes of three bytes throughout. */
#include "jit_encode.h"

#include <string.h>

#define FRAME 32 /* bytes of a spilled value */

/* ---- bytes and text ------------------------------------------------------------------------------ */

static void put(dvt_jit_assembly *a, uint32_t byte) {
    if (a->size < a->capacity)
        a->code[a->size++] = (uint8_t)byte;
    else
        a->full = 1;
}

static void put32(dvt_jit_assembly *a, uint32_t value) {
    for (int i = 0; i < 4; i++) put(a, value >> (8 * i) & 0xff);
}

static void patch32(dvt_jit_assembly *a, size_t at, uint32_t value) {
    for (size_t i = 0; i < 4 && at + i < a->capacity; i++)
        a->code[at + i] = (uint8_t)(value >> (8 * i));
}

/* The listing ends early rather than the code. */
static void say(dvt_jit_assembly *a, const char *text) {
    const size_t n = strlen(text);
    if (a->text + n + 1 > a->text_capacity) return;
    memcpy(a->listing + a->text, text, n + 1);
    a->text += n;
}

static void say_number(dvt_jit_assembly *a, uint64_t value, uint32_t base) {
    char digits[24], *p = digits + sizeof digits - 1;
    *p = 0;
    do {
        *--p = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    if (base == 16) say(a, "0x");
    say(a, p);
}

static const char *const general[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

static void say_register(dvt_jit_assembly *a, uint32_t reg, int narrow) {
    say(a, narrow ? "xmm" : "ymm");
    say_number(a, reg, 10);
}

static void say_operand(dvt_jit_assembly *a, dvt_jit_operand x, int narrow) {
    if (x.where == DVT_JIT_IN_REGISTER) {
        say_register(a, x.reg, narrow);
    } else if (x.where == DVT_JIT_IN_POOL) {
        say(a, "[constant ");
        say_number(a, x.at < a->n_pool ? a->pool[x.at] : 0, 16);
        say(a, "]");
    } else if (x.where == DVT_JIT_ON_STACK) {
        say(a, "[rsp+");
        say_number(a, x.at * FRAME, 10);
        say(a, "]");
    } else {
        say(a, "[");
        say(a, general[x.base]);
        if (x.scale) {
            say(a, "+rsi*");
            say_number(a, x.scale, 10);
        }
        if (x.at) {
            say(a, "+");
            say_number(a, x.at, 10);
        }
        say(a, "]");
    }
}

/* ---- instructions -------------------------------------------------------------------------------- */

static uint32_t scale_bits(uint32_t scale) {
    return scale == 8 ? 3 : scale == 4 ? 2 : scale == 2 ? 1 : 0;
}

/* ModRM and what follows it; `tail`: bytes of the instruction behind the displacement. */
static void put_operand(dvt_jit_assembly *a, uint32_t reg, dvt_jit_operand x, uint32_t tail) {
    const uint32_t field = (reg & 7) << 3;
    switch (x.where) {
    case DVT_JIT_IN_REGISTER:
        put(a, 0xC0 | field | (x.reg & 7));
        break;
    case DVT_JIT_IN_POOL:
        put(a, 0x05 | field);
        if (a->n_fixes < a->most_fixes) {
            a->fixes[a->n_fixes].at = (uint32_t)a->size;
            a->fixes[a->n_fixes].end = (uint32_t)a->size + 4 + tail;
            a->fixes[a->n_fixes++].constant = x.at;
        } else {
            a->full = 1;
        }
        put32(a, 0);
        break;
    case DVT_JIT_ON_STACK:
        put(a, 0x84 | field);
        put(a, 0x24); /* no index, base rsp */
        put32(a, x.at * FRAME);
        break;
    default:
        put(a, 0x44 | field);
        put(a, scale_bits(x.scale) << 6 | (x.scale ? DVT_JIT_RSI : 4u) << 3 | (x.base & 7u));
        put(a, x.at);
    }
}

static void say_end(dvt_jit_assembly *a, int imm) {
    if (imm >= 0) {
        say(a, ", ");
        say_number(a, (uint64_t)imm, 10);
    }
    say(a, "\n");
    a->instructions++;
}

static void put_vex(dvt_jit_assembly *a, const dvt_jit_encoding *how, uint32_t w, uint8_t reg,
                    int vvvv, dvt_jit_operand rm, int imm, int narrow) {
    const uint32_t base = rm.where == DVT_JIT_IN_REGISTER ? rm.reg
                          : rm.where == DVT_JIT_IN_SLOT   ? rm.base
                                                          : 0;
    put(a, 0xC4);
    put(a, (reg < 8 ? 0x80u : 0) | 0x40u | (base < 8 ? 0x20u : 0) | how->map);
    put(a,
        w << 7 | (~(uint32_t)(vvvv < 0 ? 0 : vvvv) & 15u) << 3 | (narrow ? 0 : 4u) | how->prefix);
    put(a, how->opcode);
    put_operand(a, reg, rm, imm >= 0);
    if (imm >= 0) put(a, (uint32_t)imm);
}

void dvt_jit_vex(dvt_jit_assembly *a, const dvt_jit_encoding *how, uint8_t reg, int vvvv,
                 dvt_jit_operand rm, int imm, dvt_jit_width width) {
    const int narrow = width == DVT_JIT_NARROW, stores = how->form == DVT_FORM_STORE;
    const int narrow_reg = narrow || width == DVT_JIT_NARROW_REG;
    const int narrow_rm = narrow || width == DVT_JIT_NARROW_RM;
    put_vex(a, how, how->w, reg, vvvv, rm, imm, narrow);
    say(a, how->mnemonic);
    say(a, " ");
    if (stores)
        say_operand(a, rm, narrow_rm);
    else
        say_register(a, reg, narrow_reg);
    if (vvvv >= 0) {
        say(a, ", ");
        say_register(a, (uint32_t)vvvv, narrow);
    }
    say(a, ", ");
    if (stores)
        say_register(a, reg, narrow_reg);
    else
        say_operand(a, rm, narrow_rm);
    say_end(a, imm);
}

void dvt_jit_shift(dvt_jit_assembly *a, const dvt_jit_encoding *how, uint8_t to, uint8_t from,
                   uint8_t imm) {
    put_vex(a, how, 0, how->w, to, dvt_jit_in(from), imm, 0);
    say(a, how->mnemonic);
    say(a, " ");
    say_register(a, to, 0);
    say(a, ", ");
    say_register(a, from, 0);
    say_end(a, imm);
}

void dvt_jit_load_pointer(dvt_jit_assembly *a, uint8_t reg, uint32_t slot) {
    put(a, 0x48 | (reg >= 8 ? 4u : 0));
    put(a, 0x8B);
    put(a, 0x80 | (uint32_t)(reg & 7) << 3 | DVT_JIT_RDI);
    put32(a, 8 * slot);
    say(a, "mov ");
    say(a, general[reg]);
    say(a, ", [rdi+");
    say_number(a, 8 * slot, 10);
    say(a, "]\n");
}

/* ---- the frame ----------------------------------------------------------------------------------- */

/* push rbp; mov rbp, rsp; push rbx, r12 .. r15; and rsp, -32; sub rsp, (4 bytes) */
static const uint8_t prologue[] = {0x55, 0x48, 0x89, 0xE5, 0x53, 0x41, 0x54, 0x41, 0x55, 0x41,
                                   0x56, 0x41, 0x57, 0x48, 0x83, 0xE4, 0xE0, 0x48, 0x81, 0xEC};
/* mov rax, rsi; vzeroupper; lea rsp, [rbp-40]; pop r15 .. r12, rbx, rbp; ret */
static const uint8_t epilogue[] = {0x48, 0x89, 0xF0, 0xC5, 0xF8, 0x77, 0x48, 0x8D, 0x65, 0xD8, 0x41,
                                   0x5F, 0x41, 0x5E, 0x41, 0x5D, 0x41, 0x5C, 0x5B, 0x5D, 0xC3};

/* Jumps forward to the exit are told apart from the pool's displacements by this number. */
#define TO_EXIT UINT32_MAX

void dvt_jit_begin(dvt_jit_assembly *a) {
    for (size_t i = 0; i < sizeof prologue; i++) put(a, prologue[i]);
    put32(a, 0);
}

static void jump(dvt_jit_assembly *a, uint32_t condition, const char *text) {
    put(a, 0x0F);
    put(a, condition);
    if (a->n_fixes < a->most_fixes) {
        a->fixes[a->n_fixes].at = (uint32_t)a->size;
        a->fixes[a->n_fixes].end = (uint32_t)a->size + 4;
        a->fixes[a->n_fixes++].constant = TO_EXIT;
    } else {
        a->full = 1;
    }
    put32(a, 0);
    say(a, text);
}

void dvt_jit_leave_if_any(dvt_jit_assembly *a, uint8_t mask) {
    put_vex(a, &dvt_jit_encodings[DVT_JIT_GUARD], 0, DVT_JIT_RAX, -1, dvt_jit_in(mask), -1, 0);
    put(a, 0x85); /* test eax, eax */
    put(a, 0xC0);
    say(a, "vmovmskps eax, ");
    say_register(a, mask, 0);
    say(a, "\ntest eax, eax\n");
    jump(a, 0x85, "jnz exit\n");
}

uint32_t dvt_jit_pooled(dvt_jit_assembly *a, uint64_t bits) {
    for (uint32_t c = 0; c < a->n_pool; c++)
        if (a->pool[c] == bits) return c;
    if (a->n_pool == a->most_pool) {
        a->full = 1;
        return 0;
    }
    a->pool[a->n_pool] = bits;
    return a->n_pool++;
}

/* lea rax, [rsi + lanes]; cmp rax, rdx; and a jump to be filled in */
static void compare(dvt_jit_assembly *a, uint32_t lanes, uint32_t condition) {
    static const uint8_t lea[] = {0x48, 0x8D, 0x46}, cmp[] = {0x48, 0x39, 0xD0, 0x0F};
    for (size_t i = 0; i < sizeof lea; i++) put(a, lea[i]);
    put(a, lanes);
    for (size_t i = 0; i < sizeof cmp; i++) put(a, cmp[i]);
    put(a, condition);
    put32(a, 0);
    say(a, "lea rax, [rsi+");
    say_number(a, lanes, 10);
    say(a, "]\ncmp rax, rdx\n");
}

void dvt_jit_loop(dvt_jit_assembly *a, uint32_t lanes) {
    compare(a, lanes, 0x8F);
    a->past = a->size - 4; /* of the jump that passes by the loop */
    say(a, "jg past\n");
    while (a->size % 16 != 0) put(a, 0x90);
    a->loop = a->size;
    say(a, "loop:\n");
}

void dvt_jit_loop_end(dvt_jit_assembly *a, uint32_t lanes) {
    static const uint8_t add[] = {0x48, 0x83, 0xC6};
    for (size_t i = 0; i < sizeof add; i++) put(a, add[i]);
    put(a, lanes);
    say(a, "add rsi, ");
    say_number(a, lanes, 10);
    say(a, "\n");
    compare(a, lanes, 0x8E);
    patch32(a, a->size - 4, (uint32_t)(a->loop - a->size));
    say(a, "jle loop\npast:\n");
    patch32(a, a->past, (uint32_t)(a->size - (a->past + 4)));
}

void dvt_jit_finish(dvt_jit_assembly *a) {
    say(a, "exit:\n");
    const size_t end = a->size;
    for (size_t i = 0; i < sizeof epilogue; i++) put(a, epilogue[i]);
    patch32(a, sizeof prologue, a->n_stack * FRAME);
    while (a->size % 32 != 0) put(a, 0xCC);
    const size_t pool = a->size;
    for (uint32_t c = 0; c < a->n_pool; c++)
        for (int copy = 0; copy < 4; copy++) {
            put32(a, (uint32_t)a->pool[c]);
            put32(a, (uint32_t)(a->pool[c] >> 32));
        }
    for (uint32_t f = 0; f < a->n_fixes; f++) {
        const uint32_t constant = a->fixes[f].constant;
        const size_t to = constant == TO_EXIT ? end : pool + 32 * (size_t)constant;
        patch32(a, a->fixes[f].at, (uint32_t)(to - a->fixes[f].end));
    }
}
