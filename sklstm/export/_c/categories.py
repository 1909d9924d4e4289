"""Categories in C: x holds their codes, which become vectors; the header lists the codes."""

from __future__ import annotations

from numpy.typing import NDArray

from sklstm.export._c.source import Source, guard_of_nan, in_comment
from sklstm.export._fitted import FittedModel

_TABLE = """
/* the vectors (1 + n, size) of a categorical channel: that of what is unknown, then those of the
   categories; where they stand among those of all channels */
typedef struct {
    size_t channel, n, size, first;
    int is_static;
    const float *vectors;
} table;
"""

_ROW_OF = """
/* the row of a table for a step x (X_CHANNELS,): 0 if it holds no code */
static size_t row_of(const table *p, const float *x)
{
    const float code = x[p->channel];
    if (!(code >= 0.0f && code < (float)p->n))
        return 0;
    const size_t row = 1 + (size_t)code;
    return (float)(row - 1) < code ? 0 : row;
}
"""

_EMBED = """
/* the vectors of x (n_timesteps, X_CHANNELS), behind what else is read of these steps */
static void embed(const float *x, size_t n_timesteps, size_t missing, float *seen)
{
    for (size_t k = 0; k < N_TABLES; k++) {
        const table *p = tables + k;
        size_t known = 0; /* of a static feature, where it is missing at some steps */
        for (size_t t = 0; p->is_static && known == 0 && t < n_timesteps; t++)
            known = row_of(p, x + t * X_CHANNELS);
        for (size_t t = 0; t < n_timesteps; t++) {
            const size_t row = row_of(p, x + t * X_CHANNELS);
            const float *vector = p->vectors + (row > 0 ? row : known) * p->size;
            float *place = seen + (missing + t) / ROW_STEPS * ROW + FIRST_VECTOR +
                           (missing + t) % ROW_STEPS * VECTORS + p->first;
            for (size_t j = 0; j < p->size; j++)
                place[j] = vector[j];
        }
    }
}
"""

# strings have the order of their bytes in UTF-8
_FIND_WORD = """
/* the place of a word among n sorted ones; -1 if it is none of them */
static float find_word(const char *const *words, size_t n, const char *word)
{
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const unsigned char *a = (const unsigned char *)words[middle];
        const unsigned char *b = (const unsigned char *)word;
        while (*a != 0 && *a == *b) {
            a++;
            b++;
        }
        if (*a == *b)
            return (float)middle;
        if (*a < *b)
            low = middle + 1;
        else
            high = middle;
    }
    return -1.0f;
}
"""
_FIND_NUMBER = """
/* the place of a number among n sorted ones; -1 if it is none of them */
static float find_number(const double *numbers, size_t n, double number)
{
    size_t low = 0, high = n;
    while (low < high && !isnan(number)) {
        const size_t middle = low + (high - low) / 2;
        if (numbers[middle] < number)
            low = middle + 1;
        else if (numbers[middle] > number)
            high = middle;
        else
            return (float)middle;
    }
    return -1.0f;
}
"""


def add_tables(source: Source, model: FittedModel) -> None:
    """Add `embed`."""
    sizes = [size for _, size in model.spec.embeddings]
    source.define(N_TABLES=len(sizes), FIRST_VECTOR=model.spec.n_numeric, VECTORS=sum(sizes))
    guard_of_nan(source, "is an unknown category")
    source.declare(_TABLE)
    rows = []
    for k, (channel, known) in enumerate(_channels(model)):
        vectors = source.array(f"embedding_{k}", model.parameters[f"embedding_{k}"])
        is_static = int(channel in model.estimator.static_channels_)
        rows.append([channel, len(known), sizes[k], sum(sizes[:k]), is_static, vectors])
    source.table("table", "tables", rows)
    source.function(_ROW_OF)
    source.function(_EMBED)


def add_codes(source: Source, model: FittedModel, name: str) -> None:
    """Add the functions that give the code of a category, one for each channel."""
    for k, (channel, known) in enumerate(_channels(model)):
        if known.dtype == object:
            array = source.strings(f"categories_{k}", known.tolist())
            find, argument = _FIND_WORD, "word"
        else:
            array = source.array(f"categories_{k}", known, kind="double")
            find, argument = _FIND_NUMBER, "number"
        source.function(find)
        source.function(f"""
float {name}_code_{channel}({_argument(known)})
{{
    return find_{argument}({array}, {len(known)}, {argument});
}}
""")


def declarations(model: FittedModel, name: str) -> str:
    """Return what the header says of categories: their codes, and the functions that give them."""
    texts = []
    for channel, known in _channels(model):
        words = [
            in_comment(each) if known.dtype == object else f"{each:.17g}" for each in known.tolist()
        ]
        lines = "\n".join(f"   {code}: {word}" for code, word in enumerate(words))
        texts.append(f"""
/* Channel {channel} of x, {in_comment(model.channel_names[channel])}, holds codes of categories.
   Any other value, such as NaN or -1, is read as unknown. The function gives the code of a
   category, or -1.
{lines} */
float {name}_code_{channel}({_argument(known)});
""")
    return "".join(texts)


def _channels(model: FittedModel) -> list[tuple[int, NDArray]]:
    """Return the categorical channels of x, and the sorted categories of each."""
    channels = model.categorical.tolist()
    return list(zip(channels, model.estimator.categories_ or (), strict=True))


def _argument(known: NDArray) -> str:
    """Return what the function takes that gives the code of one of these categories."""
    return "const char *word" if known.dtype == object else "double number"
