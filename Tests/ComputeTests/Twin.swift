import Compute
import Recordings
import ReferenceDevice
import Tensors
import TestSupport
import Testing

/// A small program and the same computation on the reference's tape, recorded side by side on random
/// numbers that both can represent.
struct Twin {
  /// Some columns of a value, in both.
  struct Part {
    let operand: Operand
    let node: Tape.Node
    var value: Value { operand.value }
  }

  /// Weights, in both.
  struct Weight {
    let parameter: Parameter
    let parts: [ParameterPart]
    let isMatrix: Bool
    /// Whether it is a scale of quantized activations, which trains with matrices.
    var isScale = false
    /// Whether it has no gradient.
    var isConstant = false
    let node: Tape.Node
  }

  let compute: ComputeType
  var recorder: ProgramRecorder
  private(set) var inputs: [Part] = []
  var weights: [Weight] = []
  private(set) var output: Part?
  private(set) var outputGradient: [Float] = []
  let tape = Tape()
  private var generator: SeededGenerator

  init(_ compute: ComputeType, batch: Int = 1, tokens: Int, seed: UInt64 = 1) {
    self.compute = compute
    recorder = ProgramRecorder(batch: batch, tokens: tokens, compute: compute)
    generator = SeededGenerator(seed: seed)
  }

  // MARK: What the caller fills

  mutating func input(_ columns: Int, deviation: Float = 1) -> Part {
    input(columns, generator.normal(recorder.rows * columns, deviation: deviation))
  }

  /// An input of these numbers, row after row.
  mutating func input(_ columns: Int, _ numbers: [Float]) -> Part {
    let value = recorder.input(columns: columns)
    let operand = recorder.operand(value)
    let numbers = compute.rounded(numbers)
    let node = Tape.Node(Matrix(rows: recorder.rows, columns: columns, numbers))
    inputs.append(Part(operand: operand, node: node))
    return inputs.last!
  }

  /// Matrices of `rows` rows each, with results about as large as what they are applied to.
  mutating func matrix(rows: [Int], columns: Int) -> Weight {
    let parts = names("matrix", rows)
    let count = rows.reduce(0, +)
    let numbers = compute.rounded(
      generator.normal(count * columns, deviation: 1 / Float(columns).squareRoot()))
    weights.append(
      Weight(
        parameter: recorder.matrix(parts, columns: columns), parts: parts, isMatrix: true,
        node: Tape.Node(Matrix(rows: count, columns: columns, numbers))))
    return weights.last!
  }

  /// A vector of random numbers around `mean`; a constant has no gradient.
  mutating func vector(_ sizes: [Int], around mean: Float, isConstant: Bool = false) -> Weight {
    let parts = names("vector", sizes)
    let numbers = generator.normal(sizes.reduce(0, +), deviation: 0.3).map { $0 + mean }
    weights.append(
      Weight(
        parameter: recorder.vector(parts), parts: parts, isMatrix: false, isConstant: isConstant,
        node: Tape.Node(Matrix(rows: numbers.count, columns: 1, numbers))))
    return weights.last!
  }

  private func names(_ kind: String, _ rows: [Int]) -> [ParameterPart] {
    rows.indices.map { ParameterPart(name: "\(kind) \(weights.count).\($0)", rows: rows[$0]) }
  }

  /// Static, and the recorder last: arguments that record something must be evaluated before it is read.
  static func part(
    _ value: Value, _ node: Tape.Node, _ recorder: ProgramRecorder
  ) -> Part {
    Part(operand: recorder.operand(value), node: node)
  }

  /// Ends both recordings, and runs the reference backward from a random gradient of `output`.
  mutating func finish(_ output: Part) {
    self.output = output
    recorder.finish(output: output.value)
    let (rows, columns) = (output.node.value.rows, output.node.value.columns)
    outputGradient = compute.rounded(generator.normal(rows * columns))
    tape.backward(
      from: output.node, gradient: Matrix(rows: rows, columns: columns, outputGradient))
  }
}
