/* Nodes that are several instructions: loads and stores of narrow types, and changes of width. */
#include "jit_registers.h"

#define EXTRACT DVT_JIT_VEX("vextractf128", STORE, 1, 3, 0x19)
#define TO_F16 DVT_JIT_VEX("vcvtps2ph", STORE, 1, 3, 0x1D)
#define FROM_F16 DVT_JIT_VEX("vcvtph2ps", RM, 1, 2, 0x13)
#define TO_PD DVT_JIT_VEX("vcvtps2pd", RM, 0, 1, 0x5A)
#define TO_PS DVT_JIT_VEX("vcvtpd2ps", RM, 1, 1, 0x5A)

static void load(dvt_jit_work *w, uint32_t n) {
    const dvt_jit_node *node = &w->jit->nodes[n];
    const dvt_jit_encoding *how = &dvt_jit_encodings[node->op];
    const dvt_jit_operand from = dvt_jit_slot(w, node);
    const uint8_t to = dvt_jit_result(w, n, 0, 0);
    dvt_jit_vex(w->to, how, to, -1, from, -1, DVT_JIT_NARROW_RM);
    if (node->op == DVT_JIT_LOAD_BF16)
        dvt_jit_shift(w->to, &dvt_jit_encodings[DVT_JIT_SHL_32], to, to, 16);
    if (node->op == DVT_JIT_LOAD_MASK_64) /* 0 or 1 in both halves of a lane */
        dvt_jit_vex(w->to, DVT_JIT_VEX("vpshufd", RMI, 1, 1, 0x70), to, -1, dvt_jit_in(to), 0xA0,
                    DVT_JIT_WIDE);
    if (node->op == DVT_JIT_LOAD_MASK_32 || node->op == DVT_JIT_LOAD_MASK_64) {
        dvt_jit_shift(w->to, &dvt_jit_encodings[DVT_JIT_SHL_32], to, to, 31);
        dvt_jit_shift(w->to, &dvt_jit_encodings[DVT_JIT_SHR_32], to, to, 31);
    }
}

void dvt_jit_sequence(dvt_jit_work *w, uint32_t n) {
    const dvt_jit_node *node = &w->jit->nodes[n];
    if (dvt_jit_is_load(node->op)) {
        load(w, n);
        return;
    }
    const uint8_t x = dvt_jit_fetch(w, node->operand[0]);
    const uint8_t y = node->op == DVT_JIT_JOIN_PD ? dvt_jit_fetch(w, node->operand[1]) : x;
    dvt_jit_use_up(w, n);
    const uint8_t to = dvt_jit_result(w, n, 0, 0);
    switch (node->op) {
    case DVT_JIT_LOW_PD:
        dvt_jit_vex(w->to, TO_PD, to, -1, dvt_jit_in(x), -1, DVT_JIT_NARROW_RM);
        break;
    case DVT_JIT_HIGH_PD:
        dvt_jit_vex(w->to, EXTRACT, x, -1, dvt_jit_in(DVT_JIT_SCRATCH), 1, DVT_JIT_NARROW_RM);
        dvt_jit_vex(w->to, TO_PD, to, -1, dvt_jit_in(DVT_JIT_SCRATCH), -1, DVT_JIT_NARROW_RM);
        break;
    case DVT_JIT_JOIN_PD: /* `to` may be x or y: y is read first */
        dvt_jit_vex(w->to, TO_PS, DVT_JIT_SCRATCH, -1, dvt_jit_in(y), -1, DVT_JIT_NARROW_REG);
        dvt_jit_vex(w->to, TO_PS, to, -1, dvt_jit_in(x), -1, DVT_JIT_NARROW_REG);
        dvt_jit_vex(w->to, DVT_JIT_VEX("vinsertf128", RVMI, 1, 3, 0x18), to, to,
                    dvt_jit_in(DVT_JIT_SCRATCH), 1, DVT_JIT_NARROW_RM);
        break;
    default: /* ROUND_F16, to nearest even */
        dvt_jit_vex(w->to, TO_F16, x, -1, dvt_jit_in(DVT_JIT_SCRATCH), 0, DVT_JIT_NARROW_RM);
        dvt_jit_vex(w->to, FROM_F16, to, -1, dvt_jit_in(DVT_JIT_SCRATCH), -1, DVT_JIT_NARROW_RM);
    }
}

