import Compute
import Recordings
import ReferenceDevice
import Tensors
import TestSupport
import Testing

/// Sequences that are run in pieces, with what convolutions and scans keep of them, against the same run at once.
@Suite(.oneAtATime) struct ScannedSequenceTests {
  private static let hidden = 12

  /// A convolution whose answers are queries, keys and values of a scan.
  private struct Layer {
    let program: Program
    let input: Value

    init(_ scan: Scan, tokens: Int, positions: Int, device: any Device) throws {
      var recorder = ProgramRecorder(
        batch: 1, tokens: tokens, positions: positions, compute: device.compute)
      input = recorder.input(columns: hidden)
      let x = recorder.operand(input)
      func vector(_ name: String, _ count: Int) -> Parameter {
        recorder.vector([ParameterPart(name: name, rows: count)])
      }
      let projection = recorder.matrix(
        [ParameterPart(name: "in", rows: 22 + scan.stepCount)], columns: hidden)
      let projected = recorder.linear(x, weight: projection)
      let weight = vector("convolution", 20 * 4)
      let mixed = recorder.convolution(
        recorder.operand(projected, columns: 0..<20), .init(taps: 4, hasSiLU: true), weight: weight,
        bias: nil)
      let isDelta = if case .delta = scan.rule { true } else { false }
      let inputs = ScanInputs(
        query: recorder.operand(mixed, columns: 0..<4),
        key: recorder.operand(mixed, columns: 4..<8),
        value: recorder.operand(mixed, columns: 8..<20),
        step: recorder.operand(projected, columns: 22..<22 + scan.stepCount),
        rate: isDelta ? recorder.operand(projected, columns: 20..<22) : nil)
      let (decay, bias) = (vector("decay", 2), vector("bias", scan.stepCount))
      let weights = ScanWeights(decay: decay, bias: bias, skip: isDelta ? nil : vector("skip", 2))
      recorder.finish(output: recorder.scan(inputs, weights, scan))
      program = try Program(recorder.recording, device: device, training: .nothing)
    }

    func run(_ rows: ArraySlice<Float>) -> [Float] {
      program[range: input].write(Array(rows), program.compute)
      program.forward()
      return program.output.numbers(rows.count, program.compute)
    }
  }

  /// Pieces shorter and longer than what a convolution looks back on, and than a chunk.
  @Test(arguments: Devices.available, [[37, 1, 1, 1, 2, 60], [1, 1, 1, 1], [130, 3], [64, 64]])
  func pieces(choice: Devices.Choice, pieces: [Int]) throws {
    let device = try choice.make()
    let rules: [Scan.Rule] = [.delta(epsilon: 1e-6), .stateSpace(least: 0, greatest: .infinity)]
    for (index, rule) in (rules + rules.prefix(1)).enumerated() {
      var scan = Scan(keyHeadCount: 1, valueHeadCount: 2, keySize: 4, valueSize: 6, rule: rule)
      scan.decaysByChannel = index == 2
      let tokens = pieces.reduce(0, +)
      var generator = SeededGenerator(seed: 8)
      let x = generator.normal(tokens * Self.hidden)
      let whole = try Layer(scan, tokens: tokens, positions: tokens, device: device)
      for part in whole.program.parameterParts {
        whole.program.load(generator.tensor([part.rows, part.columns], deviation: 0.5), into: part)
      }
      let expected = whole.run(x[...])
      let sequence = whole.program.makeSequence(capacity: tokens)
      var found: [Float] = []
      for piece in pieces {
        let layer = try Layer(scan, tokens: piece, positions: tokens, device: device)
        layer.program.parameters = whole.program.parameters
        layer.program.sequence = sequence
        found += layer.run(x[found.count..<found.count + piece * Self.hidden])
      }
      expectClose(
        found, expected,
        device.compute == .float32 ? Tolerance(ofLargest: 1e-5) : Tolerance(ofLargest: 0x1p-7))
    }
  }
}
