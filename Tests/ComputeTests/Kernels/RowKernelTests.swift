import CKernels
import CPU
import Compute
import Recordings
import ReferenceDevice
import TestSupport
import Testing

/// Kernels that share out rows, at widths around those of vectors, against the reference. Each call does
/// rows 1 to 3 of 4; the others must stay as they are.
@Suite(.oneAtATime) struct RowKernelTests {
  static let widths = [1, 7, 8, 9, 15, 16, 17, 31, 33, 255]
  private static let rows = 4
  private static let done = 1..<3

  private static func node(_ elements: Elements) -> Tape.Node {
    let columns = elements.count / rows
    return Tape.Node(Matrix(rows: rows, columns: columns, elements.floats))
  }

  /// Compares the rows that were done, and expects all others of `found` to be unwritten.
  private func expectRows(
    _ found: Elements, _ expected: Matrix, _ tolerance: Tolerance, _ what: String
  ) {
    let floats = found.floats
    let columns = floats.count / Self.rows
    for row in 0..<Self.rows {
      let range = row * columns..<(row + 1) * columns
      if Self.done.contains(row) {
        expectClose(
          floats[range].map(Double.init), Array(expected.elements[range]), tolerance, what)
      } else {
        #expect(floats[range].everySatisfies { $0.isNaN }, "\(what): row \(row) was written")
      }
    }
  }

  @Test(arguments: ComputeType.available, widths) func norm(compute: ComputeType, columns: Int) {
    var generator = SeededGenerator(seed: UInt64(columns))
    let count = Self.rows * columns
    let x = Elements(generator.normal(count), compute)
    let dy = Elements(generator.normal(count), compute)
    let weight = generator.normal(columns)
    let (input, epsilon) = (Self.node(x), Float(0.01))
    let weightNode = Tape.Node(Matrix(rows: columns, columns: 1, weight))
    let tape = Tape()
    let kind = Normalization(groupSize: columns, epsilon: epsilon)
    let y = tape.norm(input, kind, weight: weightNode)
    var partial = Self.node(dy).value
    for row in 0..<Self.rows where !Self.done.contains(row) {
      for column in 0..<columns { partial[row, column] = 0 }
    }
    tape.backward(from: y, gradient: partial)

    forEachInstructionSet { isa in
      let name = "\(isa), \(columns) columns"
      let (type, begin, end) = (compute.element, Self.done.lowerBound, Self.done.upperBound)
      let found = Elements(unwritten: count, compute)
      let inverse = Elements(unwritten: Self.rows, .float32)
      let inverses = inverse.pointer.assumingMemoryBound(to: Float.self)
      let settings = UnsafeMutablePointer<ck_norm>.allocate(capacity: 1)
      let weights = Elements(weight, .float32)
      settings.initialize(
        to: ck_norm(
          groups: 1, size: columns,
          weight: weights.pointer.assumingMemoryBound(to: Float.self), bias: nil, weight_step: 0,
          is_centered: false, epsilon: epsilon))
      defer { settings.deallocate() }
      ck_norm_forward(
        type, settings, x.pointer, columns, found.pointer, columns, inverses, begin, end)
      expectRows(found, y.value, Allowance.element(compute), "norm, \(name)")

      var sums = [Float](repeating: 0, count: columns)
      ck_norm_weight_gradient(
        type, settings, dy.pointer, columns, x.pointer, columns, inverses, &sums, begin, end)
      expectClose(
        sums.map(Double.init), weightNode.gradient.elements, Tolerance(ofLargest: 1e-6), name)

      // The two terms of dx cancel in part, in a single column nearly altogether: what rounding leaves goes by
      // their size, some times 1 / (root mean square).
      let tolerance =
        compute == .float32
        ? Tolerance(absolute: 1e-5, ofLargest: 1e-6)
        : Tolerance(absolute: 1e-5, relative: 0x1.01p-8, ofLargest: 1e-6)
      let dx = Elements(unwritten: count, compute)
      ck_norm_backward(
        type, settings, dy.pointer, columns, x.pointer, columns, inverses, dx.pointer, columns,
        false, begin, end)
      expectRows(dx, input.gradient, tolerance, "norm backward, \(name)")

      let total = Elements(dy.floats, compute)
      ck_norm_backward(
        type, settings, dy.pointer, columns, x.pointer, columns, inverses, total.pointer, columns,
        true, begin, end)
      var expected = Self.node(dy).value
      expected += input.gradient
      expectClose(total.floats.map(Double.init), expected.elements, tolerance, name)
    }
  }

