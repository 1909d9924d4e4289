"""The passes of Numba, without two that cost time and do nothing for kernels.

Numba copies a function before it inlines it: each block twice, and with each block all variables
of the function. In a network these copies take a tenth of the time of the compiler. They keep
a function as it is for others who have it; but Numba reads a part anew wherever it inlines it.

And it searches for expressions of whole arrays, of which kernels have none, for another twentieth.
"""

from __future__ import annotations

from typing import Any

from numba.core import ir
from numba.core.compiler import DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.inline_closurecall import InlineWorker
from numba.core.typed_passes import NopythonRewrites
from numba.core.untyped_passes import InlineInlinables


def for_kernels(manager: Any) -> Any:
    """Change the passes of a manager of Numba; return the manager."""
    manager.passes = [
        (_InlineParts if each is InlineInlinables else each, description)
        for each, description in manager.passes
        if each is not NopythonRewrites
    ]
    manager.finalize()
    return manager


class _OwnBlock(ir.Block):
    """A block that only the inliner has: it is its own copy."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _OwnBlock:
        return self


class _Inliner(InlineWorker):
    """Inlines functions, and what they call, without copying them."""

    def __init__(self, state: Any) -> None:
        super().__init__(
            state.typingctx, state.targetctx, state.locals, state.pipeline, state.flags
        )
        self._compiler_pipeline = lambda state: for_kernels(
            DefaultPassBuilder.define_untyped_pipeline(state)
        )

    def inline_ir(
        self, caller_ir: Any, block: Any, i: int, callee_ir: Any, *others: Any, **named: Any
    ) -> Any:
        for own in callee_ir.blocks.values():
            own.__class__ = _OwnBlock
        result = super().inline_ir(caller_ir, block, i, callee_ir, *others, **named)
        for _, inlined in result[-1]:
            inlined.__class__ = ir.Block
        return result


@register_pass(mutates_CFG=True, analysis_only=False)
class _InlineParts(InlineInlinables):
    """Numba's pass with an inliner of our own."""

    _name = "inline_parts"

    def _do_work(
        self, state: Any, work_list: Any, block: Any, i: int, expr: Any, inline_worker: Any
    ) -> Any:
        return super()._do_work(state, work_list, block, i, expr, _Inliner(state))
