/* A prepared convolution: how its operands are described to the product engine, and how it runs. */
#include "conv.h"

#include <stdlib.h>

typedef struct conv_call {
    const dvt_conv_kernel *kernel;
    const dvt_conv_part *part;
    const char *left, *right;
    char *result;
} conv_call;

dvt_conv_kernel *dvt_conv_new(const dvt_op *op, uint32_t n_parts, int64_t n_taps,
                              dvt_error *error) {
    dvt_conv_kernel *kernel = malloc(sizeof *kernel + (size_t)n_taps * sizeof(dvt_conv_tap));
    dvt_conv_part *parts = calloc(n_parts, sizeof *parts);
    if (!kernel || !parts) {
        free(kernel);
        free(parts);
        dvt_set_error(error, DVT_OUT_OF_MEMORY, "a convolution's plan found no memory");
        return 0;
    }
    *kernel = (dvt_conv_kernel){.element = dvt_conv_element_of(op->outputs[0]->dtype),
                                .threads = op->host ? op->host->n_threads : 1,
                                .n_parts = n_parts,
                                .parts = parts};
    return kernel;
}

/* One stride that leads from each pixel to the next over rows and images, or 0 when there is
 * none. */
static int even(int64_t images, int64_t grid_h, int64_t grid_w, int64_t image, int64_t h, int64_t w,
                int64_t *stride) {
    int64_t step = grid_w > 1 ? w : grid_h > 1 ? h : image;
    *stride = step;
    return (grid_h <= 1 || h == step * grid_w) && (images <= 1 || image == step * grid_w * grid_h);
}

/* A single tap that sees the image everywhere, with even pixels: a matrix with plain strides. */
static int plain_patches(const dvt_conv_patches *x, int64_t *pixel, int64_t *offset) {
    if (x->n_taps != 1) return 0;
    const dvt_conv_tap *tap = x->taps;
    *offset = tap->h * x->image.h + tap->w * x->image.w;
    return tap->h >= 0 && tap->w >= 0 && (x->grid_h - 1) * x->step_h + tap->h < x->height &&
           (x->grid_w - 1) * x->step_w + tap->w < x->width &&
           even(x->images, x->grid_h, x->grid_w, x->image.image, x->step_h * x->image.h,
                x->step_w * x->image.w, pixel);
}

void dvt_conv_pixels(const dvt_conv_kernel *kernel, dvt_conv_part *part) {
    const dvt_gemm_element *element = kernel->element->element;
    int64_t pixel, offset;
    if (plain_patches(&part->left, &pixel, &offset)) {
        part->offset[0] += offset;
        part->gemm.a = (dvt_gemm_source){.pack = element->pack,
                                         .item = pixel,
                                         .depth = part->left.image.channel,
                                         .plain = element->same};
    } else {
        part->gemm.a =
            (dvt_gemm_source){.pack = kernel->element->pack_pixels, .shape = &part->left};
    }
}

void dvt_conv_features(const dvt_conv_kernel *kernel, dvt_conv_part *part, int right) {
    const dvt_gemm_element *element = kernel->element->element;
    const dvt_conv_patches *patches = right ? &part->right : &part->left;
    dvt_gemm_source *to = right ? &part->gemm.b : &part->gemm.a;
    int64_t pixel, offset;
    if (plain_patches(patches, &pixel, &offset)) {
        part->offset[right ? 1 : 0] += offset;
        *to = (dvt_gemm_source){.pack = element->pack,
                                .item = patches->image.channel,
                                .depth = pixel,
                                .plain = element->same};
    } else {
        *to = (dvt_gemm_source){.pack = kernel->element->pack_features, .shape = patches};
    }
}

static int even_taps(const dvt_conv_part *part, int64_t channel) {
    for (int64_t t = 0; t < part->left.n_taps; t++)
        if (part->left.taps[t].weight !=
            part->left.taps[0].weight + t * part->left.channels * channel)
            return 0;
    return part->left.n_taps > 0;
}

void dvt_conv_weights(const dvt_conv_kernel *kernel, dvt_conv_part *part, int64_t item,
                      int64_t channel) {
    const dvt_gemm_element *element = kernel->element->element;
    part->gemm.b = (dvt_gemm_source){.pack = element->pack, .item = item, .depth = channel};
    if (even_taps(part, channel)) {
        part->offset[1] += part->left.taps[0].weight;
        part->gemm.b.plain = element->same;
        return;
    }
    part->weights = (dvt_conv_rows){.element = element,
                                    .channels = part->left.channels,
                                    .channel = channel,
                                    .taps = part->left.taps};
    part->gemm.b.pack = dvt_conv_pack_weights;
    part->gemm.b.shape = &part->weights;
}

void dvt_conv_result(const dvt_conv_kernel *kernel, dvt_conv_part *part, int64_t images,
                     int64_t grid_h, int64_t grid_w, const dvt_conv_strides *pixel) {
    const dvt_gemm_element *element = kernel->element->element;
    int64_t row;
    part->gemm.c = (dvt_gemm_sink){.column = pixel->channel};
    if (even(images, grid_h, grid_w, pixel->image, pixel->h, pixel->w, &row)) {
        part->gemm.c.row = row;
        if (!element->same || pixel->channel != 1) part->gemm.c.store = element->store;
        return;
    }
    part->result =
        (dvt_conv_rows){.element = element, .grid_h = grid_h, .grid_w = grid_w, .pixel = *pixel};
    part->gemm.c.store = dvt_conv_store_pixels;
    part->gemm.c.shape = &part->result;
}

