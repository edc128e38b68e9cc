/* The instructions of recorded chains: AVX2, FMA and F16C, and a few short sequences of them. */
#ifndef DVT_CPU_JIT_OPS_H
#define DVT_CPU_JIT_OPS_H

#include <stdint.h>

/* How the operands of an instruction are encoded. m: this operand may lie in memory. */
typedef enum dvt_jit_form {
    DVT_FORM_SOURCE, /* no instruction of its own: a constant or a plain load */
    DVT_FORM_RVM,    /* result, x, y/m */
    DVT_FORM_RVM_SYMMETRIC,
    DVT_FORM_RVMI, /* the same with an immediate */
    DVT_FORM_RM,   /* result, x/m */
    DVT_FORM_RMI,
    DVT_FORM_VMI,   /* result, x, immediate; part of the opcode stands in the register field */
    DVT_FORM_FMA,   /* x * y + z in three encodings */
    DVT_FORM_BLEND, /* mask, yes/m, no */
    DVT_FORM_SEQUENCE,
    DVT_FORM_STORE,
    DVT_FORM_GUARD,
} dvt_jit_form;

/* name, mnemonic, form, prefix (0: none, 1: 66), opcode map (1: 0F, 2: 0F38, 3: 0F3A), W, opcode */
#define DVT_JIT_OPS(X)                                                                             \
    X(CONSTANT, "", SOURCE, 0, 0, 0, 0)                                                            \
    X(LOAD, "vmovups", SOURCE, 0, 1, 0, 0x10)                                                      \
    X(ADD_PS, "vaddps", RVM_SYMMETRIC, 0, 1, 0, 0x58)                                              \
    X(ADD_PD, "vaddpd", RVM_SYMMETRIC, 1, 1, 0, 0x58)                                              \
    X(SUB_PS, "vsubps", RVM, 0, 1, 0, 0x5C)                                                        \
    X(SUB_PD, "vsubpd", RVM, 1, 1, 0, 0x5C)                                                        \
    X(MUL_PS, "vmulps", RVM_SYMMETRIC, 0, 1, 0, 0x59)                                              \
    X(MUL_PD, "vmulpd", RVM_SYMMETRIC, 1, 1, 0, 0x59)                                              \
    X(DIV_PS, "vdivps", RVM, 0, 1, 0, 0x5E)                                                        \
    X(DIV_PD, "vdivpd", RVM, 1, 1, 0, 0x5E)                                                        \
    X(MIN_PS, "vminps", RVM, 0, 1, 0, 0x5D)                                                        \
    X(MIN_PD, "vminpd", RVM, 1, 1, 0, 0x5D)                                                        \
    X(MAX_PS, "vmaxps", RVM, 0, 1, 0, 0x5F)                                                        \
    X(MAX_PD, "vmaxpd", RVM, 1, 1, 0, 0x5F)                                                        \
    X(AND, "vandps", RVM_SYMMETRIC, 0, 1, 0, 0x54)                                                 \
    X(ANDN, "vandnps", RVM, 0, 1, 0, 0x55)                                                         \
    X(OR, "vorps", RVM_SYMMETRIC, 0, 1, 0, 0x56)                                                   \
    X(XOR, "vxorps", RVM_SYMMETRIC, 0, 1, 0, 0x57)                                                 \
    X(CMP_PS, "vcmpps", RVMI, 0, 1, 0, 0xC2)                                                       \
    X(CMP_PD, "vcmppd", RVMI, 1, 1, 0, 0xC2)                                                       \
    X(SQRT_PS, "vsqrtps", RM, 0, 1, 0, 0x51)                                                       \
    X(SQRT_PD, "vsqrtpd", RM, 1, 1, 0, 0x51)                                                       \
    X(ROUND_PS, "vroundps", RMI, 1, 3, 0, 0x08)                                                    \
    X(ROUND_PD, "vroundpd", RMI, 1, 3, 0, 0x09)                                                    \
    X(FMADD_PS, "vfmaddps", FMA, 1, 2, 0, 0x98)                                                    \
    X(FMADD_PD, "vfmaddpd", FMA, 1, 2, 1, 0x98)                                                    \
    X(FNMADD_PS, "vfnmaddps", FMA, 1, 2, 0, 0x9C)                                                  \
    X(FNMADD_PD, "vfnmaddpd", FMA, 1, 2, 1, 0x9C)                                                  \
    X(BLEND_PS, "vblendvps", BLEND, 1, 3, 0, 0x4A)                                                 \
    X(BLEND_PD, "vblendvpd", BLEND, 1, 3, 0, 0x4B)                                                 \
    X(ADD_32, "vpaddd", RVM_SYMMETRIC, 1, 1, 0, 0xFE)                                              \
    X(ADD_64, "vpaddq", RVM_SYMMETRIC, 1, 1, 0, 0xD4)                                              \
    X(SUB_32, "vpsubd", RVM, 1, 1, 0, 0xFA)                                                        \
    X(SUB_64, "vpsubq", RVM, 1, 1, 0, 0xFB)                                                        \
    X(EQ_32, "vpcmpeqd", RVM_SYMMETRIC, 1, 1, 0, 0x76)                                             \
    X(GT_32, "vpcmpgtd", RVM, 1, 1, 0, 0x66)                                                       \
    X(SHL_32, "vpslld", VMI, 1, 1, 6, 0x72)                                                        \
    X(SHR_32, "vpsrad", VMI, 1, 1, 4, 0x72)                                                        \
    X(SHR_LOGICAL_32, "vpsrld", VMI, 1, 1, 2, 0x72)                                                \
    X(SHL_64, "vpsllq", VMI, 1, 1, 6, 0x73)                                                        \
    X(SHR_LOGICAL_64, "vpsrlq", VMI, 1, 1, 2, 0x73)                                                \
    X(TO_INT_PS, "vcvtps2dq", RM, 1, 1, 0, 0x5B)                                                   \
    X(FROM_INT_PS, "vcvtdq2ps", RM, 0, 1, 0, 0x5B)                                                 \
    X(LOW_PD, "vcvtps2pd", SEQUENCE, 0, 1, 0, 0x5A)                                                \
    X(HIGH_PD, "high half", SEQUENCE, 0, 0, 0, 0)                                                  \
    X(JOIN_PD, "both halves", SEQUENCE, 0, 0, 0, 0)                                                \
    X(ROUND_F16, "to float16 and back", SEQUENCE, 0, 0, 0, 0)                                      \
    X(LOAD_F16, "vcvtph2ps", SEQUENCE, 1, 2, 0, 0x13)                                              \
    X(LOAD_BF16, "vpmovzxwd", SEQUENCE, 1, 2, 0, 0x33)                                             \
    X(LOAD_MASK_32, "vpmovzxbd", SEQUENCE, 1, 2, 0, 0x31)                                          \
    X(LOAD_MASK_64, "vpmovzxbq", SEQUENCE, 1, 2, 0, 0x32)                                          \
    X(STORE, "vmovups", STORE, 0, 1, 0, 0x11)                                                      \
    X(STORE_F16, "vcvtps2ph", STORE, 1, 3, 0, 0x1D)                                                \
    X(STORE_BF16, "bfloat16", STORE, 0, 0, 0, 0)                                                   \
    X(STORE_MASK_32, "bool", STORE, 0, 0, 0, 0)                                                    \
    X(STORE_MASK_64, "bool", STORE, 0, 0, 0, 0)                                                    \
    X(GUARD, "vmovmskps", GUARD, 0, 1, 0, 0x50)

