/* record_text.h: a growing text with what JSON needs: escaped strings and numbers that read back. */
#ifndef DVF_RECORD_TEXT_H
#define DVF_RECORD_TEXT_H

#include <stddef.h>

/* Zero it to begin. `closed` makes every call below do nothing: memory ran out, or nobody reads. */
typedef struct dvf_text {
    char *data; /* not NUL-terminated */
    size_t used, room;
    int closed;
} dvf_text;

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void dvf_text_put(dvf_text *text, const char *format, ...);
/* A JSON string; null becomes null. Bytes that are no UTF-8 become U+FFFD. */
void dvf_text_string(dvf_text *text, const char *string, size_t most);
/* A number that reads back to the same double; "inf", "-inf" and "nan" are strings. */
void dvf_text_double(dvf_text *text, double number);
void dvf_text_clear(dvf_text *text); /* empty again, with its memory freed */

#endif