void dvt_conv_plan(dvt_conv_kernel *kernel, dvt_conv_part *part, int64_t m, int64_t n, int64_t k,
                   int64_t groups) {
    dvt_gemm_make_plan(&part->plan, kernel->element->element->type, m, n, k, (uint64_t)groups,
                       part->gemm.c.store != 0, kernel->threads);
}

void dvt_conv_make_depthwise(dvt_conv_kernel *kernel, dvt_conv_part *part, uint32_t kind,
                             int64_t weight_channel, const dvt_conv_strides *result) {
    const dvt_conv_patches *left = &part->left;
    const double flops = (double)(left->images * left->grid_h * left->grid_w) *
                         (double)(left->channels * left->n_taps);
    const double tasks = kind == DVT_CONV_DEPTHWISE
                             ? (double)(left->images * left->grid_h)
                             : (double)left->n_taps * (double)left->channels / DVT_CONV_CHANNELS;
    const double grain = 20000 / (flops / 4 / (tasks < 1 ? 1 : tasks) + 20);
    kernel->kind = kind;
    kernel->grain = grain < 1 ? 1 : (uint64_t)grain;
    part->plan.cost_ns = (uint64_t)(flops / 4) + 100;
    part->depthwise =
        (dvt_conv_depthwise){.patches = *left, .weight_channel = weight_channel, .result = *result};
}

static void fill(const void *context, uint64_t job, dvt_gemm *gemm) {
    const conv_call *call = context;
    const dvt_conv_part *part = call->part;
    const int64_t size = call->kernel->element->element->size, group = (int64_t)job;
    *gemm = part->gemm;
    gemm->a.data = call->left + (part->offset[0] + group * part->group[0]) * size;
    gemm->b.data = call->right + (part->offset[1] + group * part->group[1]) * size;
    gemm->c.data = call->result + (part->offset[2] + group * part->group[2]) * size;
}

static void depthwise_tasks(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const conv_call *call = context;
    const int64_t size = call->kernel->element->element->size;
    (void)worker;
    call->kernel->element->depthwise(&call->part->depthwise, call->left, call->right,
                                     call->result + call->part->offset[2] * size, (int64_t)begin,
                                     (int64_t)end);
}

static int64_t channel_blocks(const dvt_conv_patches *x) {
    return (x->channels + DVT_CONV_CHANNELS - 1) / DVT_CONV_CHANNELS;
}

static void weight_tasks(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const conv_call *call = context;
    const dvt_conv_patches *patches = &call->part->left;
    const int64_t blocks = channel_blocks(patches);
    (void)worker;
    for (int64_t task = (int64_t)begin; task < (int64_t)end; task++) {
        const int64_t first = task % blocks * DVT_CONV_CHANNELS, rest = patches->channels - first;
        call->kernel->element->depthwise_weight(
            &call->part->depthwise, call->left, call->right, call->result, task / blocks, first,
            rest < DVT_CONV_CHANNELS ? rest : DVT_CONV_CHANNELS);
    }
}

static dvt_status conv_run(const dvt_call *call, dvt_error *error) {
    const dvt_conv_kernel *kernel = (const dvt_conv_kernel *)(const void *)call->kernel;
    conv_call work = {.kernel = kernel,
                      .left = dvt_tensor_data(call->inputs[0]),
                      .right = dvt_tensor_data(call->inputs[1]),
                      .result = dvt_tensor_data(call->outputs[0])};
    if (call->host->n_threads > kernel->threads)
        return dvt_set_error(error, DVT_INTERNAL,
                             "a convolution was prepared for fewer threads than this host now has; "
                             "prepare it again");
    for (uint32_t i = 0; i < kernel->n_parts; i++) {
        const dvt_conv_patches *left = &kernel->parts[i].left;
        work.part = &kernel->parts[i];
        if (kernel->kind == DVT_CONV_PRODUCT)
            dvt_gemm_run(&work.part->plan, call->host, fill, &work, call->workspace);
        else if (kernel->kind == DVT_CONV_DEPTHWISE)
            call->host->parallel_for(call->host, (uint64_t)(left->images * left->grid_h),
                                     kernel->grain, depthwise_tasks, &work);
        else
            call->host->parallel_for(call->host, (uint64_t)(left->n_taps * channel_blocks(left)),
                                     kernel->grain, weight_tasks, &work);
    }
    return DVT_OK;
}

dvt_status dvt_conv_answer(dvt_conv_kernel *kernel, dvt_kernel_info *info) {
    for (uint32_t i = 0; i < kernel->n_parts; i++) {
        info->cost_ns += kernel->parts[i].plan.cost_ns;
        if (kernel->kind == DVT_CONV_PRODUCT) {
            const uint64_t bytes = dvt_gemm_workspace(&kernel->parts[i].plan);
            info->workspace_size = bytes > info->workspace_size ? bytes : info->workspace_size;
        }
    }
    info->flags |= DVT_INFO_DETERMINISTIC;
    info->run = conv_run;
    info->kernel = (dvt_kernel *)(void *)kernel;
    return DVT_OK;
}
