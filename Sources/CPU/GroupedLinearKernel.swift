internal import CKernels
import Compute
import MatrixProducts
import Recordings
import Tensors

/// The products of experts with their rows, and those of their gradients.
///
/// Experts' matrices have no memory: each thread makes the tile that it multiplies with, of `MadeMatrix`. The forward pass
/// needs some outputs of an expert with all inputs, the gradient of inputs some inputs with all outputs, so that in each pass
/// every element is made once.
///
/// A piece of the team's work is a part of one expert's product, computed by one thread, so that results do not depend on
/// the number of threads. Rows of an expert are cut into powers of two, whose products are prepared.
struct GroupedLinearKernel: Kernel {
  private let step: Step
  private let shape: LinearShape
  private let experts: Int
  private let expertsAtOnce: Int
  private let forward: GroupedProducts
  private let inputGradient: GroupedProducts?
  /// The first writes, the second adds.
  private let weightGradient: (first: GroupedProducts, rest: GroupedProducts)?
  private var plan: Value { step.node.reads[0] }

  init(_ step: Step, device: CPUDevice) throws {
    self.step = step
    let shape = LinearShape(step.node, in: step.recording)
    self.shape = shape
    experts = step.recording.parameters[step.parameters[0].index].rows / shape.outputs
    expertsAtOnce = Self.expertsAtOnce(of: experts, outputs: shape.outputs)
    let (type, hasBias) = (shape.compute.product, step.parameters.count > 1)
    forward = try GroupedProducts(shape.rows, columns: shape.outputs, device) { rows, columns in
      ProductShape(
        m: rows, n: columns, k: shape.inputs, transposesB: true, rowStrideA: shape.inputStride,
        rowStrideC: shape.outputs, input: type, output: type, hasBias: hasBias)
    }
    let mode = step.training == .nothing ? .none : step.gradientModes[0]
    inputGradient =
      mode == .none
      ? nil
      : try GroupedProducts(shape.rows, columns: shape.inputs, device) { rows, columns in
        ProductShape(
          m: rows, n: columns, k: shape.outputs, rowStrideC: shape.inputStride, input: type,
          output: type,
          accumulates: mode == .accumulate)
      }
    func weightProducts(accumulates: Bool) throws -> GroupedProducts {
      try GroupedProducts(shape.rows, columns: shape.outputs, device) { rows, columns in
        ProductShape(
          m: columns, n: shape.inputs, k: rows, transposesA: true, rowStrideA: shape.outputs,
          rowStrideB: shape.inputStride, input: type, output: .float32, accumulates: accumulates)
      }
    }
    weightGradient =
      step.training == .nothing
      ? nil
      : (try weightProducts(accumulates: false), try weightProducts(accumulates: true))
  }

  static func scratch(of node: Node, in recording: Recording) -> Scratch {
    let shape = LinearShape(node, in: recording)
    let experts = recording.parameters[node.parameters[0].index].rows / shape.outputs
    let count = expertsAtOnce(of: experts, outputs: shape.outputs)
    let size = ThreadTeam.size * shape.compute.byteCount
    return Scratch(
      forward: size * forwardTile(shape),
      backward: max(
        size * backwardTile(shape),
        count * shape.outputs * shape.inputs * MemoryLayout<Float>.stride,
        experts * shape.outputs * MemoryLayout<Float>.stride))
  }

  /// Elements of the largest tile of a matrix in each pass.
  private static func forwardTile(_ shape: LinearShape) -> Int {
    GroupedProducts.tiles(of: shape.outputs)[0].count * shape.inputs
  }

  private static func backwardTile(_ shape: LinearShape) -> Int {
    GroupedProducts.tiles(of: shape.inputs)[0].count * shape.outputs
  }

  /// How many experts' gradients are in memory at the same time: so many that each thread has two tiles to compute.
  private static func expertsAtOnce(of experts: Int, outputs: Int) -> Int {
    let tiles = GroupedProducts.tiles(of: outputs).count
    return min(experts, max(1, (2 * ThreadTeam.size + tiles - 1) / tiles))
  }

  func forward(in program: Program) {
    let plan = PlanPointers(plan, in: program)
    let (x, y) = (program[step.inputs[0]], program[step.result])
    let weight = program.parameters[made: step.parameters[0]]
    let tiles = program.forwardScratch(of: step).pointer
    let (size, dtype) = (shape.compute.byteCount, shape.compute.dtype)
    let tileByteCount = Self.forwardTile(shape) * size
    let (segments, forward, shape) = (plan.segments, forward, shape)
    let biases = step.parameters.count > 1 ? program[step.parameters[1]] : nil
    ThreadTeam.forEach(segments.count * forward.tiles.count) { piece, lane in
      let (segment, tile) = piece.quotientAndRemainder(dividingBy: forward.tiles.count)
      let (expert, rows) = segments[segment]
      let columns = forward.tiles[tile]
      let first = expert * shape.outputs + columns.lowerBound
      let wanted = first..<first + columns.count
      let matrix: UnsafeRawPointer
      if let place = weight.place(of: wanted, columns: shape.inputs, as: dtype) {
        matrix = place
      } else {
        let own = tiles + lane * tileByteCount
        weight.write(wanted, columns: 0..<shape.inputs, into: own, dtype: dtype)
        matrix = UnsafeRawPointer(own)
      }
      let bias = biases.map { UnsafePointer($0 + first) }
      forward.forEach(rows, of: columns) { product, row in
        product.run(
          x + row * shape.inputStride * size, matrix,
          y + (row * shape.outputs + columns.lowerBound) * size,
          bias: bias, lane: lane)
      }
    }
    clear(y, plan.spareRows, columns: shape.outputs, stride: shape.outputs)
  }

