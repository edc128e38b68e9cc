/* vec.h for recording: nothing is computed, each function notes down its instruction (jit.h). Vectors are
 * values of a recording, and what would branch on one becomes a guard: where its condition holds, the code
 * leaves this vector to the interpreter. */
#include "jit.h"

#define DVT_VF_LANES 8
#define DVT_VF_FUSED 1 /* fma rounds once */
#define DVT_VD_LANES 4

typedef dvt_jit_value dvt_vf, dvt_vd, dvt_vi, dvt_vl, dvt_vm, dvt_vn;

#define DVT_RECORD_1(name, op, imm)                                                                \
    DVT_INLINE dvt_jit_value name(dvt_jit_value a) {                                               \
        return dvt_jit_emit(DVT_JIT_##op, imm, 1, &a);                                             \
    }
#define DVT_RECORD_2(name, op, imm)                                                                \
    DVT_INLINE dvt_jit_value name(dvt_jit_value a, dvt_jit_value b) {                              \
        return dvt_jit_emit(DVT_JIT_##op, imm, 2, (dvt_jit_value[]){a, b});                        \
    }
#define DVT_RECORD_3(name, op)                                                                     \
    DVT_INLINE dvt_jit_value name(dvt_jit_value a, dvt_jit_value b, dvt_jit_value c) {             \
        return dvt_jit_emit(DVT_JIT_##op, 0, 3, (dvt_jit_value[]){a, b, c});                       \
    }
#define DVT_RECORD_SHIFT(name, op)                                                                 \
    DVT_INLINE dvt_jit_value name(dvt_jit_value a, int k) {                                        \
        return dvt_jit_emit(DVT_JIT_##op, (uint8_t)k, 1, &a);                                      \
    }
#define DVT_RECORD_NOTHING(name)                                                                   \
    DVT_INLINE dvt_jit_value name(dvt_jit_value a) {                                               \
        return a;                                                                                  \
    }

DVT_INLINE dvt_jit_value dvt_jit_constant(uint64_t bits) {
    return (dvt_jit_value){.bits = bits};
}
DVT_INLINE dvt_vi dvt_vi_set1(int32_t x) {
    return dvt_jit_constant((uint32_t)x * UINT64_C(0x100000001));
}
DVT_INLINE dvt_vf dvt_vf_set1(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return dvt_vi_set1(bits);
}
DVT_INLINE dvt_vl dvt_vl_set1(int64_t x) {
    return dvt_jit_constant((uint64_t)x);
}
DVT_INLINE dvt_vd dvt_vd_set1(double x) {
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return dvt_vl_set1(bits);
}

/* Roundings and comparisons by their immediates, exceptions not reported. */
#define DVT_RECORD_FLOATS(v, S)                                                                    \
    DVT_RECORD_2(v##_add, ADD_##S, 0)                                                              \
    DVT_RECORD_2(v##_sub, SUB_##S, 0)                                                              \
    DVT_RECORD_2(v##_mul, MUL_##S, 0)                                                              \
    DVT_RECORD_2(v##_div, DIV_##S, 0)                                                              \
    DVT_RECORD_2(v##_min, MIN_##S, 0)                                                              \
    DVT_RECORD_2(v##_max, MAX_##S, 0)                                                              \
    DVT_RECORD_3(v##_fma, FMADD_##S)                                                               \
    DVT_RECORD_3(v##_fnma, FNMADD_##S)                                                             \
    DVT_RECORD_1(v##_sqrt, SQRT_##S, 0)                                                            \
    DVT_RECORD_1(v##_round, ROUND_##S, 8)                                                          \
    DVT_RECORD_1(v##_floor, ROUND_##S, 9)                                                          \
    DVT_RECORD_1(v##_ceil, ROUND_##S, 10)                                                          \
    DVT_RECORD_1(v##_trunc, ROUND_##S, 11)                                                         \
    DVT_RECORD_2(v##_eq, CMP_##S, 0x00)                                                            \
    DVT_RECORD_2(v##_ne, CMP_##S, 0x04)                                                            \
    DVT_RECORD_2(v##_lt, CMP_##S, 0x11)                                                            \
    DVT_RECORD_2(v##_le, CMP_##S, 0x12)                                                            \
    DVT_RECORD_2(v##_ge, CMP_##S, 0x1D)                                                            \
    DVT_RECORD_2(v##_gt, CMP_##S, 0x1E)                                                            \
    DVT_RECORD_3(v##_select, BLEND_##S)
DVT_RECORD_FLOATS(dvt_vf, PS)
DVT_RECORD_FLOATS(dvt_vd, PD)

DVT_INLINE dvt_vf dvt_vf_abs(dvt_vf a) {
    return dvt_jit_emit(DVT_JIT_ANDN, 0, 2, (dvt_jit_value[]){dvt_vf_set1(-0.0f), a});
}
DVT_INLINE dvt_vf dvt_vf_neg(dvt_vf a) {
    return dvt_jit_emit(DVT_JIT_XOR, 0, 2, (dvt_jit_value[]){a, dvt_vf_set1(-0.0f)});
}
DVT_INLINE dvt_vd dvt_vd_abs(dvt_vd a) {
    return dvt_jit_emit(DVT_JIT_ANDN, 0, 2, (dvt_jit_value[]){dvt_vd_set1(-0.0), a});
}
DVT_INLINE dvt_vd dvt_vd_neg(dvt_vd a) {
    return dvt_jit_emit(DVT_JIT_XOR, 0, 2, (dvt_jit_value[]){a, dvt_vd_set1(-0.0)});
}

DVT_RECORD_2(dvt_vm_and, AND, 0)
DVT_RECORD_2(dvt_vm_or, OR, 0)
DVT_INLINE dvt_vm dvt_vm_not(dvt_vm a) {
    return dvt_jit_emit(DVT_JIT_XOR, 0, 2, (dvt_jit_value[]){a, dvt_jit_constant(UINT64_MAX)});
}
DVT_INLINE int dvt_vm_any(dvt_vm a) {
    dvt_jit_emit(DVT_JIT_GUARD, 0, 1, &a);
    return 0;
}
DVT_INLINE int dvt_vn_any(dvt_vn a) {
    return dvt_vm_any(a); /* the sign bits of both halves are equal */
}

DVT_RECORD_2(dvt_vi_add, ADD_32, 0)
DVT_RECORD_2(dvt_vi_sub, SUB_32, 0)
DVT_RECORD_2(dvt_vi_and, AND, 0)
DVT_RECORD_2(dvt_vi_or, OR, 0)
DVT_RECORD_2(dvt_vi_xor, XOR, 0)
DVT_RECORD_2(dvt_vi_andnot, ANDN, 0)
DVT_RECORD_2(dvt_vi_eq, EQ_32, 0)
DVT_RECORD_2(dvt_vi_gt, GT_32, 0)
DVT_RECORD_SHIFT(dvt_vi_shl, SHL_32)
DVT_RECORD_SHIFT(dvt_vi_shr, SHR_32)
DVT_RECORD_SHIFT(dvt_vi_shr_logical, SHR_LOGICAL_32)
DVT_RECORD_NOTHING(dvt_vf_as_i)
DVT_RECORD_NOTHING(dvt_vi_as_f)
DVT_RECORD_1(dvt_vf_to_i, TO_INT_PS, 0)
DVT_RECORD_1(dvt_vi_to_f, FROM_INT_PS, 0)

DVT_RECORD_2(dvt_vl_add, ADD_64, 0)
DVT_RECORD_2(dvt_vl_sub, SUB_64, 0)
DVT_RECORD_2(dvt_vl_and, AND, 0)
DVT_RECORD_2(dvt_vl_or, OR, 0)
DVT_RECORD_2(dvt_vl_andnot, ANDN, 0)
DVT_RECORD_SHIFT(dvt_vl_shl, SHL_64)
DVT_RECORD_SHIFT(dvt_vl_shr_logical, SHR_LOGICAL_64)
DVT_RECORD_NOTHING(dvt_vd_as_l)
DVT_RECORD_NOTHING(dvt_vl_as_d)

DVT_RECORD_1(dvt_vf_low_d, LOW_PD, 0)
DVT_RECORD_1(dvt_vf_high_d, HIGH_PD, 0)
DVT_RECORD_2(dvt_vf_from_d, JOIN_PD, 0)

/* For the rare lanes that go through the C library, which a guard keeps out of here. */
DVT_INLINE dvt_vf dvt_vf_load(const float *p) {
    (void)p;
    return (dvt_jit_value){.node = DVT_JIT_LOST};
}
DVT_INLINE void dvt_vf_store(float *p, dvt_vf a) {
    (void)a;
    memset(p, 0, DVT_VF_LANES * sizeof *p);
}
DVT_INLINE dvt_vd dvt_vd_load(const double *p) {
    (void)p;
    return (dvt_jit_value){.node = DVT_JIT_LOST};
}
DVT_INLINE void dvt_vd_store(double *p, dvt_vd a) {
    (void)a;
    memset(p, 0, DVT_VD_LANES * sizeof *p);
}
