import CPU
import Compute
import Recordings
import Tensors
import TestSupport
import Testing

/// Matrices without memory of their own.
@Suite struct MadeMatrixTests {
  /// Two experts, each of two layers with 3 and 2 rows.
  private func program(_ compute: ComputeType) throws -> (program: Program, parts: [BoundPart]) {
    var recorder = ProgramRecorder(batch: 1, tokens: 4, compute: compute)
    let x = recorder.input(columns: 6)
    let router = recorder.matrix([ParameterPart(name: "router", rows: 2)], columns: 6)
    let logits = recorder.linear(recorder.operand(x), weight: router)
    let routing = recorder.routing(
      recorder.operand(logits), Router(experts: 2, perToken: 1, score: .softmax))
    let copies = recorder.dispatch(recorder.operand(x), routing)
    let parts = [3, 2, 3, 2].enumerated().map { ParameterPart(name: "\($0)", rows: $1) }
    let weight = recorder.matrix(parts, columns: 6)
    recorder.finish(
      output: recorder.combined(
        recorder.groupedLinear(recorder.operand(copies), routing, weight: weight), routing))
    let program = try Program(
      recorder.recording, device: CPUDevice(compute: compute), training: .matrices)
    return (program, program.parameterParts.filter(\.isMade))
  }

  /// Rows come from the parts that have them, converted to the program's type, where they lie or written.
  @Test(arguments: ComputeType.available) func rowsAreThoseOfTheirParts(compute: ComputeType) throws
  {
    let (program, parts) = try program(compute)
    #expect(parts.map(\.name) == ["0", "1", "2", "3"])
    #expect(parts.map(\.rowOffset) == [0, 3, 5, 8])
    var numbers: [Float] = []
    for part in parts {
      let own = (0..<part.rows * 6).map { Float(numbers.count + $0) }
      numbers += own
      program.load(Tensor(own, shape: [part.rows, 6]).converted(to: .float16), into: part)
    }
    let matrix = program.parameters[made: parts[0].parameter]
    for (rows, columns) in [(0..<10, 0..<6), (2..<9, 1..<4), (4..<5, 5..<6)] {
      var found = [UInt8](
        repeating: 0, count: rows.count * columns.count * compute.byteCount)
      found.withUnsafeMutableBytes {
        matrix.write(rows, columns: columns, into: $0.baseAddress!, dtype: compute.dtype)
      }
      let expected = Tensor(
        rows.flatMap { row in columns.map { numbers[row * 6 + $0] } },
        shape: [rows.count, columns.count]
      ).converted(to: compute.dtype)
      #expect(
        Tensor(bytes: found, shape: expected.shape, dtype: compute.dtype) == expected)
    }
    #expect(matrix.place(of: 0..<3, columns: 6, as: compute.dtype) == nil)
    let own = Tensor(zeros: [2, 6], dtype: compute.dtype)
    program.load(own, into: parts[1])
    let updated = program.parameters[made: parts[0].parameter]
    let place = own.withUnsafeBytes(\.baseAddress)
    #expect(updated.place(of: 3..<5, columns: 6, as: compute.dtype) == place)
    #expect(
      updated.place(of: 4..<5, columns: 6, as: compute.dtype)
        == place.map { $0 + 6 * compute.byteCount })
    #expect(updated.place(of: 4..<6, columns: 6, as: compute.dtype) == nil)
  }

  /// A program's memory does not have them.
  @Test func noMemoryIsPlanned() throws {
    let (program, parts) = try program(.float32)
    let bytes = parts.reduce(0) { $0 + $1.rows * $1.columns * 4 }
    let router = 2 * 6 * 4
    #expect(bytes == 10 * 6 * 4)
    #expect(
      Program.byteCount(program.recording, training: .matrices, device: program.device)
        == program.memoryByteCount + router)
  }
}
