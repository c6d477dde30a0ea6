"""Sums over the rows of a sparse column for several problems at once, one problem a lane of the processor's registers.

Purpose    models that share a matrix but differ in their rows, such as the folds of a cross-validation, need the same
           sums with other factors. Their numbers for one row lie side by side, so that one read of memory serves all.
Layout     numbers of row i and lane l stand at [i * stride + l], stride = LANES (or 1 for a single problem); in a
           `pair` array, float32, a row holds its weights w and then its changes d of the linear predictor, 2 * stride.
Functions  in two forms each, for 1 and for LANES problems; all add to `out` (stride,). A column's rows are
           rows[begin:end], its values values[at:at + end - begin], or ones where at < 0.
             residuals   out += sum of x r             r float64
             weights     out += sum of x^power w       w from a pair
             products    out += sum of x w d           w, d from a pair; added up in single precision
           and `spread_*`, which add x * step to the rows: to d of a pair, or to a float64 array.
Why IR     the loops are written for the compiler's back end, for its own search for vectors misses them: eight lanes
           then cost twice as much as one, not seven times.
Cost       one cache line a row and sum.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8
UNROLLED = 4  # independent sums of a single lane: an addition takes four cycles
WORD = ir.IntType(64)
DOUBLE = ir.DoubleType()
FREE = ("reassoc", "contract")


def _gatherer(lanes: int, per_row: int, offsets: tuple[int, ...], power: int, total: ir.Type) -> Any:
    """out[l] += sum over q of x_q^power times the product of source[rows[q] * per_row + offset + l]."""
    unroll = UNROLLED if lanes == 1 else 1

    @intrinsic
    def gather(context, rows, values, at, begin, end, source, out):
        signature = types.void(rows, values, at, begin, end, source, out)

        def generate(target, build, signature, arguments):
            read = _reader(target, build, signature, arguments)
            to = ir.VectorType(total, lanes)
            sums = [cgutils.alloca_once_value(build, ir.Constant(to, None)) for _ in range(unroll)]

            def one(q, into):
                row = build.mul(read.row(q), ir.Constant(WORD, per_row))
                terms = [read.lanes(source_, row, k, lanes, to) for source_, k in ((5, k) for k in offsets)]
                terms += [read.value(q, to)] * power
                term = terms[0]
                for other in terms[1:]:
                    term = build.fmul(term, other, flags=FREE)
                build.store(build.fadd(build.load(into), term, flags=FREE), into)

            _loop(build, arguments[3], arguments[4], unroll, lambda q, k: one(q, sums[k]))
            whole = build.load(sums[0])
            for more in sums[1:]:
                whole = build.fadd(whole, build.load(more), flags=FREE)
            final = ir.VectorType(DOUBLE, lanes)
            whole = whole if total == DOUBLE else build.fpext(whole, final)
            place = build.bitcast(read.data(6), final.as_pointer())
            build.store(build.fadd(build.load(place, align=8), whole), place, align=8)
            return target.get_dummy_value()

        return signature, generate

    return gather


def _spreader(lanes: int, per_row: int, offset: int, power: int) -> Any:
    """target[rows[q] * per_row + offset + l] += x_q^power step[l]; target and step of one type."""

    @intrinsic
    def spread(context, rows, values, at, begin, end, target, step):
        signature = types.void(rows, values, at, begin, end, target, step)

        def generate(machine, build, signature, arguments):
            read = _reader(machine, build, signature, arguments)
            kind = ir.VectorType(machine.get_data_type(signature.args[5].dtype), lanes)
            steps = read.lanes(6, ir.Constant(WORD, 0), 0, lanes, kind)

            def one(q, _):
                row = build.mul(read.row(q), ir.Constant(WORD, per_row))
                place, size = read.place(5, row, offset, lanes)
                change = build.fmul(steps, read.value(q, kind)) if power else steps
                build.store(build.fadd(build.load(place, align=size), change), place, align=size)

            _loop(build, arguments[3], arguments[4], 1, one)
            return machine.get_dummy_value()

        return signature, generate

    return spread


class _reader:
    """Loads from the arrays of one call: argument k's data, a row's number, a value, the lanes of a row."""

    def __init__(self, target: Any, build: ir.IRBuilder, signature: Any, arguments: Any):
        self.target, self.build, self.types, self.arguments = target, build, signature.args, arguments

    def data(self, k: int) -> Any:
        return cgutils.create_struct_proxy(self.types[k])(self.target, self.build, self.arguments[k]).data

    def row(self, q: Any) -> Any:
        return self.build.zext(self.build.load(self.build.gep(self.data(0), [q])), WORD)

    def value(self, q: Any, kind: ir.VectorType) -> Any:
        """x_q in every lane."""
        build = self.build
        index = build.add(self.arguments[2], build.sub(q, self.arguments[3]))
        x = build.load(build.gep(self.data(1), [index]))
        x = x if kind.element == DOUBLE else build.fptrunc(x, kind.element)
        one = build.insert_element(ir.Constant(kind, ir.Undefined), x, ir.Constant(ir.IntType(32), 0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
        return build.shuffle_vector(one, ir.Constant(kind, ir.Undefined), everywhere)

    def place(self, k: int, row: Any, offset: int, lanes: int) -> tuple[Any, int]:
        element = self.target.get_data_type(self.types[k].dtype)
        at = self.build.add(row, ir.Constant(WORD, offset))
        pointer = self.build.gep(self.data(k), [at])
        return self.build.bitcast(pointer, ir.VectorType(element, lanes).as_pointer()), 8 if element == DOUBLE else 4

    def lanes(self, k: int, row: Any, offset: int, lanes: int, kind: ir.VectorType) -> Any:
        place, size = self.place(k, row, offset, lanes)
        found = self.build.load(place, align=size)
        return found if found.type == kind else self.build.fpext(found, kind)


def _loop(build: ir.IRBuilder, begin: Any, end: Any, unroll: int, body: Callable[[Any, int], None]) -> None:
    """body(q, k) for q in begin, …, end - 1, where k = 0, …, unroll - 1 tells neighbours apart."""
    one, step = ir.Constant(WORD, 1), ir.Constant(WORD, unroll)
    left = build.srem(build.sub(end, begin), step)
    middle = build.sub(end, left)
    with cgutils.for_range_slice(build, begin, middle, step, inc=True) as (q, _):
        for k in range(unroll):
            body(build.add(q, ir.Constant(WORD, k)), k)
    if unroll > 1:
        with cgutils.for_range_slice(build, middle, end, one, inc=True) as (q, _):
            body(q, 0)


SINGLE = ir.FloatType()
residuals_1 = _gatherer(1, 1, (0,), 0, DOUBLE)
residuals_1_valued = _gatherer(1, 1, (0,), 1, DOUBLE)
residuals_8 = _gatherer(LANES, LANES, (0,), 0, DOUBLE)
residuals_8_valued = _gatherer(LANES, LANES, (0,), 1, DOUBLE)
weights_1 = _gatherer(1, 2, (0,), 0, DOUBLE)
weights_1_valued = _gatherer(1, 2, (0,), 1, DOUBLE)
weights_1_squared = _gatherer(1, 2, (0,), 2, DOUBLE)
weights_8 = _gatherer(LANES, 2 * LANES, (0,), 0, DOUBLE)
weights_8_valued = _gatherer(LANES, 2 * LANES, (0,), 1, DOUBLE)
weights_8_squared = _gatherer(LANES, 2 * LANES, (0,), 2, DOUBLE)
products_1 = _gatherer(1, 2, (0, 1), 0, SINGLE)
products_1_valued = _gatherer(1, 2, (0, 1), 1, SINGLE)
products_8 = _gatherer(LANES, 2 * LANES, (0, LANES), 0, SINGLE)
products_8_valued = _gatherer(LANES, 2 * LANES, (0, LANES), 1, SINGLE)
spread_1_pair = _spreader(1, 2, 1, 0)
spread_1_pair_valued = _spreader(1, 2, 1, 1)
spread_8_pair = _spreader(LANES, 2 * LANES, LANES, 0)
spread_8_pair_valued = _spreader(LANES, 2 * LANES, LANES, 1)
spread_1 = _spreader(1, 1, 0, 0)
spread_1_valued = _spreader(1, 1, 0, 1)
spread_8 = _spreader(LANES, LANES, 0, 0)
spread_8_valued = _spreader(LANES, LANES, 0, 1)