typedef enum dvt_jit_op {
#define DVT_JIT_NAME(name, mnemonic, form, prefix, map, w, opcode) DVT_JIT_##name,
    DVT_JIT_OPS(DVT_JIT_NAME)
#undef DVT_JIT_NAME
        DVT_JIT_N_OPS
} dvt_jit_op;

typedef struct dvt_jit_encoding {
    const char *mnemonic;
    uint8_t form, prefix, map, w, opcode; /* w: of VMI, the register field */
} dvt_jit_encoding;

extern const dvt_jit_encoding dvt_jit_encodings[DVT_JIT_N_OPS];

static inline int dvt_jit_is_load(uint8_t op) {
    return op == DVT_JIT_LOAD || (op >= DVT_JIT_LOAD_F16 && op <= DVT_JIT_LOAD_MASK_64);
}

static inline uint32_t dvt_jit_n_operands(uint8_t op) {
    switch (dvt_jit_encodings[op].form) {
    case DVT_FORM_SOURCE:
        return 0;
    case DVT_FORM_RVM:
    case DVT_FORM_RVM_SYMMETRIC:
    case DVT_FORM_RVMI:
        return 2;
    case DVT_FORM_FMA:
    case DVT_FORM_BLEND:
        return 3;
    case DVT_FORM_SEQUENCE:
        return op == DVT_JIT_JOIN_PD ? 2 : dvt_jit_is_load(op) ? 0 : 1;
    default:
        return 1;
    }
}

#endif
