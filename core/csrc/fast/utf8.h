/* utf8.h: which bytes are UTF-8, as RFC 3629 has it. */
#ifndef DVF_UTF8_H
#define DVF_UTF8_H

#include <stddef.h>

/* Length of the sequence at `s` within `left` bytes (at least one); 0 when there is none: a surrogate, a
 * form longer than it need be, a point beyond U+10FFFF, or other bytes. */
size_t dvf_utf8_sequence(const unsigned char *s, size_t left);

#endif
