package import Recordings
import Tensors

/// A recorded decoder block on a device, ready to be run: forward, and backward if it trains.
///
/// Memory is planned once. Binding another block's weights means filling the parameters again; nothing
/// else changes. Scratch memory is for as many threads as the team had then, and it must not grow.
package final class Program {
  /// What gets gradients.
  package enum Training: Sendable {
    /// Nothing: a forward pass alone, which needs far less memory.
    case nothing
    /// The matrices of linear layers, and the scales of their quantized inputs.
    case matrices
    /// Every parameter, and the inputs.
    case everything

    /// Whether it wants the gradient of such a parameter.
    func wants(_ parameter: ParameterInfo) -> Bool {
      switch self {
      case .nothing: false
      case .matrices: parameter.isMatrix || parameter.isScale
      case .everything: true
      }
    }
  }

  /// Takes the gradient of some rows of a parameter when it is ready: f32, `[rows, columns]`. They are all rows, but
  /// those of experts come a few experts at a time, each with all of its rows, in their order. The memory is used
  /// again as soon as the call returns.
  package typealias GradientSink = (Parameter, _ rows: Range<Int>, DeviceRange) -> Void

  /// The rows of parameters whose gradients somebody takes.
  package typealias WantedRows = [Parameter: [Range<Int>]]

  package let recording: Recording
  package let device: any Device
  package let training: Training
  package var batch: Int { recording.batch }
  package var tokens: Int { recording.tokens }
  package var rows: Int { batch * tokens }
  package var compute: ComputeType { recording.compute }
  /// The nodes in the order of the forward pass, each at its place in the program.
  package var steps: [Step] { prepared.map(\.step) }
  /// Bytes of planned memory: activations, gradients and scratch.
  package let memoryByteCount: Int

  /// The weights that the program reads; those of another block of the same structure may take their
  /// place.
  package var parameters: ParameterMemory

  /// What came before, when a sequence is run piece by piece.
  package var sequence: SequenceMemory?

  /// What happens to activations that the program can quantize.
  package var activations = ActivationMode.quantized

  /// What was seen of activations with a calibrated scale while they were observed, since the scale's entry
  /// was removed: the least and the greatest of each sample.
  package var observed: [Parameter: [(least: Float, greatest: Float)]] = [:]

  /// The tokens of each sequence that holds a sample, the first ones of the batch. What is behind them is padding, and
  /// other sequences are undefined: both count nowhere.
  package var tokenCounts: [Int]

  /// The sums of squares of each linear layer's inputs, column by column, over everything that was run forward
  /// since it was set to an empty dictionary: how much an error in a column of a weight matters. Those of each
  /// expert are one after the other. Nil, the default, collects nothing.
  package var inputSquares: [Parameter: [Float]]?

  /// The tokens that each expert was chosen by, for each choice of experts in turn, in everything that was run forward
  /// since it was set to an empty dictionary. Nil, the default, counts nothing.
  package var expertTokens: [Value: [Int]]?

  /// The number of the next backward pass: what is rounded at random is rounded differently in each.
  /// Reset it to repeat a pass exactly.
  package var backwardPass: UInt32 = 0

  /// Position of the first token of each sequence.
  package var positionOffset: Int { sequence?.tokenCount ?? 0 }

  private let outputValue: Value
  private let memory: any DeviceBuffer
  private let schedule: Schedule
  private var prepared: [(step: Step, kernel: any Kernel)] = []
  private let teamSize = ThreadTeam.size
  private var sink: GradientSink = { _, _, _ in }
  /// What the backward pass is run for; nil: all that trains.
  private var wanted: WantedRows?
  /// The first step with a wanted gradient. Nothing flows back beyond it.
  private var lastBackward = 0

  /// Plans memory for what was recorded and lets `device` prepare its kernels.
  ///
  /// - Parameter weights: Those of a program with the same parameters; nil: new memory.
  /// - Throws: `unsupported` for what the device cannot compute.
  package init(
    _ recording: Recording, device: any Device, training: Training,
    weights: ParameterMemory? = nil
  ) throws {
    guard let output = recording.output else { preconditionFailure("the recording has no output") }
    precondition(recording.compute == device.compute)
    try recording.requireSupport(by: device)
    self.recording = recording
    self.device = device
    self.training = training
    outputValue = output
    tokenCounts = Array(repeating: recording.tokens, count: recording.batch)
    schedule = Schedule(recording, training: training, device: device)
    memoryByteCount = schedule.plan.byteCount
    memory = device.makeBuffer(byteCount: memoryByteCount)
    parameters = weights ?? ParameterMemory(recording, device: device)
    prepared = try recording.nodes.indices.map { index in
      let step = Step(
        index: index, node: recording.nodes[index], recording: recording, training: training,
        gradientModes: schedule.gradientModes[index])
      return (step, try device.kernel(for: step))
    }
  }

  /// Bytes that a program of this recording takes: planned memory and weights.
  package static func byteCount(
    _ recording: Recording, training: Training, device: any Device
  ) -> Int {
    zip(recording.parameters, recording.areMade(on: device)).reduce(0) {
      $0 + ($1.1 ? 0 : recording.byteCount(of: $1.0))
    } + Schedule(recording, training: training, device: device).plan.byteCount
  }

  // MARK: Running

  /// Runs all nodes forward. With a sequence, the tokens join it.
  package func forward() {
    precondition(ThreadTeam.size <= teamSize, "the program was planned for fewer threads")
    for (step, kernel) in prepared {
      timed(step, "forward") { kernel.forward(in: self) }
      if inputSquares != nil { addSquares(step) }
      if expertTokens != nil { countTokens(step) }
    }
    sequence?.tokenCount += tokens
  }

  /// Runs nodes backward from the gradient of the output, which ``outputGradient`` holds.
  ///
  /// - Parameter wanted: The parameters whose gradients are taken; nil: all that train. What only others need is left
  ///   out, and their gradients may be handed over or not.
  package func backward(of wanted: WantedRows? = nil, _ sink: GradientSink) {
    precondition(training != .nothing)
    precondition(ThreadTeam.size <= teamSize, "the program was planned for fewer threads")
    withoutActuallyEscaping(sink) { sink in
      (self.sink, self.wanted) = (sink, wanted)
      let first = prepared.firstIndex { $0.step.parameters.contains { self.wants($0) } }
      lastBackward = wanted == nil ? 0 : first ?? prepared.count
      for (step, kernel) in prepared[lastBackward...].reversed()
      where schedule.gradientBuffers[step.result.index] != nil {
        timed(step, "backward") { kernel.backward(in: self) }
      }
      (self.sink, self.wanted) = ({ _, _, _ in }, nil)
    }
    backwardPass &+= 1
  }

  /// The result of the forward pass, `[rows, columns]` in the compute type.
  package var output: DeviceRange { self[range: outputValue] }

  /// Where the caller puts the gradient of the output before ``backward(_:)``.
  package var outputGradient: DeviceRange { self[gradientOf: outputValue] }

  /// Seconds spent in each kind of operation and pass, such as `Linear backward`, since it was set to an
  /// empty dictionary; nil, the default, measures nothing.
  package var timings: [String: Double]?

  private func timed(_ step: Step, _ pass: String, _ body: () -> Void) {
    guard timings != nil else { return body() }
    let start = ContinuousClock.now
    body()
    timings?["\(step.node.operation.name) \(pass)", default: 0] +=
      (ContinuousClock.now - start) / .seconds(1)
  }

  // MARK: Memory

  /// New memory for what one sequence of up to `capacity` tokens keeps in such a block.
  package func makeSequence(capacity: Int) -> SequenceMemory {
    SequenceMemory(recording, capacity: capacity, device: device)
  }

  /// A value, `[rows, columns]`. Of an input: where the caller puts it before ``forward()``.
  package subscript(range value: Value) -> DeviceRange {
    place(schedule.valueBuffers[value.index])
  }

  /// The first element of an operand; rows are the columns of its value apart.
  package subscript(range operand: Operand) -> DeviceRange {
    self[range: operand.value]
      + operand.columnOffset * recording.type(of: operand.value).byteCount
  }

  /// The gradient of a value; that of an input after ``backward(_:)`` of a program that trains everything.
  package subscript(gradientOf value: Value) -> DeviceRange {
    guard let buffer = schedule.gradientBuffers[value.index] else {
      preconditionFailure("a gradient that nobody planned")
    }
    return place(buffer)
  }

  /// The first element of a parameter, `[rows, columns]`.
  package subscript(range parameter: Parameter) -> DeviceRange {
    DeviceRange(parameters.buffers[parameter.index])
  }

  /// Scratch memory of a step.
  package func forwardScratch(of step: Step) -> DeviceRange {
    scratch(schedule.scratchBuffers[step.index].forward)
  }

  package func backwardScratch(of step: Step) -> DeviceRange {
    scratch(schedule.scratchBuffers[step.index].backward)
  }

  private func scratch(_ buffer: Int?) -> DeviceRange {
    guard let buffer else { preconditionFailure("scratch memory that no kernel has asked for") }
    return place(buffer)
  }

  private func place(_ buffer: Int) -> DeviceRange {
    DeviceRange(memory, offset: schedule.plan.offsets[buffer])
  }

  /// Where a step puts the gradient of its input `index`; nil if nobody needs it or it is in place already.
  package func gradientTarget(_ index: Int, of step: Step) -> GradientTarget? {
    let mode = step.gradientModes[index]
    guard mode == .write || mode == .accumulate, wanted == nil || step.index > lastBackward
    else { return nil }
    let operand = step.inputs[index]
    return GradientTarget(
      range: self[gradientOf: operand.value]
        + operand.columnOffset * recording.type(of: operand.value).byteCount,
      rowStride: recording.columns(of: operand.value), accumulates: mode == .accumulate)
  }

  /// Whether somebody takes the gradient of a parameter, or of some of these rows of it.
  package func wants(_ parameter: Parameter, rows: Range<Int>? = nil) -> Bool {
    guard let wanted else { return true }
    guard let taken = wanted[parameter] else { return false }
    return rows.map { rows in taken.contains { $0.overlaps(rows) } } ?? true
  }

  /// Hands a finished gradient to whoever runs the program.
  ///
  /// - Parameter rows: Those of the parameter that it belongs to; nil: all.
  package func deliver(
    _ gradient: DeviceRange, of parameter: Parameter, rows: Range<Int>? = nil
  ) {
    sink(parameter, rows ?? 0..<recording.parameters[parameter.index].rows, gradient)
  }
}

/// Where a step puts the gradient of one of its inputs.
package struct GradientTarget {
  package var range: DeviceRange
  /// Elements from one row to the next.
  package var rowStride: Int
  /// Whether something is there already that must be added to.
  package var accumulates: Bool
}
