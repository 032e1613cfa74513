internal import CKernels
package import Tensors

/// A recorded decoder block, ready to be run: forward, and backward if it trains.
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
  }

  /// Takes the gradient of a parameter when it is ready: f32, `[rows, columns]` of the whole parameter.
  /// The memory is used again as soon as the call returns.
  package typealias GradientSink = (Parameter, UnsafePointer<Float>) -> Void

  package let device: Device
  package let batch: Int
  package let tokens: Int
  package let training: Training
  package var rows: Int { batch * tokens }
  package var compute: ComputeType { device.compute }
  /// Bytes of planned memory: activations, gradients and scratch.
  package let memoryByteCount: Int

  /// The weights that the program reads; those of another block of the same structure may take their
  /// place.
  package var parameters: ParameterMemory

  /// Keys and values of the tokens before, when a sequence is run piece by piece.
  package var cache: KeyValueCache?

  /// What happens to activations that the program can quantize.
  package var activations = ActivationMode.quantized

  /// The activations that the program can quantize with a scale from calibration, in the order of
  /// recording.
  package var calibratedActivations: [QuantizedActivations] {
    recorder.operations.compactMap { $0 as? QuantizedActivations }.filter { $0.scale != nil }
  }

  /// Sequences that hold samples, the first ones of the batch; what the others hold belongs to nobody.
  package var sampleCount: Int

  /// Collects the squares of all linear layers' inputs in the forward pass; nil, the default: nobody does.
  package var inputSquares: InputSquares?

  /// The number of the next backward pass: what is rounded at random is rounded differently in each. Who
  /// wants to repeat passes sets it back.
  package var backwardPass: UInt32 = 0

  /// Position of the first token of each sequence.
  var positionOffset: Int { cache?.tokenCount ?? 0 }

  let recorder: ProgramRecorder
  let output: Value
  private let memory: UnsafeMutableRawPointer
  private let values: [UnsafeMutableRawPointer?]
  private let gradients: [UnsafeMutableRawPointer?]
  private let scratch: [(forward: UnsafeMutableRawPointer?, backward: UnsafeMutableRawPointer?)]
  let gradientModes: [[GradientMode]]
  private let teamSize = ThreadTeam.size
  private var sink: GradientSink = { _, _ in }
  private var current = 0

  /// Plans memory for what `recorder` holds and prepares its operations.
  package init(_ recorder: ProgramRecorder, device: Device, training: Training) throws {
    guard let output = recorder.output else { preconditionFailure("the recording has no output") }
    precondition(recorder.compute == device.compute)
    self.recorder = recorder
    self.output = output
    self.device = device
    self.training = training
    batch = recorder.batch
    sampleCount = recorder.batch
    tokens = recorder.tokens

    let schedule = Schedule(recorder, output: output, training: training)
    gradientModes = schedule.gradientModes
    memoryByteCount = schedule.plan.byteCount
    let memory = Memory.allocate(byteCount: max(schedule.plan.byteCount, 64))
    self.memory = memory
    func place(_ buffer: Int?) -> UnsafeMutableRawPointer? {
      buffer.map { memory + schedule.plan.offsets[$0] }
    }
    values = schedule.valueBuffers.map(place)
    gradients = schedule.gradientBuffers.map(place)
    scratch = schedule.scratchBuffers.map { (place($0.forward), place($0.backward)) }
    parameters = ParameterMemory(recorder)
    for (index, operation) in recorder.operations.enumerated() {
      current = index
      try operation.prepare(in: self)
    }
  }

  deinit { memory.deallocate() }

  /// Bytes that a program of this recording takes: planned memory and weights.
  package static func byteCount(_ recorder: ProgramRecorder, training: Training) -> Int {
    guard let output = recorder.output else { preconditionFailure("the recording has no output") }
    let weights = recorder.parameters.reduce(0) { sum, info in
      let element = info.isMatrix ? recorder.compute.byteCount : MemoryLayout<Float>.stride
      return sum + info.rows * info.columns * element
    }
    return Schedule(recorder, output: output, training: training).plan.byteCount + weights
  }

  // MARK: Running

  /// Runs all operations forward. With a cache, the tokens join it.
  package func forward() {
    precondition(ThreadTeam.size <= teamSize, "the program was planned for fewer threads")
    for (index, operation) in recorder.operations.enumerated() {
      current = index
      timed(operation, "forward") { operation.forward(in: self) }
      inputSquares?.add(operation, in: self)
    }
    cache?.tokenCount += tokens
  }

  /// Runs all operations backward from the gradient of the output, which ``outputGradient`` holds.
  package func backward(_ sink: GradientSink) {
    precondition(training != .nothing)
    precondition(ThreadTeam.size <= teamSize, "the program was planned for fewer threads")
    withoutActuallyEscaping(sink) { sink in
      self.sink = sink
      for (index, operation) in recorder.operations.enumerated().reversed() {
        current = index
        if gradients[operation.result.index] != nil {
          timed(operation, "backward") { operation.backward(in: self) }
        }
      }
      self.sink = { _, _ in }
    }
    backwardPass &+= 1
  }

  /// The result of the forward pass, `[rows, columns]` in the compute type.
  package var outputPointer: UnsafeMutableRawPointer { self[output] }

  /// Where the caller puts the gradient of the output before ``backward(_:)``.
  package var outputGradient: UnsafeMutableRawPointer { gradient(of: output) }

  /// Where the caller puts an input, `[rows, columns]` in the compute type, before ``forward()``.
  package func inputPointer(_ value: Value) -> UnsafeMutableRawPointer { self[value] }

  /// The gradient of an input after ``backward(_:)`` of a program that trains everything.
  package func inputGradient(_ value: Value) -> UnsafeMutableRawPointer { gradient(of: value) }

  /// Seconds spent in each kind of operation and pass, such as `Linear backward`, since it was set to an
  /// empty dictionary; nil, the default, measures nothing.
  package var timings: [String: Double]?

  private func timed(_ operation: any Operation, _ pass: String, _ body: () -> Void) {
    guard timings != nil else { return body() }
    let start = ContinuousClock.now
    body()
    timings?["\(type(of: operation)) \(pass)", default: 0] +=
      (ContinuousClock.now - start) / .seconds(1)
  }

  // MARK: Parameters

  /// New memory for another block's weights.
  package func makeParameters() -> ParameterMemory { ParameterMemory(recorder) }

  /// Every matrix and vector that the program reads, in the order of recording.
  package var parameterParts: [BoundPart] {
    recorder.parameters.indices.flatMap { index -> [BoundPart] in
      let info = recorder.parameters[index]
      var row = 0
      return info.parts.map { part in
        defer { row += part.rows }
        let elementByteCount = info.isMatrix ? compute.byteCount : 4
        return BoundPart(
          name: part.name, parameter: Parameter(index: index), rowOffset: row, rows: part.rows,
          columns: info.columns, isMatrix: info.isMatrix, isScale: info.isScale,
          pointer: parameters.pointers[index] + row * info.columns * elementByteCount)
      }
    }
  }

  /// Fills one part from a tensor of as many elements, converting to the program's type.
  package func load(_ tensor: Tensor, into part: BoundPart) {
    precondition(tensor.count == part.rows * part.columns, "\(part.name): \(tensor.shape)")
    let target: DType = part.isMatrix ? compute.dtype : .float32
    tensor.converted(to: target).withUnsafeBytes {
      part.pointer.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
    }
  }

  /// As ``load(_:into:)``, but without a copy where the part is a matrix that nothing joins and the tensor has
  /// the program's type.
  package func bind(_ tensor: Tensor, to part: BoundPart) {
    precondition(training == .nothing && tensor.count == part.rows * part.columns)
    let info = recorder.parameters[part.parameter.index]
    guard info.isMatrix, info.parts.count == 1, tensor.count > 0 else {
      return load(tensor, into: part)
    }
    parameters.borrow(tensor.converted(to: compute.dtype), as: part.parameter)
  }

  // MARK: For operations

  subscript(_ value: Value) -> UnsafeMutableRawPointer {
    guard let pointer = values[value.index] else { preconditionFailure("a value without memory") }
    return pointer
  }

  /// The first element of an operand; rows are ``columns(of:)`` of its value apart.
  subscript(_ operand: Operand) -> UnsafeMutableRawPointer {
    self[operand.value] + operand.columnOffset * compute.byteCount
  }

  subscript(_ parameter: Parameter) -> UnsafeMutableRawPointer {
    parameters.pointers[parameter.index]
  }

  func columns(of value: Value) -> Int { recorder.values[value.index].columns }

  func gradient(of value: Value) -> UnsafeMutableRawPointer {
    guard let pointer = gradients[value.index] else {
      preconditionFailure("a gradient that nobody planned")
    }
    return pointer
  }

  /// Where the running operation puts the gradient of its input `index`; nil if nobody needs it or it is
  /// in place already.
  func gradientTarget(_ index: Int) -> GradientTarget? {
    let operand = recorder.operations[current].inputs[index]
    let mode = gradientModes[current][index]
    guard mode == .write || mode == .accumulate else { return nil }
    return GradientTarget(
      pointer: gradient(of: operand.value) + operand.columnOffset * compute.byteCount,
      rowStride: columns(of: operand.value), accumulates: mode == .accumulate)
  }

  /// Whether the gradient of `parameter` is wanted.
  func trains(_ parameter: Parameter) -> Bool {
    switch training {
    case .nothing: false
    case .matrices:
      recorder.parameters[parameter.index].isMatrix || recorder.parameters[parameter.index].isScale
    case .everything: true
    }
  }

  /// Hands a finished gradient to whoever runs the program.
  func deliver(_ gradient: UnsafePointer<Float>, of parameter: Parameter) {
    sink(parameter, gradient)
  }

  /// Scratch memory of the running operation in the forward pass.
  var forwardScratch: UnsafeMutableRawPointer { scratch[current].forward! }
  /// Scratch memory of the running operation in the backward pass.
  var backwardScratch: UnsafeMutableRawPointer { scratch[current].backward! }
}

/// A matrix or vector of a program with its memory.
package struct BoundPart {
  package var name: String
  package var parameter: Parameter
  /// First row of the part inside its parameter.
  package var rowOffset: Int
  package var rows: Int
  package var columns: Int
  package var isMatrix: Bool
  /// Whether it is a scale of quantized activations rather than a tensor of the model.
  package var isScale = false
  /// `[rows, columns]`, contiguous; the compute type for a matrix, f32 for a vector.
  package var pointer: UnsafeMutableRawPointer
}

extension Program {
  /// How `operation` gives a gradient to its input `index`; for operations that prepare for it.
  func inputGradientMode(_ index: Int, of operation: any Operation) -> GradientMode {
    guard let position = recorder.operations.firstIndex(where: { $0 === operation }) else {
      return .none
    }
    return gradientModes[position][index]
  }
}
