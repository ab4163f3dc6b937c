"""One optimisation for all that is compiled together.

Numba optimises every function with all it calls, and turns each into machine code, before the next one links it in and
optimises it again. Of the step loop nobody ever calls anything but the outermost function, so here the others are
Parts: linked into the Whole as they were written, optimised there once. Measured: 40 % less time to compile.

Written against Numba's compiler pipeline, which is made to be extended (`numba.core.compiler.CompilerBase`), and its
code libraries, which are internal: with a Numba that has changed them, `compiled.ways` does without.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_machinery import register_pass
from numba.core.environment import lookup_environment
from numba.core.typed_passes import NativeLowering

from paged_sim.compiled import is_inlined, ways

ENVIRONMENT = "_ZN08NumbaEnv"

# Passes of Numba's that look for what no kernel has: closures, `with`, `literal_unroll`, exceptions, arrays as a whole.
IDLE_PASSES = {"InlineClosureLikes", "WithLifting", "LiteralUnroll", "RewriteDynamicRaises", "NopythonRewrites"}


class Whole(JITCodeLibrary):
    """The code of a function that Python calls, with that of everything it calls."""

    def _optimize_functions(self, ll_module: binding.ModuleRef) -> None:
        """What follows in `finalize` is enough."""

    def add_linking_library(self, library: Any) -> None:
        """Link in a callee with its callees."""
        pending = [library]
        while pending:
            callee = pending.pop()
            if callee not in self._linking_libraries:
                super().add_linking_library(callee)
                pending.extend(callee.callees() if isinstance(callee, Part) else ())

    def finalize(self) -> None:
        """Optimise, make machine code, and give each Part its environment (what an exception of it would hold)."""
        super().finalize()
        for variable in self._final_module.global_variables:
            if variable.name.startswith(ENVIRONMENT) and (environment := lookup_environment(variable.name)) is not None:
                self.codegen.set_env(variable.name, environment)


class Part(JITCodeLibrary):
    """The code of a function that only compiled code calls: neither optimised nor ready to run before it is linked."""

    def callees(self) -> list[Any]:
        """The libraries it calls."""
        callees: list[Any] = self._linking_libraries
        return callees

    def _optimize_functions(self, ll_module: binding.ModuleRef) -> None:
        """Left to the Whole."""

    def finalize(self) -> None:
        """Nothing can be added any more."""
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """There is no machine code to point to."""
        return 0

    @property
    def codegen(self) -> Part:
        """Numba asks for it to set an environment, which exists only in the Whole."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Left to the Whole."""


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerWhole(NativeLowering):
    """Makes a Whole of a function."""

    _name = "lower_whole"

    def run_pass(self, state: Any) -> bool:
        """Lower, optimise and compile."""
        state.library = Whole(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))


@register_pass(mutates_CFG=True, analysis_only=False)
class LowerPart(NativeLowering):
    """Makes a Part of a function, to become part of its callers' code where that was asked for."""

    _name = "lower_part"

    def run_pass(self, state: Any) -> bool:
        """Lower only."""
        state.library = Part(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.forceinline = is_inlined(state.func_id.func, state.args)
        return bool(super().run_pass(state))


class WholeCompiler(Compiler):
    """Compiles what Python calls."""

    def define_pipelines(self) -> list[Any]:
        """Numba's own passes, but for lowering and those with nothing to do."""
        return _lowering_with(LowerWhole, super().define_pipelines())


class PartCompiler(Compiler):
    """Compiles what compiled code calls."""

    def define_pipelines(self) -> list[Any]:
        """Numba's own passes, but for lowering and those with nothing to do."""
        return _lowering_with(LowerPart, super().define_pipelines())


def _lowering_with(lowering: type, pipelines: list[Any]) -> list[Any]:
    for pipeline in pipelines if ways.chosen()[0] == ways.LINKED else []:
        pipeline.passes = [
            (lowering if step is NativeLowering else step, aim)
            for step, aim in pipeline.passes
            if step.__name__ not in IDLE_PASSES
        ]
    return pipelines