/* Bytes 0 or 1 of a mask's lanes, in the scratch register. */
static void pack_mask(dvt_jit_work *w, uint8_t mask, int wide) {
    const dvt_jit_operand scratch = dvt_jit_in(DVT_JIT_SCRATCH);
    dvt_jit_vex(w->to, EXTRACT, mask, -1, scratch, 1, DVT_JIT_NARROW_RM);
    if (wide) /* every other 32 bits of the two halves */
        dvt_jit_vex(w->to, DVT_JIT_VEX("vshufps", RVMI, 0, 1, 0xC6), DVT_JIT_SCRATCH, mask, scratch,
                    0x88, DVT_JIT_NARROW);
    dvt_jit_vex(w->to, DVT_JIT_VEX("vpackssdw", RVM, 1, 1, 0x6B), DVT_JIT_SCRATCH,
                wide ? DVT_JIT_SCRATCH : mask, scratch, -1, DVT_JIT_NARROW);
    dvt_jit_vex(w->to, DVT_JIT_VEX("vpacksswb", RVM, 1, 1, 0x63), DVT_JIT_SCRATCH, DVT_JIT_SCRATCH,
                scratch, -1, DVT_JIT_NARROW);
    dvt_jit_vex(w->to, DVT_JIT_VEX("vpabsb", RM, 1, 2, 0x1C), DVT_JIT_SCRATCH, -1, scratch, -1,
                DVT_JIT_NARROW);
}

void dvt_jit_write_store(dvt_jit_work *w, uint32_t n) {
    const dvt_jit_node *node = &w->jit->nodes[n];
    const dvt_jit_encoding *how = &dvt_jit_encodings[node->op];
    const uint8_t x = dvt_jit_fetch(w, node->operand[0]);
    const dvt_jit_operand to = dvt_jit_slot(w, node);
    switch (node->op) {
    case DVT_JIT_STORE:
        dvt_jit_vex(w->to, how, x, -1, to, -1, DVT_JIT_WIDE);
        break;
    case DVT_JIT_STORE_F16:
        dvt_jit_vex(w->to, how, x, -1, to, 0, DVT_JIT_WIDE);
        break;
    case DVT_JIT_STORE_BF16: { /* the high halves: signed saturation keeps them */
        const uint8_t half = dvt_jit_take(w);
        dvt_jit_shift(w->to, &dvt_jit_encodings[DVT_JIT_SHR_32], half, x, 16);
        dvt_jit_vex(w->to, EXTRACT, half, -1, dvt_jit_in(DVT_JIT_SCRATCH), 1, DVT_JIT_NARROW_RM);
        dvt_jit_vex(w->to, DVT_JIT_VEX("vpackssdw", RVM, 1, 1, 0x6B), DVT_JIT_SCRATCH, half,
                    dvt_jit_in(DVT_JIT_SCRATCH), -1, DVT_JIT_NARROW);
        dvt_jit_vex(w->to, &dvt_jit_encodings[DVT_JIT_STORE], DVT_JIT_SCRATCH, -1, to, -1,
                    DVT_JIT_NARROW);
        break;
    }
    case DVT_JIT_STORE_MASK_32:
        pack_mask(w, x, 0);
        dvt_jit_vex(w->to, DVT_JIT_VEX("vmovq", STORE, 1, 1, 0xD6), DVT_JIT_SCRATCH, -1, to, -1,
                    DVT_JIT_NARROW);
        break;
    default:
        pack_mask(w, x, 1);
        dvt_jit_vex(w->to, DVT_JIT_VEX("vmovd", STORE, 1, 1, 0x7E), DVT_JIT_SCRATCH, -1, to, -1,
                    DVT_JIT_NARROW);
    }
    dvt_jit_use_up(w, n);
}
