/// How the gradient of an operand comes about.
enum GradientMode {
  /// Nobody needs it.
  case none
  /// The operation writes it.
  case write
  /// The operation adds to it.
  case accumulate
  /// It lies in the memory of the result's gradient and is the same: nothing to do.
  case shared
}

/// When each buffer of a program is in use.
///
/// Steps: -1 before the run, `i` forward of operation i, `2n - 1 - i` its backward, `2n` after the run.
struct Schedule {
  var plan = MemoryPlan()
  var valueBuffers: [Int?]
  var gradientBuffers: [Int?]
  var scratchBuffers: [(forward: Int?, backward: Int?)] = []
  var gradientModes: [[GradientMode]] = []

  init(_ recorder: ProgramRecorder, output: Value, training: Program.Training) {
    let operations = recorder.operations
    let count = operations.count
    let needed = Self.valuesWithGradient(recorder, training: training)
    valueBuffers = Array(repeating: nil, count: recorder.values.count)
    gradientBuffers = valueBuffers

    for (index, info) in recorder.values.enumerated() {
      valueBuffers[index] = plan.add(
        byteCount: recorder.rows * info.columns * info.type.byteCount)
      if info.isInput { plan.use(valueBuffers[index]!, at: -1) }
    }
    for (step, operation) in operations.enumerated() {
      let hasBackward = needed.contains(operation.result)
      for operand in operation.inputs { plan.use(valueBuffers[operand.value.index]!, at: step) }
      for value in operation.outputs { plan.use(valueBuffers[value.index]!, at: step) }
      if hasBackward {
        for value in operation.savedForBackward {
          plan.use(valueBuffers[value.index]!, at: 2 * count - 1 - step)
        }
      }
      scratchBuffers.append(
        (
          scratch(operation.forwardScratch, at: step),
          hasBackward ? scratch(operation.backwardScratch, at: 2 * count - 1 - step) : nil
        ))
    }
    plan.use(valueBuffers[output.index]!, at: 2 * count)

    planGradients(recorder, output: output, needed: needed)
    plan.place()
  }

  private mutating func scratch(_ byteCount: Int, at step: Int) -> Int? {
    guard byteCount > 0 else { return nil }
    let buffer = plan.add(byteCount: byteCount)
    plan.use(buffer, at: step)
    return buffer
  }

  /// The values that some wanted gradient flows through.
  private static func valuesWithGradient(
    _ recorder: ProgramRecorder, training: Program.Training
  ) -> Set<Value> {
    guard training != .nothing else { return [] }
    var needed: Set<Value> = []
    if training == .everything {
      for (index, info) in recorder.values.enumerated() where info.isInput {
        needed.insert(Value(index: index))
      }
    }
    for operation in recorder.operations {
      let trains = operation.parameters.contains {
        training == .everything || recorder.parameters[$0.index].isMatrix
          || recorder.parameters[$0.index].isScale
      }
      if trains || operation.inputs.contains(where: { needed.contains($0.value) }) {
        needed.insert(operation.result)
      }
    }
    return needed
  }

  /// Gives each gradient a buffer, from the last operation to the first, the order in which they arise.
  private mutating func planGradients(
    _ recorder: ProgramRecorder, output: Value, needed: Set<Value>
  ) {
    let operations = recorder.operations
    let count = operations.count
    gradientModes = operations.map { Array(repeating: .none, count: $0.inputs.count) }
    guard needed.contains(output) else { return }
    var written: Set<Operand> = []

    func buffer(of value: Value) -> Int {
      if let buffer = gradientBuffers[value.index] { return buffer }
      let info = recorder.values[value.index]
      let buffer = plan.add(byteCount: recorder.rows * info.columns * info.type.byteCount)
      gradientBuffers[value.index] = buffer
      return buffer
    }

    // The caller writes the gradient of the output between the passes.
    plan.use(buffer(of: output), at: count - 1)
    for (index, operation) in operations.enumerated().reversed() {
      guard needed.contains(operation.result) else { continue }
      let step = 2 * count - 1 - index
      let resultBuffer = buffer(of: operation.result)
      plan.use(resultBuffer, at: step)
      for (position, operand) in operation.inputs.enumerated() where needed.contains(operand.value)
      {
        if operation is Addition,
          Self.canShare(position, of: index, in: operations),
          gradientBuffers[operand.value.index] == nil
        {
          gradientBuffers[operand.value.index] = resultBuffer
          gradientModes[index][position] = .shared
          written.insert(operand)
        } else {
          gradientModes[index][position] = written.insert(operand).inserted ? .write : .accumulate
        }
        plan.use(buffer(of: operand.value), at: step)
        if recorder.values[operand.value.index].isInput {
          plan.use(buffer(of: operand.value), at: 2 * count)
        }
      }
    }
  }

  /// Whether the gradient of one operand of an addition may lie in the memory of the sum's gradient.
  ///
  /// The second operand's may if nothing else adds to it. The first one's may if everything that adds to
  /// it runs after the second operand's gradient has been read, by the operation that made that operand.
  private static func canShare(
    _ position: Int, of index: Int, in operations: [any Operation]
  ) -> Bool {
    let sum = operations[index]
    func otherReaders(_ value: Value) -> [Int] {
      operations.indices.filter { reader in
        reader != index && operations[reader].inputs.contains { $0.value == value }
      }
    }
    guard sum.inputs[0].value != sum.inputs[1].value else { return false }
    let second = sum.inputs[1].value
    guard otherReaders(second).isEmpty,
      let maker = operations.firstIndex(where: { $0.outputs.contains(second) })
    else { return false }
    return position == 1 || otherReaders(sum.inputs[0].value).allSatisfy { $0 < maker }
  }
}
