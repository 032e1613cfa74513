import CPU
import Compute
import Recordings
import ReferenceDevice
import Tensors
import TestSupport
import Testing

@Suite(.oneAtATime) struct KeySelectionTests {
  private static let shape = AttentionShape(
    headCount: 4, keyValueHeadCount: 2, headSize: 6, valueSize: 5, scale: 0.4)

  /// - Parameter numbers: Those of the queries that choose; nil: random ones.
  private func twin(
    _ compute: ComputeType, batch: Int, tokens: Int, count: Int, queries numbers: Float? = nil
  ) -> Twin {
    var twin = Twin(compute, batch: batch, tokens: tokens, seed: UInt64(tokens + count))
    let (q, k, v) = (twin.input(24), twin.input(12), twin.input(10))
    let selection = KeySelection(headCount: 3, headSize: 8, count: count)
    let queries =
      numbers.map { twin.input(24, Array(repeating: $0, count: batch * tokens * 24)) }
      ?? twin.input(24)
    let index = [queries, twin.input(8), twin.input(3)]
    let y = twin.attention(q, k, v, shape: Self.shape, chosenBy: index, selection)
    // What chooses has no gradient but that of its way around the attention.
    twin.finish(twin.juxtaposed([y] + index))
    return twin
  }

  /// Fewer keys than there are, and all; sequences that end within a task and a word of bits, and with more
  /// keys than a piece has.
  @Test(
    arguments: ComputeType.available,
    [(2, 9, 3), (3, 33, 2), (2, 40, 40), (2, 70, 64), (1, 300, 20), (1, 601, 290)])
  func valuesAndGradients(
    compute: ComputeType, sizes: (batch: Int, tokens: Int, count: Int)
  ) throws {
    let twin = twin(compute, batch: sizes.batch, tokens: sizes.tokens, count: sizes.count)
    try twin.check(AttentionTests.allowance)
    try twin.check(AttentionTests.allowance, training: .nothing)
  }

  /// With scores that are all the same, a query sees the first keys: of a long sequence none of later pieces.
  @Test(arguments: ComputeType.available) func equalScoresChooseTheFirst(compute: ComputeType)
    throws
  {
    try twin(compute, batch: 1, tokens: 600, count: 7, queries: 0).check(AttentionTests.allowance)
  }

  /// A query that is not a number chooses as many keys as another.
  @Test(arguments: ComputeType.available) func scoresThatAreNotNumbers(compute: ComputeType) throws
  {
    var recorder = ProgramRecorder(batch: 1, tokens: 5, compute: compute)
    let (q, k, w) = (
      recorder.input(columns: 4), recorder.input(columns: 4), recorder.input(columns: 1)
    )
    let choice = recorder.keySelection(
      query: q, key: k, weights: w, KeySelection(headCount: 1, headSize: 4, count: 2))
    recorder.finish(output: choice.value)
    let program = try Program(
      recorder.recording, device: CPUDevice(compute: compute), training: .nothing)
    program[range: q].write(Array(repeating: .nan, count: 20), compute)
    program[range: k].write(Array(repeating: 1, count: 20), compute)
    program[range: w].write(Array(repeating: 1, count: 5), compute)
    program.forward()
    #expect(program.output.numbers(5, .float32).map(\.bitPattern) == [1, 3, 3, 3, 3])
  }

  /// A sequence in pieces chooses what it chooses at once.
  @Test(arguments: Devices.available, [[20, 1, 1, 1], [1, 1, 1, 1, 1], [3, 290, 1]])
  func pieces(choice: Devices.Choice, pieces: [Int]) throws {
    let (device, tokens) = (try choice.make(), pieces.reduce(0, +))
    var generator = SeededGenerator(seed: 5)
    let x = device.compute.rounded(generator.normal(tokens * 81))
    func program(_ count: Int) throws -> (program: Program, inputs: [Value]) {
      var recorder = ProgramRecorder(
        batch: 1, tokens: count, positions: tokens, compute: device.compute)
      let inputs = [24, 12, 10, 24, 8, 3].map { recorder.input(columns: $0) }
      let chosen = recorder.keySelection(
        query: inputs[3], key: inputs[4], weights: inputs[5],
        KeySelection(headCount: 3, headSize: 8, count: 4))
      recorder.finish(
        output: recorder.attention(
          query: recorder.operand(inputs[0]), key: recorder.operand(inputs[1]),
          value: recorder.operand(inputs[2]), shape: Self.shape, choice: chosen))
      return (
        try Program(recorder.recording, device: device, training: .nothing), inputs
      )
    }
    func run(_ rows: Range<Int>, _ program: Program, _ inputs: [Value]) -> [Float] {
      var column = 0
      for (input, columns) in zip(inputs, [24, 12, 10, 24, 8, 3]) {
        let numbers = rows.flatMap { x[$0 * 81 + column..<$0 * 81 + column + columns] }
        program[range: input].write(numbers, device.compute)
        column += columns
      }
      program.forward()
      return program.output.numbers(rows.count * 20, device.compute)
    }
    let whole = try program(tokens)
    let expected = run(0..<tokens, whole.program, whole.inputs)
    let sequence = whole.program.makeSequence(capacity: tokens)
    var found: [Float] = []
    for piece in pieces {
      let part = try program(piece)
      part.program.sequence = sequence
      let first = found.count / 20
      found += run(first..<first + piece, part.program, part.inputs)
    }
    expectClose(found, expected, AttentionTests.allowance(device.compute))
  }
}
