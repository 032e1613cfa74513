import CPU
import Compute
import Recordings
import TestSupport
import Testing

/// Quantized activations inside a program: where they are read from, and where gradients go.
@Suite(.oneAtATime) struct QuantizedActivationsTests {
  static let kinds: [(ActivationQuantization, scale: Float?)] = [
    (ActivationQuantization(.int(bitCount: 8, isSymmetric: true), rule: .tuning), nil),
    (ActivationQuantization(.int(bitCount: 8, isSymmetric: false), rule: .tuning), nil),
    (ActivationQuantization(.int(bitCount: 4, isSymmetric: true), rule: .tuning), nil),
    (
      ActivationQuantization(.int(bitCount: 8, isSymmetric: true), isStatic: true, rule: .tuning),
      0.015
    ),
    (ActivationQuantization(.fp8, rule: .tuning), nil),
    (ActivationQuantization(.fp8, groupSize: 8, rule: .tuning), nil),
    (ActivationQuantization(.fp8, isStatic: true, rule: .tuning), 0.004),
    (ActivationQuantization(.mxfp8, groupSize: 8, rule: .tuning), nil),
    (ActivationQuantization(.mxfp4, groupSize: 8, rule: .tuning), nil),
  ]

  /// Columns of a wider value that others read too, before or after: the gradient is added to theirs.
  @Test(arguments: ComputeType.available, kinds.indices)
  func columnsThatOthersReadToo(compute: ComputeType, kind: Int) throws {
    let (quantization, scale) = Self.kinds[kind]
    for isFirst in [false, true] {
      var twin = Twin(compute, batch: 2, tokens: 5)
      let x = twin.input(40)
      let columns = twin.columns(8..<32, of: x)
      func reader(_ x: Twin.Part) -> Twin.Part {
        twin.linear(x, twin.matrix(rows: [12], columns: x.operand.columns))
      }
      let before = isFirst ? nil : reader(columns)
      let quantized = reader(twin.quantized(columns, quantization, scale: scale))
      let both = twin.add(quantized, before ?? reader(columns))
      let rest = twin.add(
        reader(twin.columns(0..<8, of: x)), reader(twin.columns(32..<40, of: x)))
      twin.finish(twin.add(both, rest))
      let allowance = scale == nil && kind < 3 ? Allowance.chainThroughHalf : .chain
      try twin.check(allowance)
      try twin.check(allowance, training: .matrices)
      try twin.check(.chain, training: .nothing)
    }
  }

  /// Query, key and value projections whose inputs are quantized differently, side by side again.
  @Test(arguments: ComputeType.available) func projectionsOfDifferentKinds(compute: ComputeType)
    throws
  {
    for middle in Self.kinds.indices {
      var twin = Twin(compute, batch: 2, tokens: 4)
      let x = twin.input(24)
      let (quantization, scale) = Self.kinds[middle]
      let first = twin.quantized(x, Self.kinds[0].0)
      let second = twin.quantized(x, quantization, scale: scale)
      let parts = [(first, 12), (second, 6), (x, 6)].map { input, rows in
        twin.linear(input, twin.matrix(rows: [rows], columns: 24))
      }
      twin.finish(twin.linear(twin.juxtaposed(parts)))
      try twin.check(.chain)
      try twin.check(.chain, training: .matrices)
    }
  }

  /// The range of each sample; what a batch holds beyond its samples is not looked at.
  @Test(arguments: ComputeType.available) func observesSamples(compute: ComputeType) throws {
    var recorder = ProgramRecorder(batch: 3, tokens: 4, compute: compute)
    let input = recorder.input(columns: 6)
    let parameter = recorder.scale("s")
    let quantized = recorder.quantizedActivations(
      recorder.operand(input, columns: 1..<4),
      ActivationQuantization(.fp8, isStatic: true, rule: .tuning), scale: parameter)
    recorder.finish(output: quantized)
    let program = try Program(
      recorder.recording, device: CPUDevice(compute: compute), training: .nothing)
    let activations = try #require(program.calibratedActivations.first)
    program.activations = .observed

    func observe(_ samples: Int, _ numbers: [Float]) {
      write(numbers, to: program[range: input].pointer, compute)
      program.sampleCount = samples
      program.forward()
    }
    var numbers = [Float](repeating: 99, count: 3 * 4 * 6)
    for row in 0..<12 {
      for column in 1..<4 { numbers[row * 6 + column] = Float(row + 1) * Float(column - 2) }
    }
    observe(3, numbers)
    observe(2, numbers)
    let scale = activations.scale
    let first = try #require(program.observed[scale])
    #expect(first.map(\.least) == [-4, -8, -12, -4, -8])
    #expect(first.map(\.greatest) == [4, 8, 12, 4, 8])

    // A row that is not a number is not forgotten for those after it.
    program.observed[scale] = nil
    numbers[5 * 6 + 2] = .nan
    observe(3, numbers)
    let second = try #require(program.observed[scale])
    #expect(second.map(\.least.isNaN) == [false, true, false])
    #expect(second.map(\.greatest.isNaN) == [false, true, false])
    #expect(second[2].least == -12 && second[2].greatest == 12)
  }
}
