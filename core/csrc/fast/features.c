/* Processor features, by CPUID and XGETBV on x86 and by the kernel's word on ARM. */
#ifndef DVF_NO_PYTHON
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#endif

#include "features.h"

#include <stddef.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

/* State that must be enabled in XCR0 for a group of registers to survive a task switch. */
enum { NEEDS_NOTHING = 0, NEEDS_AVX = 0x6, NEEDS_AVX512 = 0xE6, NEEDS_AMX = 0x60006 };
enum { EBX, ECX, EDX, EAX };

static const struct {
    const char *word;
    uint32_t leaf, subleaf, place, bit, state;
} known[] = {
    {"sse3", 1, 0, ECX, 0, NEEDS_NOTHING},       {"ssse3", 1, 0, ECX, 9, NEEDS_NOTHING},
    {"sse4_1", 1, 0, ECX, 19, NEEDS_NOTHING},    {"sse4_2", 1, 0, ECX, 20, NEEDS_NOTHING},
    {"popcnt", 1, 0, ECX, 23, NEEDS_NOTHING},    {"avx", 1, 0, ECX, 28, NEEDS_AVX},
    {"f16c", 1, 0, ECX, 29, NEEDS_AVX},          {"fma", 1, 0, ECX, 12, NEEDS_AVX},
    {"bmi1", 7, 0, EBX, 3, NEEDS_NOTHING},       {"bmi2", 7, 0, EBX, 8, NEEDS_NOTHING},
    {"avx2", 7, 0, EBX, 5, NEEDS_AVX},           {"avxvnni", 7, 1, EAX, 4, NEEDS_AVX},
    {"avx512f", 7, 0, EBX, 16, NEEDS_AVX512},    {"avx512dq", 7, 0, EBX, 17, NEEDS_AVX512},
    {"avx512cd", 7, 0, EBX, 28, NEEDS_AVX512},   {"avx512bw", 7, 0, EBX, 30, NEEDS_AVX512},
    {"avx512vl", 7, 0, EBX, 31, NEEDS_AVX512},   {"avx512vbmi", 7, 0, ECX, 1, NEEDS_AVX512},
    {"avx512vnni", 7, 0, ECX, 11, NEEDS_AVX512}, {"avx512bf16", 7, 1, EAX, 5, NEEDS_AVX512},
    {"avx512fp16", 7, 0, EDX, 23, NEEDS_AVX512}, {"amx_bf16", 7, 0, EDX, 22, NEEDS_AMX},
    {"amx_tile", 7, 0, EDX, 24, NEEDS_AMX},      {"amx_int8", 7, 0, EDX, 25, NEEDS_AMX},
};

static uint32_t enabled_state(void) {
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (1u << 27)) == 0) return 0; /* no OSXSAVE */
    uint32_t low, high;
    __asm__ __volatile__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

uint32_t dvf_cpu_features(const char **words) {
    uint32_t count = 0, state = enabled_state();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t r[4] = {0, 0, 0, 0};
        if (known[i].subleaf != 0) { /* is the subleaf there at all? */
            uint32_t most = 0, b, c, d;
            if (!__get_cpuid_count(known[i].leaf, 0, &most, &b, &c, &d)) continue;
            if (most < known[i].subleaf) continue;
        }
        if (!__get_cpuid_count(known[i].leaf, known[i].subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX]))
            continue;
        if ((r[known[i].place] & (1u << known[i].bit)) == 0) continue;
        if ((state & known[i].state) != known[i].state) continue;
        words[count++] = known[i].word;
    }
    return count;
}

#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

/* Bits of the kernel's AT_HWCAP and AT_HWCAP2; numbers, since old headers lack the younger names. */
static const struct {
    const char *word;
    unsigned long type;
    uint32_t bit;
} known[] = {
    {"neon", AT_HWCAP, 1},   {"fp16", AT_HWCAP, 10}, {"dotprod", AT_HWCAP, 20},
    {"sve", AT_HWCAP, 22},   {"sve2", AT_HWCAP2, 1}, {"i8mm", AT_HWCAP2, 13},
    {"bf16", AT_HWCAP2, 14},
};

uint32_t dvf_cpu_features(const char **words) {
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if ((getauxval(known[i].type) >> known[i].bit & 1) != 0) words[count++] = known[i].word;
    }
    return count;
}

#else

uint32_t dvf_cpu_features(const char **words) {
    uint32_t count = 0;
#if defined(__aarch64__)
    words[count++] = "neon"; /* part of the architecture */
#else
    (void)words;
#endif
    return count;
}

#endif

#ifndef DVF_NO_PYTHON
PyObject *dvf_py_cpu_features(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    const char *words[DVF_MAX_FEATURES];
    uint32_t count = dvf_cpu_features(words);
    PyObject *result = PyTuple_New((Py_ssize_t)count);
    if (result == NULL) return NULL;
    for (uint32_t i = 0; i < count; i++) {
        PyObject *word = PyUnicode_FromString(words[i]);
        if (word == NULL) {
            Py_DECREF(result);
            return NULL;
        }
        PyTuple_SET_ITEM(result, (Py_ssize_t)i, word);
    }
    return result;
}
#endif
