import CPU
import Compute
import Recordings
import ReferenceDevice
import Tensors
import TestSupport
import Testing

/// A sequence that is run in pieces on cached keys and values against the same sequence run at once.
@Suite(.oneAtATime) struct CachedSequenceTests {
  private static let hidden = 32
  private static let shape = (heads: 4, groups: 2, headSize: 8)

  /// An attention layer with its residual, for pieces of `tokens` tokens.
  private struct Layer {
    let program: Program
    let input: Value

    init(tokens: Int, positions: Int, window: Int?, device: any Device) throws {
      var recorder = ProgramRecorder(
        batch: 1, tokens: tokens, positions: positions, compute: device.compute)
      input = recorder.input(columns: hidden)
      let embedding = RotaryEmbedding(
        headSize: 8, table: Angles(rotated: 8).table(positions: positions))
      let projection = recorder.matrix([ParameterPart(name: "in", rows: 64)], columns: hidden)
      let projected = recorder.linear(recorder.operand(input), weight: projection)
      let query = recorder.rotary(
        recorder.operand(projected, columns: 0..<32), embedding)
      let key = recorder.rotary(
        recorder.operand(projected, columns: 32..<48), embedding)
      let mixed = recorder.attention(
        query: recorder.operand(query), key: recorder.operand(key),
        value: recorder.operand(projected, columns: 48..<64),
        shape: AttentionShape(
          headCount: shape.heads, keyValueHeadCount: shape.groups, headSize: shape.headSize,
          scale: 0.35, visible: window.map { .window($0) } ?? .all))
      let matrix = recorder.matrix([ParameterPart(name: "out", rows: hidden)], columns: 32)
      let attended = recorder.linear(recorder.operand(mixed), weight: matrix)
      recorder.finish(output: recorder.add(input, attended))
      program = try Program(recorder.recording, device: device, training: .nothing)
    }

    func run(_ rows: ArraySlice<Float>) -> [Float] {
      program[range: input].write(Array(rows), program.compute)
      program.forward()
      return program.output.numbers(rows.count, program.compute)
    }
  }

  /// Runs `pieces` tokens at a time, and all of them at once, and compares.
  private func check(
    _ pieces: [Int], positions: Int, window: Int?, on device: any Device, name: String
  ) throws {
    let (tokens, hidden) = (pieces.reduce(0, +), Self.hidden)
    var generator = SeededGenerator(seed: 8)
    let x = generator.normal(tokens * hidden)
    let whole = try Layer(tokens: tokens, positions: tokens, window: window, device: device)
    for part in whole.program.parameterParts {
      whole.program.load(
        generator.tensor([part.rows, part.columns], deviation: 0.25), into: part)
    }
    let expected = whole.run(x[...])

    let sequence = whole.program.makeSequence(capacity: positions)
    var layers: [Int: Layer] = [:]
    var found: [Float] = []
    for piece in pieces {
      let layer =
        try layers[piece]
        ?? Layer(tokens: piece, positions: positions, window: window, device: device)
      layers[piece] = layer
      layer.program.parameters = whole.program.parameters
      layer.program.sequence = sequence
      found += layer.run(x[found.count..<found.count + piece * hidden])
    }
    #expect(sequence.tokenCount == tokens)
    // The products have other shapes, so their sums are in another order.
    expectClose(
      found, expected,
      device.compute == .float32 ? Tolerance(ofLargest: 2e-6) : Tolerance(ofLargest: 0x1p-7),
      "\(name), window \(window ?? 0)")
  }

  /// 37 tokens, then one by one over the steps in which cached keys are read; windows shorter than a step,
  /// as long as one, and longer.
  @Test(arguments: ComputeType.available, [nil, 1, 20, 64, 70])
  func oneByOne(compute: ComputeType, window: Int?) throws {
    try forEachInstructionSet { name in
      try check(
        [37] + Array(repeating: 1, count: 100), positions: 140, window: window,
        on: CPUDevice(compute: compute), name: name)
    }
  }

  /// Pieces of several tokens, of more than a tile, and with more positions than are used.
  @Test(arguments: Devices.available, [nil, 50, 150])
  func severalTokensAtATime(choice: Devices.Choice, window: Int?) throws {
    let device = try choice.make()
    try check([3, 64, 30, 30, 5], positions: 200, window: window, on: device, name: "pieces")
    try check([200, 1, 150], positions: 351, window: window, on: device, name: "tiles")
  }

  /// As many positions as tokens: keys are still read in whole steps, more than there are.
  @Test(arguments: Devices.available, [1, 37, 64, 130])
  func aWholeSequenceThroughACache(choice: Devices.Choice, tokens: Int) throws {
    try check(
      [tokens], positions: tokens, window: nil, on: choice.make(), name: "\(tokens) tokens")
  }

  @Test func moreTokensThanPositionsAreRefused() async {
    await #expect(processExitsWith: .failure) {
      let device = try CPUDevice(compute: .float32)
      let layer = try Layer(tokens: 40, positions: 64, window: nil, device: device)
      layer.program.sequence = layer.program.makeSequence(capacity: 128)
      _ = layer.run(Array(repeating: 0, count: 40 * 32)[...])
      _ = layer.run(Array(repeating: 0, count: 40 * 32)[...])
    }
  }
}
