import CPU
import Compute
import Recordings
import ReferenceDevice
import Tensors
import TestSupport
import Testing

/// A matrix of f32 in a program of bf16: a router whose weights must not be rounded.
@Suite(.oneAtATime) struct WidenedLinearTests {
  @Test func productAndGradientsAreThoseOfTheWholeNumbers() throws {
    var compared = 0
    try forEachInstructionSet { name in
      try check(StandIn(compute: .bfloat16), name)
      compared += 1
    }
    #expect(compared == instructionSets.count)
    try check(ReferenceDevice(compute: .bfloat16), "the reference")
  }

  @Test func nothingIsWidenedWhereTheProgramIsOfFloat32() throws {
    var recorder = ProgramRecorder(batch: 1, tokens: 2, compute: .float32)
    let input = recorder.input(columns: 3)
    let weight = recorder.matrix(
      [ParameterPart(name: "w", rows: 2)], columns: 3, as: .float32)
    recorder.finish(
      output: recorder.linear(recorder.operand(input), weight: weight, as: .float32))
    let device = try CPUDevice(compute: .float32)
    #expect(device.scratch(of: recorder.recording.nodes[0], in: recorder.recording).forward == 0)
  }

  /// Against sums in f64.
  private func check(_ device: any Device, _ name: String) throws {
    let (rows, inputs, outputs) = (5, 40, 7)
    var generator = SeededGenerator(seed: 5)
    let x = ComputeType.bfloat16.rounded(generator.normal(rows * inputs))
    let w = generator.normal(outputs * inputs)
    let b = generator.normal(outputs)
    let dy = generator.normal(rows * outputs)
    #expect(ComputeType.bfloat16.rounded(w) != w && ComputeType.bfloat16.rounded(dy) != dy)

    var recorder = ProgramRecorder(
      batch: 1, tokens: rows, compute: .bfloat16, gradientPrecision: .int8)
    let input = recorder.input(columns: inputs)
    let weight = recorder.matrix(
      [ParameterPart(name: "w", rows: outputs)], columns: inputs, as: .float32)
    let bias = recorder.vector([ParameterPart(name: "b", rows: outputs)])
    recorder.finish(
      output: recorder.linear(
        recorder.operand(input), weight: weight, bias: bias, as: .float32))
    let program = try Program(recorder.recording, device: device, training: .everything)
    let parts = program.parameterParts
    #expect(parts.map(\.type) == [.float32, .float32])
    program.load(Tensor(w, shape: [outputs, inputs]), into: parts[0])
    program.load(Tensor(b, shape: [outputs]), into: parts[1])
    program[range: input].write(x, .bfloat16)
    program.forward()
    let y = program.output.numbers(rows * outputs, .float32)
    program.outputGradient.write(dy, .float32)
    var gradients: [Parameter: [Float]] = [:]
    program.backward { parameter, _, range in
      gradients[parameter] = range.numbers(
        parameter == weight ? outputs * inputs : outputs, .float32)
    }

    let tape = Tape()
    func node(_ rows: Int, _ columns: Int, _ numbers: [Float]) -> Tape.Node {
      Tape.Node(Matrix(rows: rows, columns: columns, numbers))
    }
    let (xNode, wNode) = (node(rows, inputs, x), node(outputs, inputs, w))
    let bNode = node(outputs, 1, b)
    let result = tape.linear(xNode, weight: wNode, bias: bNode)
    tape.backward(from: result, gradient: Matrix(rows: rows, columns: outputs, dy))
    func expect(_ found: [Float], _ wanted: Matrix, _ tolerance: Double, _ what: String) {
      expectClose(
        found.map(Double.init), wanted.elements, Tolerance(ofLargest: tolerance),
        "\(what), \(name)")
    }
    // Weights or gradients of bf16 would be off by a thousandth.
    expect(y, result.value, 1e-6, "result")
    expect(try #require(gradients[weight]), wNode.gradient, 1e-6, "gradient of the matrix")
    expect(try #require(gradients[bias]), bNode.gradient, 1e-6, "gradient of the bias")
    // The gradient of the input is rounded once.
    expect(
      program[gradientOf: input].numbers(rows * inputs, .bfloat16), xNode.gradient, 4e-3,
      "gradient of the input")
  }
}
