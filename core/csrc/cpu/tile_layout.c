/* Where the tiles of a program's slots lie, and which arrays may lie on each other. */
#include "tile_program.h"

#define NONE UINT32_MAX
#define TILE_BYTES 24576 /* all slots' tiles together: most of the first cache */
#define MOST_ELEMENTS 2048
#define LEAST_ELEMENTS 128
#define GAP 64 /* between tiles, so that equal places of them do not meet in one cache set */

/* Tiles of all slots in a worker's workspace. */
void dvt_tile_lay_out(dvt_tile_program *program) {
    uint32_t bytes = 0, offset = 0;
    for (uint32_t s = 0; s < program->n_slots; s++) bytes += program->slots[s].size;
    uint32_t tile = TILE_BYTES / (bytes ? bytes : 1) / 64 * 64;
    tile = tile > MOST_ELEMENTS ? MOST_ELEMENTS : tile < LEAST_ELEMENTS ? LEAST_ELEMENTS : tile;
    program->tile = tile;
    for (uint32_t s = 0; s < program->n_slots; s++) {
        program->slots[s].offset = offset;
        offset += tile * program->slots[s].size + GAP;
    }
    program->tiles_at = (dvt_tile_table_bytes(program) + 63) / 64 * 64;
    program->worker_bytes = program->tiles_at + offset;
}

/* Output o may lie on input i when every read of i is done before the first write of o, or in the
 * same instruction: block functions allow their result on an operand. */
void dvt_tile_find_aliases(dvt_tile_program *program, const dvt_graph *graph) {
    for (uint32_t o = 0; o < graph->n_outputs && o < 8; o++)
        for (uint32_t i = 0; i < graph->n_inputs && i < 8; i++) {
            const dvt_tensor *in = &graph->values[graph->inputs[i]]->spec;
            const dvt_tensor *out = &graph->values[graph->outputs[o]]->spec;
            int good =
                dvt_contiguous_size(in) == program->size && in->ndim == out->ndim &&
                dvt_type_size(dvt_type_of(in->dtype)) == dvt_type_size(dvt_type_of(out->dtype)) &&
                program->size == dvt_size(out);
            uint32_t write = NONE;
            for (uint32_t k = 0; k < program->n_instructions && good; k++) {
                const dvt_tile_instruction *x = &program->instructions[k];
                for (uint32_t s = 1; s < x->n_slots; s++) {
                    const dvt_tile_slot *slot = &program->slots[x->slot[s]];
                    if (slot->place == DVT_TILE_INPUT && slot->index == i && k > write) good = 0;
                }
                const dvt_tile_slot *to = &program->slots[x->slot[0]];
                if (to->place == DVT_TILE_OUTPUT && to->index == o && write == NONE) write = k;
            }
            if (good) program->may_alias |= UINT64_C(1) << (8 * o + i);
        }
}

/* An update in place that this program would not survive. */
int dvt_tile_breaks_alias(const dvt_tile_program *program, const dvt_graph *graph) {
    for (uint32_t a = 0; a < graph->n_aliases; a++) {
        const dvt_alias *alias = graph->aliases[a];
        if ((alias->flags & DVT_ALIAS_MUST) &&
            (alias->input >= 8 || alias->output >= 8 ||
             !(program->may_alias >> (8 * alias->output + alias->input) & 1)))
            return 1;
    }
    return 0;
}
