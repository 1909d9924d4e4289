"""The text of a C file: constants, arrays and functions, in the order in which they are needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

_LINE = 96
_GUARD = """
#if (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(_M_FP_FAST)
#error "NaN in x @MEANING@: compile without -ffast-math, -ffinite-math-only or /fp:fast"
#endif
"""
_TYPES = {"float": np.float32, "double": np.float64, "size_t": np.int64}


class Source:
    """Sections of a C file that grow one by one; each function is there once."""

    def __init__(self) -> None:
        self._constants: list[str] = []
        self._types: list[str] = []
        self._arrays: list[str] = []
        self._functions: list[str] = []
        self._names: set[str] = set()

    def define(self, **constants: Any) -> None:
        """Add constants by name."""
        self._constants += [f"#define {name} {value}" for name, value in constants.items()]

    def array(self, name: str, values: ArrayLike, *, kind: str = "float") -> str:
        """Add an array in C's order, and return its name."""
        with np.errstate(over="ignore"):
            numbers = np.asarray(values, _TYPES[kind])
        if not np.isfinite(numbers).all():  # C has no constant for them
            raise ValueError(
                f"The array {name!r} of the C file would have values that are not finite or too "
                f"large for {kind}: see parameters_ of this name or of the same layer. "
                "Fit again, or load other parameters."
            )
        words = [literal(x) for x in numbers.ravel()]
        shape = " x ".join(map(str, numbers.shape))
        first = f"static const {kind} {name}[{numbers.size}] = {{ /* {shape} */"
        self._arrays.append("\n".join([first, *wrapped(words), "};"]))
        return self._new(name)

    def strings(self, name: str, words: Sequence[str]) -> str:
        """Add an array of strings, and return its name."""
        self._arrays.append(f"static const char *const {name}[{len(words)}] = {strings_in(words)};")
        return self._new(name)

    def table(self, kind: str, name: str, rows: Sequence[Sequence[Any]]) -> str:
        """Add an array of records of constants, and return its name."""
        lines = "\n".join(f"    {{{', '.join(map(str, row))}}}," for row in rows)
        self._arrays.append(f"static const {kind} {name}[{len(rows)}] = {{\n{lines}\n}};")
        return self._new(name)

    def record(self, kind: str, name: str, *values: Any) -> str:
        """Add a record of constants, and return its name."""
        self._arrays.append(f"static const {kind} {name} = {{{', '.join(map(str, values))}}};")
        return self._new(name)

    def declare(self, text: str) -> None:
        """Add the declaration of a type, once; the arrays come behind it."""
        self._once(self._types, text)

    def function(self, text: str) -> None:
        """Add a function that those behind it may call, once."""
        self._once(self._functions, text)

    def text(self) -> str:
        """Return all sections."""
        sections = ["\n".join(self._constants), *self._types, *self._arrays, *self._functions]
        return "\n\n".join(section.strip("\n") for section in sections) + "\n"

    def _new(self, name: str) -> str:
        """Return a name, which no other part of the network may have taken."""
        assert name not in self._names, f"two arrays {name}"
        self._names.add(name)
        return name

    @staticmethod
    def _once(section: list[str], text: str) -> None:
        text = text.strip("\n")
        if text not in section:
            section.append(text)


def guard_of_nan(source: Source, meaning: str) -> None:
    """Stop compilers that assume that there is no NaN; meaning: what NaN in x is."""
    source.declare(_GUARD.replace("@MEANING@", meaning))


def strings_in(words: Sequence[str]) -> str:
    """Return the initial values of an array of strings."""
    return "\n".join(["{", *wrapped([quoted(word) for word in words]), "}"])


def quoted(text: str) -> str:
    """Return a string in C, in UTF-8."""
    plain = set(map(chr, range(32, 127))) - set('"\\\\?')  # with ? there are trigraphs
    return '"' + "".join(
        chr(byte) if chr(byte) in plain else f"\\{byte:03o}"
        for byte in text.encode("utf-8", "surrogatepass")
    ) + '"'  # fmt: skip


def in_comment(text: str) -> str:
    """Return a text as a string of JSON in ASCII that neither ends a comment nor begins one."""
    return json.dumps(text).replace("*/", "*\\/").replace("/*", "/\\u002a")


def literal(number: Any) -> str:
    """Return a number in C, which reads it back to the last bit."""
    if number.dtype.kind == "i":
        return str(number)
    if number.dtype == np.float64:
        word = f"{number:.17g}"
        return word if set(word) & set(".e") else word + ".0"
    word = f"{number:.9g}"
    return (word if set(word) & set(".e") else word + ".0") + "f"


def wrapped(words: list[str]) -> list[str]:
    """Return words with commas in lines of limited width: compilers need not read long ones."""
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) + 2 > _LINE:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return [*lines, line]


ADD_PRODUCT = """
/* out (n_out,) += x (n_in,) times weight (n_in, n_out) */
static void add_product(const float *x, size_t n_in, const float *weight, size_t n_out, float *out)
{
    for (size_t j = 0; j < n_in; j++)
        for (size_t k = 0; k < n_out; k++)
            out[k] += x[j] * weight[j * n_out + k];
}
"""

SIGMOID = """
static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}
"""
