import CPU
import Compute
import Recordings
import Tensors
import TestSupport
import Testing

@Suite(.oneAtATime) struct LinearTests {
  @Test(arguments: ComputeType.available, [[8], [5, 3, 17]])
  func productsAndGradients(compute: ComputeType, parts: [Int]) throws {
    for hasBias in [false, true] {
      var twin = Twin(compute, batch: 2, tokens: 7)
      let x = twin.input(24)
      let weight = twin.matrix(rows: parts, columns: 24)
      let bias = hasBias ? twin.vector(parts, around: 0) : nil
      twin.finish(twin.linear(x, weight, bias: bias))
      try twin.check(.sum)
      try twin.check(.sum, training: .matrices)
      try twin.check(.sum, training: .nothing)
    }
  }

  @Test(arguments: [1, 2, 3, 63, 64, 65], [1, 15, 16, 17])
  func sizesAroundThoseOfVectors(rows: Int, columns: Int) throws {
    for compute in ComputeType.available {
      var twin = Twin(compute, tokens: rows)
      let x = twin.input(columns)
      let weight = twin.matrix(rows: [33], columns: columns)
      twin.finish(twin.linear(x, weight, bias: twin.vector([33], around: 0)))
      try twin.check(.sum)
    }
  }

  /// Three products that read and give gradients to columns between others.
  @Test(arguments: ComputeType.available)
  func columnsOfAWiderValue(compute: ComputeType) throws {
    var twin = Twin(compute, tokens: 11)
    let x = twin.input(40)
    var sum: Twin.Part?
    for range in [3..<29, 0..<3, 29..<40] {
      let weight = twin.matrix(rows: [6], columns: range.count)
      let bias = twin.vector([6], around: 0)
      let y = twin.linear(twin.columns(range, of: x), weight, bias: bias)
      sum = sum.map { twin.add($0, y) } ?? y
    }
    twin.finish(try #require(sum))
    try twin.check(.chain)
  }

  @Test(arguments: ComputeType.available)
  func severalReadersAddTheirGradients(compute: ComputeType) throws {
    var twin = Twin(compute, tokens: 9)
    let x = twin.linear(twin.input(16))
    let (a, b, c) = (twin.linear(x), twin.linear(x), twin.linear(x))
    twin.finish(twin.add(twin.add(a, b), c))
    try twin.check(.chain)
    try twin.check(.chain, training: .matrices)
  }

  /// Whole value and part of it: the part's gradient is added to what the whole's reader wrote.
  @Test(arguments: ComputeType.available)
  func columnsThatAreReadAgain(compute: ComputeType) throws {
    var twin = Twin(compute, tokens: 5)
    let x = twin.linear(twin.input(12))
    let weight = twin.matrix(rows: [12], columns: 5)
    let part = twin.linear(twin.columns(4..<9, of: x), weight)
    let whole = twin.linear(x)
    twin.finish(twin.add(part, whole))
    try twin.check(.chain)
  }

  /// The result in f32 of a matrix that is read where it lies: what a bf16 program would round.
  @Test(arguments: ComputeType.available)
  func resultsInFloat32OfABoundMatrix(compute: ComputeType) throws {
    var generator = SeededGenerator(seed: 3)
    let x = Elements(generator.normal(5 * 24), compute)
    let matrix = generator.tensor([7, 24], dtype: compute.dtype)
    var recorder = ProgramRecorder(batch: 1, tokens: 5, compute: compute)
    let input = recorder.input(columns: 24)
    let weight = recorder.matrix([ParameterPart(name: "w", rows: 7)], columns: 24)
    recorder.finish(
      output: recorder.linear(recorder.operand(input), weight: weight, as: .float32))
    let program = try Program(
      recorder.recording, device: CPUDevice(compute: compute), training: .nothing)
    program.bind(matrix, to: try #require(program.parameterParts.first))
    let pointer = program.parameterParts.first.map { UnsafeRawPointer($0.range.pointer) }
    #expect(matrix.withUnsafeBytes { $0.baseAddress == pointer })
    write(x.floats, to: program[range: input].pointer, compute)
    program.forward()
    let (a, b) = (x.floats, matrix.floats())
    var expected: [Double] = []
    for row in 0..<5 {
      for column in 0..<7 {
        var sum = 0.0
        for index in 0..<24 {
          sum += Double(a[row * 24 + index]) * Double(b[column * 24 + index])
        }
        expected.append(sum)
      }
    }
    let y = program.output.floats
    expectClose(
      (0..<35).map { Double(y[$0]) }, expected, Tolerance(ofLargest: 1e-6))
  }
}
