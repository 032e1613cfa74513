import Recordings

/// How the gradient of an operand comes about.
package enum GradientMode: Sendable {
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
  private(set) var plan = MemoryPlan()
  let valueBuffers: [Int]
  private(set) var gradientBuffers: [Int?]
  private(set) var scratchBuffers: [(forward: Int?, backward: Int?)] = []
  private(set) var gradientModes: [[GradientMode]] = []

  init(_ recording: Recording, training: Program.Training, device: any Device) {
    guard let output = recording.output else { preconditionFailure("the recording has no output") }
    let nodes = recording.nodes
    let count = nodes.count
    let needed = Self.valuesWithGradient(recording, output: output, training: training)
    var buffers: [Int] = []
    for (index, info) in recording.values.enumerated() {
      buffers.append(plan.add(byteCount: recording.byteCount(of: Value(index: index))))
      if info.isInput { plan.use(buffers[index], at: -1) }
    }
    valueBuffers = buffers
    gradientBuffers = Array(repeating: nil, count: recording.values.count)
    for (step, node) in nodes.enumerated() {
      let hasBackward = needed.contains(node.result)
      for operand in node.inputs { plan.use(valueBuffers[operand.value.index], at: step) }
      for value in node.reads + node.outputs {
        plan.use(valueBuffers[value.index], at: step)
      }
      if hasBackward {
        for value in node.saved {
          plan.use(valueBuffers[value.index], at: 2 * count - 1 - step)
        }
      }
      let needs = device.scratch(of: node, in: recording)
      scratchBuffers.append(
        (
          scratch(needs.forward, at: step),
          hasBackward ? scratch(needs.backward, at: 2 * count - 1 - step) : nil
        ))
    }
    for value in [output] + recording.kept { plan.use(valueBuffers[value.index], at: 2 * count) }

    planGradients(recording, output: output, needed: needed)
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
    _ recording: Recording, output: Value, training: Program.Training
  ) -> Set<Value> {
    guard training != .nothing else { return [] }
    var needed: Set<Value> = []
    if training == .everything {
      for (index, info) in recording.values.enumerated() where info.isInput {
        needed.insert(Value(index: index))
      }
    }
    for node in recording.nodes {
      let trains = node.parameters.contains {
        training.wants(recording.parameters[$0.index])
      }
      if trains || node.inputs.contains(where: { needed.contains($0.value) }) {
        needed.insert(node.result)
      }
    }
    var reachesOutput: Set<Value> = [output]
    for node in recording.nodes.reversed() where reachesOutput.contains(node.result) {
      reachesOutput.formUnion(node.inputs.map(\.value))
    }
    return needed.intersection(reachesOutput)
  }

  /// Gives each gradient a buffer, from the last operation to the first, the order in which they arise.
  private mutating func planGradients(
    _ recording: Recording, output: Value, needed: Set<Value>
  ) {
    let nodes = recording.nodes
    let count = nodes.count
    gradientModes = nodes.map { Array(repeating: .none, count: $0.inputs.count) }
    guard needed.contains(output) else { return }
    var coverage = GradientCoverage(recording)
    var sharing = GradientSharing(recording, needed: needed)

    func buffer(of value: Value) -> Int {
      if let buffer = gradientBuffers[value.index] { return buffer }
      let buffer = plan.add(byteCount: recording.byteCount(of: value))
      gradientBuffers[value.index] = buffer
      sharing.add(value, to: buffer)
      return buffer
    }

    // The caller writes the gradient of the output between the passes.
    plan.use(buffer(of: output), at: count - 1)
    coverage.write(recording.operand(output))
    for (index, node) in nodes.enumerated().reversed() {
      guard needed.contains(node.result) else { continue }
      let step = 2 * count - 1 - index
      let resultBuffer = buffer(of: node.result)
      plan.use(resultBuffer, at: step)
      coverage.requireAll(of: node.result)
      for (position, operand) in node.inputs.enumerated() where needed.contains(operand.value) {
        if node.operation.passesGradientOn, node.inputs[0] != node.inputs[1],
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
        if recording.values[operand.value.index].isInput {
          plan.use(buffer(of: operand.value), at: 2 * count)
        }
      }
    }
    for index in recording.values.indices where recording.values[index].isInput {
      if needed.contains(Value(index: index)) { coverage.requireAll(of: Value(index: index)) }
    }
  }
}
