/* features.h: what this processor can do and its system lets it do. */
#ifndef DVF_FEATURES_H
#define DVF_FEATURES_H

#include <stdint.h>

#define DVF_MAX_FEATURES 64

/* Words such as "avx2", "avx512f" or "dotprod", in a fixed order, for backend manifests. A word is
 * there only when the operating system saves the registers that belong to it: CPUID alone says what
 * the silicon has, not what may be used. Returns how many; `words` has room for DVF_MAX_FEATURES. */
uint32_t dvf_cpu_features(const char **words);

#ifdef Py_PYTHON_H
/* cpu_features() -> tuple of those words. */
PyObject *dvf_py_cpu_features(PyObject *self, PyObject *unused);
#endif

#endif /* DVF_FEATURES_H */