  @Test(arguments: ComputeType.available, widths)
  func columnSums(compute: ComputeType, columns: Int) {
    var generator = SeededGenerator(seed: UInt64(columns))
    let dy = Elements(generator.normal(Self.rows * columns), compute)
    let value = Self.node(dy).value
    forEachInstructionSet { name in
      var sums = [Float](repeating: 0.5, count: columns)
      ck_column_sums(
        compute.element, dy.pointer, columns, &sums, columns, Self.done.lowerBound,
        Self.done.upperBound)
      let expected = (0..<columns).map { 0.5 + value[1, $0] + value[2, $0] }
      expectClose(sums.map(Double.init), expected, Tolerance(ofLargest: 1e-6), name)
    }
  }

  @Test(arguments: ComputeType.available, widths)
  func gate(compute: ComputeType, columns: Int) {
    var generator = SeededGenerator(seed: UInt64(columns))
    let x = Elements(generator.normal(Self.rows * 2 * columns, deviation: 3), compute)
    let dy = Elements(generator.normal(Self.rows * columns), compute)
    let input = Self.node(x)
    let tape = Tape()
    let y = tape.gate(
      .silu, tape.columns(0..<columns, of: input), tape.columns(columns..<2 * columns, of: input))
    tape.backward(from: y, gradient: Self.node(dy).value)
    let up = x.pointer + columns * compute.byteCount
    let silu = ck_function(kind: CK_SILU, a: 0, b: 0)
    forEachInstructionSet { isa in
      let name = "\(isa), \(columns) columns"
      let found = Elements(unwritten: dy.count, compute)
      ck_gate(
        compute.element, silu, x.pointer, 2 * columns, up, 2 * columns, found.pointer, columns,
        columns, Self.done.lowerBound, Self.done.upperBound)
      expectRows(found, y.value, Allowance.element(compute), "gate, \(name)")
      let dx = Elements(unwritten: x.count, compute)
      let dg = ck_gradient(to: dx.pointer, stride: 2 * columns, accumulate: false)
      let du = ck_gradient(
        to: dx.pointer + columns * compute.byteCount, stride: 2 * columns, accumulate: false)
      ck_gate_backward(
        compute.element, silu, dy.pointer, columns, x.pointer, 2 * columns, up, 2 * columns, dg, du,
        columns, Self.done.lowerBound, Self.done.upperBound)
      // silu' crosses zero at -1.278, where only the absolute error is small.
      expectRows(dx, input.gradient, Allowance.sum(compute), "gate backward, \(name)")
    }
  }

  @Test(arguments: ComputeType.available, widths)
  func addition(compute: ComputeType, count: Int) {
    var generator = SeededGenerator(seed: UInt64(count))
    let x = Elements(generator.normal(count), compute)
    let y = Elements(generator.normal(count), compute)
    // Not even one rounding too many: the f32 sum, rounded once.
    let expected = compute.rounded(zip(x.floats, y.floats).map { $0 + $1 })
    forEachInstructionSet { name in
      let z = Elements(unwritten: count, compute)
      ck_add(compute.element, x.pointer, y.pointer, z.pointer, 0, count)
      #expect(z.floats == expected, "\(name)")
      let inPlace = Elements(x.floats, compute)
      ck_add(compute.element, inPlace.pointer, y.pointer, inPlace.pointer, 0, count)
      #expect(inPlace.floats == expected, "\(name)")
      ck_add(compute.element, y.pointer, y.pointer, z.pointer, count / 2, count)
      #expect(Array(z.floats[..<(count / 2)]) == Array(expected[..<(count / 2)]), "\(name)")
    }
  }
}
