import CPU
import Compute
import Recordings
import ReferenceDevice
import TestSupport
import Testing

/// A backward pass for some gradients alone gives what one for all gives.
@Suite(.oneAtATime) struct WantedGradientTests {
  /// A row of a parameter.
  private struct Row: Hashable {
    var parameter: Parameter
    var number: Int
  }

  /// A layer, experts that read its outputs, and a layer of theirs: five matrices, of which the second is the router.
  private func makeTwin(_ compute: ComputeType) -> Twin {
    var twin = Twin(compute, batch: 2, tokens: 7)
    let before = twin.linear(twin.input(20))
    let experts = twin.experts(
      before, Router(experts: 8, perToken: 2, score: .softmax, normalization: 0), size: 12)
    twin.finish(twin.add(twin.linear(experts), before))
    return twin
  }

  private func gradients(
    _ twin: Twin, _ program: Program, of wanted: Program.WantedRows?
  ) -> [Row: [Float]] {
    for input in twin.inputs {
      program[range: input.value].write(
        input.node.value.elements.map { Float($0) }, twin.compute)
    }
    program.forward()
    program.outputGradient.write(twin.outputGradient, twin.compute)
    var rows: [Row: [Float]] = [:]
    program.backward(of: wanted) { parameter, range, gradient in
      let columns = program.recording.parameters[parameter.index].columns
      let numbers = gradient.numbers(range.count * columns, .float32)
      for (index, row) in range.enumerated() {
        rows[Row(parameter: parameter, number: row)] = Array(
          numbers[index * columns..<(index + 1) * columns])
      }
    }
    return rows
  }

  @Test(arguments: Devices.available) func areThoseOfAll(choice: Devices.Choice) throws {
    let twin = makeTwin(choice.compute)
    let program = try TwinProgram(twin, training: .matrices, device: choice.make()).program
    let all = gradients(twin, program, of: nil)
    let matrices = twin.weights.map(\.parameter)
    #expect(matrices.count == 5)
    #expect(all.count == twin.weights.reduce(0) { $0 + $1.node.value.rows })
    let (up, down) = (matrices[2], matrices[3])
    let selections: [Program.WantedRows] = [
      [matrices[0]: [0..<20]], [matrices[4]: [0..<20]],
      // Experts 2 and 7.
      [up: [24..<36, 84..<96], down: [40..<60, 140..<160]], [down: [60..<80]], [:],
    ]
    for wanted in selections {
      let found = gradients(twin, program, of: wanted)
      for (parameter, ranges) in wanted {
        for number in ranges.joined() {
          let row = Row(parameter: parameter, number: number)
          #expect(found[row] != nil)
          #expect(found[row] == all[row])
        }
      }
      // Nothing flows back to what comes before the first.
      let first = wanted.keys.map(\.index).min() ?? matrices.count
      #expect(found.keys.filter { $0.parameter.index < first }.isEmpty)
      // And all of them are there again afterwards.
      #expect(gradients(twin, program, of: nil) == all)
    }
    guard case .processor = choice.kind else { return }
    #expect(
      gradients(twin, program, of: [up: [24..<36]]).keys.filter { $0.parameter != up }.isEmpty)
  }
}
