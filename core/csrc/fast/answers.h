/* answers.h: what a plugin answers is checked here once, before the core believes it. A plugin that
 * breaks the contract where that can be seen gets a sentence that names device, op and slot. */
#ifndef DVF_ANSWERS_H
#define DVF_ANSWERS_H

#include "fast.h"

/* Static text of a plugin as str; what is no UTF-8 is replaced. `otherwise` stands for null. */
PyObject *dvf_plugin_text(const char *text, const char *otherwise);
/* The text of an error, ended within its buffer whatever the plugin wrote. */
const char *dvf_error_text(dvt_error *error);
/* Raise a DeviceError that says how `slot` broke the contract; returns -1. */
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
int dvf_broken(const char *what, const char *device, const char *slot, const char *format, ...);
/* What prepare answered beside DVT_OK; 0 or -1. */
int dvf_check_kernel_info(const dvt_kernel_info *info, const dvf_device *device, const char *op);
/* What compile answered beside DVT_OK; 0 or -1. */
int dvf_check_executable_info(const dvt_executable_info *info, const dvt_executable *handle,
                              const dvf_device *device);
/* What device_info answered: 0 with space 0 copied (zero when there is none), or -1. */
int dvf_check_device_info(const dvt_device_info *info, const char *device, dvt_memory_space *space);

#endif
