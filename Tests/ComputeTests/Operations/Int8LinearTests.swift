import CPU
import Compute
import Recordings
import Tensors
import TestSupport
import Testing

/// Gradients of linear layers in 8-bit integers against those in full.
@Suite(.oneAtATime, .enabled(if: GradientPrecision.int8.isAvailable)) struct Int8LinearTests {
  private struct Gradients: Equatable {
    var weights: [[Float]] = []
    var input: [Float] = []
  }

  /// Two layers that read columns of the same input, then one on their sum: gradients are written, added
  /// and passed on.
  private func gradients(
    _ precision: GradientPrecision, _ compute: ComputeType
  ) throws -> Gradients {
    var recorder = ProgramRecorder(
      batch: 2, tokens: 150, compute: compute, gradientPrecision: precision)
    let x = recorder.input(columns: 96)
    let layers = [(0, "a"), (48, "b"), (0, "c")].map { first, name in
      let weight = recorder.matrix([ParameterPart(name: name, rows: 80)], columns: 48)
      return recorder.linear(recorder.operand(x, columns: first..<first + 48), weight: weight)
    }
    let sum = recorder.add(recorder.add(layers[0], layers[1]), layers[2])
    let last = recorder.matrix([ParameterPart(name: "d", rows: 48)], columns: 80)
    recorder.finish(output: recorder.linear(recorder.operand(sum), weight: last))
    let program = try Program(
      recorder.recording, device: CPUDevice(compute: compute), training: .everything)

    var generator = SeededGenerator(seed: 5)
    for part in program.parameterParts {
      program.load(
        Tensor(generator.uniform(part.rows * part.columns), shape: [part.rows, part.columns]),
        into: part)
    }
    write(generator.uniform(300 * 96), to: program[range: x].pointer, compute)
    program.forward()
    write(generator.uniform(300 * 48), to: program.outputGradient.pointer, compute)
    var gradients = Gradients()
    program.backward { parameter, _, gradient in
      let part = program.parameterParts.first { $0.parameter == parameter }!
      gradients.weights.append(
        Array(UnsafeBufferPointer(start: gradient.floats, count: part.rows * part.columns)))
    }
    gradients.input = read(program[gradientOf: x].pointer, 300 * 96, compute)
    return gradients
  }

  /// The root of the mean square of the difference, in units of that of the exact values.
  private func distance(_ a: [Float], from b: [Float]) -> Float {
    func norm(_ x: some Sequence<Float>) -> Float { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    return norm(zip(a, b).lazy.map { $0 - $1 }) / norm(b)
  }

  @Test(arguments: ComputeType.available) func areCloseToThoseInFull(compute: ComputeType) throws {
    let full = try gradients(.full, compute)
    let int8 = try gradients(.int8, compute)
    #expect(int8.weights.count == 4)
    // Rounding at random to steps of a 127th of the greatest: some 0.4 % of a uniform number's deviation for
    // each operand.
    for (a, b) in zip(int8.weights, full.weights) {
      #expect(distance(a, from: b) < 0.015)
      #expect(distance(a, from: b) > 0)
    }
    #expect(distance(int8.input, from: full.input) < 0.02)
  }

  /// A weight's gradient is the same function of two equal operands, which must not be rounded alike: the
  /// mean over passes comes close to the exact sum, on the diagonal as elsewhere.
  @Test func passesRoundDifferentlyAndAreRightOnAverage() throws {
    let (tokens, size, passes) = (256, 32, 24)
    var recorder = ProgramRecorder(
      batch: 1, tokens: tokens, compute: .float32, gradientPrecision: .int8)
    let x = recorder.input(columns: size)
    let weight = recorder.matrix([ParameterPart(name: "w", rows: size)], columns: size)
    recorder.finish(output: recorder.linear(recorder.operand(x), weight: weight))
    let program = try Program(
      recorder.recording, device: CPUDevice(compute: .float32), training: .matrices)
    // A small number beside a large one, so that rounding decides nearly all of it.
    var values = [Float](repeating: 0.004, count: tokens * size)
    for column in 0..<size { values[column] = 1 }
    write(values, to: program[range: x].pointer, .float32)
    func gradient() -> [Float] {
      program.forward()
      write(values, to: program.outputGradient.pointer, .float32)
      var found: [Float] = []
      program.backward { found = Array(UnsafeBufferPointer(start: $2.floats, count: size * size)) }
      return found
    }
    let first = gradient()
    var sums = first
    for _ in 1..<passes { sums = zip(sums, gradient()).map { $0 + $1 } }
    #expect(gradient() != first)
    program.backwardPass = 0
    #expect(gradient() == first)

    // 255 products of 0 or 1 step with 0 or 1 step, each 1 with probability p^2; and the large numbers, in
    // one pass perhaps one step less than 127. Rounded alike, the diagonal would be near p, not p^2.
    let p: Float = 0.004 * 127
    let products = Float(tokens - 1)
    let exact = 127 * 127 + products * p * p
    let deviation = (products / Float(passes) * p * p * (1 - p * p)).squareRoot()
    let allowed = 5 * deviation + 127 / Float(passes)
    #expect(products * (p - p * p) > 4 * allowed)
    for index in sums.indices {
      let mean = sums[index] / Float(passes) * 127 * 127
      #expect(abs(mean - exact) < allowed, "element \(index)")
    }
  }

  @Test(arguments: ComputeType.available)
  func areTheSameOnAnyNumberOfThreads(compute: ComputeType) throws {
    let first = try gradients(.int8, compute)
    let size = ThreadTeam.size
    defer { ThreadTeam.size = size }
    for threads in [1, 2, 3] {
      ThreadTeam.size = threads
      #expect(try gradients(.int8, compute) == first, "\(threads) threads")
    }
  }
}