  func backward(in program: Program) {
    let plan = PlanPointers(plan, in: program)
    let segments = plan.segments
    let dy = program.gradient(of: step.result)
    // The input's gradient comes first: it needs the weight that the taker of dW may change.
    if let target = program.gradientTarget(0, of: step), let inputGradient {
      addInputGradient(dy, segments, inputGradient, to: target, in: program)
      if !target.accumulates {
        clear(
          target.pointer, plan.spareRows, columns: shape.inputs, stride: target.rowStride)
      }
    }
    if let weightGradient, step.trains(step.parameters[0]), program.wants(step.parameters[0]) {
      deliverWeightGradients(dy, segments, weightGradient, in: program)
    }
    if step.parameters.count > 1, step.trains(step.parameters[1]) {
      deliverBiasGradients(dy, segments, in: program)
    }
  }

  /// Computes and hands over the gradients of a few experts after the other.
  private func deliverWeightGradients(
    _ dy: UnsafeMutableRawPointer, _ segments: [(expert: Int, rows: Range<Int>)],
    _ products: (first: GroupedProducts, rest: GroupedProducts), in program: Program
  ) {
    let range = program.backwardScratch(of: step)
    let (sums, size) = (range.floats, shape.outputs * shape.inputs)
    var rest = segments[...]
    for first in stride(from: 0, to: experts, by: expertsAtOnce) {
      let group = first..<min(first + expertsAtOnce, experts)
      let own = rest.prefix { $0.expert < group.upperBound }
      rest = rest.dropFirst(own.count)
      let rows = group.lowerBound * shape.outputs..<group.upperBound * shape.outputs
      guard program.wants(step.parameters[0], rows: rows) else { continue }
      ThreadTeam.forEach(group.count) { index, _ in
        guard !own.contains(where: { $0.expert == first + index }) else { return }
        (sums + index * size).update(repeating: 0, count: size)
      }
      writeWeightGradient(dy, own, from: first, products, to: sums, in: program)
      program.deliver(range, of: step.parameters[0], rows: rows)
    }
  }

  /// Sums the gradients of each expert's rows.
  private func deliverBiasGradients(
    _ dy: UnsafeMutableRawPointer, _ segments: [(expert: Int, rows: Range<Int>)],
    in program: Program
  ) {
    let range = program.backwardScratch(of: step)
    let (sums, outputs) = (range.floats, shape.outputs)
    sums.update(repeating: 0, count: experts * outputs)
    for (expert, rows) in segments {
      ck_column_sums(
        shape.compute.element, dy, outputs, sums + expert * outputs, outputs, rows.lowerBound,
        rows.upperBound)
    }
    program.deliver(range, of: step.parameters[1])
  }

  private func addInputGradient(
    _ dy: UnsafeMutableRawPointer, _ segments: [(expert: Int, rows: Range<Int>)],
    _ products: GroupedProducts, to target: GradientTarget, in program: Program
  ) {
    let (dx, shape) = (target.pointer, shape)
    let weight = program.parameters[made: step.parameters[0]]
    let tiles = program.backwardScratch(of: step).pointer
    let (size, dtype) = (shape.compute.byteCount, shape.compute.dtype)
    let tileByteCount = Self.backwardTile(shape) * size
    ThreadTeam.forEach(segments.count * products.tiles.count) { piece, lane in
      let (segment, tile) = piece.quotientAndRemainder(dividingBy: products.tiles.count)
      let (expert, rows) = segments[segment]
      let columns = products.tiles[tile]
      let matrix = tiles + lane * tileByteCount
      weight.write(
        expert * shape.outputs..<(expert + 1) * shape.outputs, columns: columns, into: matrix,
        dtype: dtype)
      products.forEach(rows, of: columns) { product, row in
        product.run(
          dy + row * shape.outputs * size, matrix,
          dx + (row * target.rowStride + columns.lowerBound) * size, lane: lane)
      }
    }
  }

  private func writeWeightGradient(
    _ dy: UnsafeMutableRawPointer, _ segments: ArraySlice<(expert: Int, rows: Range<Int>)>,
    from firstExpert: Int, _ products: (first: GroupedProducts, rest: GroupedProducts),
    to dW: UnsafeMutablePointer<Float>, in program: Program
  ) {
    let (x, shape, tiles) = (program[step.inputs[0]], shape, products.first.tiles)
    let size = shape.compute.byteCount
    ThreadTeam.forEach(segments.count * tiles.count) { piece, lane in
      let (segment, tile) = piece.quotientAndRemainder(dividingBy: tiles.count)
      let (expert, rows) = segments[segments.startIndex + segment]
      let outputs = tiles[tile]
      let sum = dW + ((expert - firstExpert) * shape.outputs + outputs.lowerBound) * shape.inputs
      products.first.forEach(rows, of: outputs, rest: products.rest) { product, row in
        product.run(
          dy + (row * shape.outputs + outputs.lowerBound) * size,
          x + row * shape.inputStride * size, sum, lane: lane)
      }
    }
  }

  private func clear(
    _ numbers: UnsafeMutableRawPointer, _ rows: Range<Int>, columns: Int, stride: Int
  ) {
    let size = shape.compute.byteCount
    for row in rows {
      (numbers + row * stride * size).initializeMemory(
        as: UInt8.self, repeating: 0, count: columns * size)
    }
  }
}
