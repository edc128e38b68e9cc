/* Memory for code: written first, then executable, never both. */
#include "jit.h"

#if defined(__x86_64__) && defined(__unix__)
#include <string.h>
#include <sys/mman.h>

void *dvt_jit_make_executable(const void *code, size_t size) {
    void *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 0;
    memcpy(memory, code, size);
    if (mprotect(memory, size, PROT_READ | PROT_EXEC) == 0) return memory;
    munmap(memory, size);
    return 0;
}

void dvt_jit_release(void *memory, size_t size) {
    munmap(memory, size);
}
#else
void *dvt_jit_make_executable(const void *code, size_t size) {
    (void)code;
    (void)size;
    return 0;
}

void dvt_jit_release(void *memory, size_t size) {
    (void)memory;
    (void)size;
}
#endif
