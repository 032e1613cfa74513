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
    let needed = Self.valuesWithGradient(recorder, output: output, training: training)
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

  /// The values that some wanted gradient flows through on its way from the output.
  private static func valuesWithGradient(
    _ recorder: ProgramRecorder, output: Value, training: Program.Training
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
    var reachesOutput: Set<Value> = [output]
    for operation in recorder.operations.reversed() where reachesOutput.contains(operation.result) {
      reachesOutput.formUnion(operation.inputs.map(\.value))
    }
    return needed.intersection(reachesOutput)
  }

  /// Gives each gradient a buffer, from the last operation to the first, the order in which they arise.
  private mutating func planGradients(
    _ recorder: ProgramRecorder, output: Value, needed: Set<Value>
  ) {
    let operations = recorder.operations
    let count = operations.count
    gradientModes = operations.map { Array(repeating: .none, count: $0.inputs.count) }
    guard needed.contains(output) else { return }
    var coverage = GradientCoverage(recorder)
    var sharing = GradientSharing(recorder, needed: needed)

    func buffer(of value: Value) -> Int {
      if let buffer = gradientBuffers[value.index] { return buffer }
      let info = recorder.values[value.index]
      let buffer = plan.add(byteCount: recorder.rows * info.columns * info.type.byteCount)
      gradientBuffers[value.index] = buffer
      sharing.add(value, to: buffer)
      return buffer
    }

    // The caller writes the gradient of the output between the passes.
    plan.use(buffer(of: output), at: count - 1)
    coverage.write(recorder.operand(output))
    for (index, operation) in operations.enumerated().reversed() {
      guard needed.contains(operation.result) else { continue }
      let step = 2 * count - 1 - index
      let resultBuffer = buffer(of: operation.result)
      plan.use(resultBuffer, at: step)
      coverage.requireAll(of: operation.result)
      for (position, operand) in operation.inputs.enumerated() where needed.contains(operand.value)
      {
        if operation is Addition, operation.inputs[0] != operation.inputs[1],
          gradientBuffers[operand.value.index] == nil,
          sharing.allows(operand.value, in: resultBuffer, of: index)
        {
          gradientBuffers[operand.value.index] = resultBuffer
          sharing.add(operand.value, to: resultBuffer)
          gradientModes[index][position] = .shared
          coverage.write(operand)
        } else {
          gradientModes[index][position] = coverage.write(operand) ? .write : .accumulate
        }
        plan.use(buffer(of: operand.value), at: step)
        if recorder.values[operand.value.index].isInput {
          plan.use(buffer(of: operand.value), at: 2 * count)
        }
      }
    }
    for index in recorder.values.indices where recorder.values[index].isInput {
      if needed.contains(Value(index: index)) { coverage.requireAll(of: Value(index: index)) }
    }
  }
}
