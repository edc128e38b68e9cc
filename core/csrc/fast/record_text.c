/* Text for the frames of a recording. Running out of memory closes a text: its frame is then left out,
 * and the call it tells of goes on. */
#include "record_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

static int reserve(dvf_text *text, size_t more) {
    if (text->closed) return 0;
    if (text->room - text->used >= more) return 1;
    size_t room = text->room < 256 ? 256 : text->room;
    while (room - text->used < more) room *= 2;
    char *data = realloc(text->data, room);
    if (data == NULL) {
        text->closed = 1;
        return 0;
    }
    text->data = data;
    text->room = room;
    return 1;
}

void dvf_text_put(dvf_text *text, const char *format, ...) {
    char small[128];
    va_list arguments, again;
    if (text->closed) return;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(small, sizeof small, format, arguments);
    if (size >= 0 && reserve(text, (size_t)size + 1)) { /* vsnprintf writes a NUL as well */
        vsnprintf(text->data + text->used, (size_t)size + 1, format, again);
        text->used += (size_t)size;
    }
    va_end(again);
    va_end(arguments);
}

void dvf_text_string(dvf_text *text, const char *string, size_t most) {
    if (string == NULL) {
        dvf_text_put(text, "null");
        return;
    }
    const unsigned char *s = (const unsigned char *)string;
    size_t left = strnlen(string, most);
    dvf_text_put(text, "\"");
    while (left > 0 && !text->closed) {
        size_t n = dvf_utf8_sequence(s, left);
        if (n == 0) {
            dvf_text_put(text, "\\ufffd");
            n = 1;
        } else if (s[0] == '"' || s[0] == '\\') {
            dvf_text_put(text, "\\%c", s[0]);
        } else if (s[0] < 0x20 || s[0] == 0x7F) {
            dvf_text_put(text, "\\u%04x", s[0]);
        } else {
            dvf_text_put(text, "%.*s", (int)n, (const char *)s);
        }
        s += n;
        left -= n;
    }
    dvf_text_put(text, "\"");
}

void dvf_text_double(dvf_text *text, double number) {
    if (isnan(number)) {
        dvf_text_put(text, "\"nan\"");
    } else if (isinf(number)) {
        dvf_text_put(text, number > 0 ? "\"inf\"" : "\"-inf\"");
    } else {
        char digits[40];
        snprintf(digits, sizeof digits, "%.17g", number);
        /* The decimal sign follows the user's locale; JSON's does not. */
        for (char *c = digits; *c != '\0'; c++) {
            if (strchr("+-0123456789eE", *c) == NULL) *c = '.';
        }
        /* "-0" would read back as an integer, which has no sign. */
        dvf_text_put(text, "%s%s", digits, strpbrk(digits, ".e") == NULL ? ".0" : "");
    }
}

void dvf_text_clear(dvf_text *text) {
    free(text->data);
    *text = (dvf_text){0};
}
