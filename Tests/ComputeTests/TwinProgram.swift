import CPU
import Compute
import Recordings
import ReferenceDevice
import Tensors
import TestSupport
import Testing

/// A device's half of a twin, ready to be run again and again on the twin's numbers.
struct TwinProgram {
  let program: Program
  private let twin: Twin

  /// What one forward and backward pass gave.
  struct Outcome {
    var output: [Float] = []
    var inputGradients: [[Float]] = []
    /// The gradients of parameters by number, in the order of delivery.
    var delivered: [(parameter: Parameter, gradient: [Float])] = []

    /// All numbers, bit by bit.
    var bitPatterns: [UInt32] {
      (output + inputGradients.joined() + delivered.flatMap(\.gradient)).map(\.bitPattern)
    }
  }

  /// - Parameter device: Nil: the processor.
  init(
    _ twin: Twin, training: Program.Training = .everything, device: (any Device)? = nil
  ) throws {
    self.twin = twin
    program = try Program(
      twin.recorder.recording, device: device ?? CPUDevice(compute: twin.compute),
      training: training)
    for part in program.parameterParts {
      let weight = try #require(twin.weights.first { $0.parameter == part.parameter })
      let first = part.rowOffset * part.columns
      let floats = weight.node.value.elements[first..<first + part.rows * part.columns].map {
        Float($0)
      }
      program.load(Tensor(floats, shape: [part.rows, part.columns]), into: part)
    }
  }

  func run() -> Outcome {
    var outcome = Outcome()
    for input in twin.inputs {
      let floats = input.node.value.elements.map { Float($0) }
      program[range: input.value].write(floats, twin.compute)
    }
    program.forward()
    outcome.output = program.output.numbers(twin.outputGradient.count, twin.compute)
    guard program.training != .nothing else { return outcome }
    program.outputGradient.write(twin.outputGradient, twin.compute)
    program.backward { parameter, rows, gradient in
      let columns = twin.weights.first { $0.parameter == parameter }?.node.value.columns
      let numbers = gradient.numbers(rows.count * (columns ?? 0), .float32)
      // The rows of experts come one after the other.
      if rows.lowerBound > 0, outcome.delivered.last?.parameter == parameter {
        outcome.delivered[outcome.delivered.count - 1].gradient += numbers
      } else {
        outcome.delivered.append((parameter, numbers))
      }
    }
    if program.training == .everything {
      outcome.inputGradients = twin.inputs.map {
        program[gradientOf: $0.value].numbers($0.node.value.elements.count, twin.compute)
      }
    }
    return outcome
  }
}

extension Twin {
  /// Expects output and gradients of a program to be the tape's, on each device and, of the processor, on each
  /// instruction set.
  func check(
    _ allowance: Allowance, training: Program.Training = .everything,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    func check(on device: any Device, _ name: String) throws {
      self.check(
        try TwinProgram(self, training: training, device: device).run(), allowance,
        training: training, name, sourceLocation: sourceLocation)
    }
    for choice in Devices.available where choice.compute == compute {
      switch choice.kind {
      case .processor: try forEachInstructionSet { try check(on: choice.make(), $0) }
      case .reference: try check(on: choice.make(), "the reference")
      }
    }
  }

  private func check(
    _ outcome: TwinProgram.Outcome, _ allowance: Allowance, training: Program.Training,
    _ name: String, sourceLocation: SourceLocation
  ) {
    let tolerance = allowance(compute)
    func expect(_ found: [Float], _ wanted: Matrix, _ tolerance: Tolerance, _ what: String) {
      expectClose(
        found.map(Double.init), wanted.elements, tolerance, "\(what), \(compute.rawValue), \(name)",
        sourceLocation: sourceLocation)
    }
    guard let output else { preconditionFailure("the twin has no output") }
    expect(outcome.output, output.node.value, tolerance, "output")
    for (index, gradient) in outcome.inputGradients.enumerated() {
      expect(gradient, inputs[index].node.gradient, tolerance, "gradient of input \(index)")
    }
    // A parameter's gradient is f32 in any case, but what flows into it may be rounded.
    for (parameter, gradient) in outcome.delivered {
      guard let weight = weights.first(where: { $0.parameter == parameter }) else { continue }
      // That of a scale is one sum over everything, whose terms are larger than it.
      let allowed = weight.isScale ? Tolerance(ofLargest: 16 * tolerance.ofLargest) : tolerance
      expect(gradient, weight.node.gradient, allowed, "gradient of \(weight.parts[0].name)")
    }
    let wanted = weights.filter { !$0.isConstant }.filter {
      training == .everything || (training == .matrices && ($0.isMatrix || $0.isScale))
    }
    #expect(
      outcome.delivered.map(\.parameter.index).sorted() == wanted.map(\.parameter.index),
      "each trained parameter's gradient is delivered once", sourceLocation: sourceLocation)
  }
}
