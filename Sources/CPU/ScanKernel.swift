internal import CKernels
import Compute
import Foundation
import Recordings
import Scans
import Tensors

/// A scan, chunk by chunk (``ScanChunk``).
///
/// One task is one head of keys of one sequence with all heads of values that read it, so that the gradients of its
/// queries and keys have one writer, and results do not depend on the number of threads. Products are f32 whatever the
/// compute type: they are a small share of a block's.
struct ScanKernel: Kernel {
  let step: Step
  let scan: Scan
  private let forwardMemory: ScanMemory
  let backwardMemory: ScanMemory
  /// The tokens of each chunk.
  let chunks: [Range<Int>]

  var tokens: Int { step.recording.tokens }

  init(step: Step, scan: Scan) {
    self.step = step
    self.scan = scan
    let (tokens, size) = (step.recording.tokens, ScanSizes.tokensOfChunk)
    chunks = stride(from: 0, to: tokens, by: size).map { $0..<min($0 + size, tokens) }
    forwardMemory = ScanMemory(scan, tokens: tokens, isDifferentiated: false)
    backwardMemory = ScanMemory(scan, tokens: tokens, isDifferentiated: true)
  }

  static func scratch(_ scan: Scan, in recording: Recording) -> Scratch {
    func lanes(isDifferentiated: Bool) -> Int {
      let memory = ScanMemory(scan, tokens: recording.tokens, isDifferentiated: isDifferentiated)
      return memory.byteCount * ThreadTeam.size
    }
    return Scratch(
      forward: lanes(isDifferentiated: false),
      backward: lanes(isDifferentiated: true) + ScanSums(scan, in: recording).byteCount)
  }

  // MARK: Tasks

  /// One head of keys of one sequence.
  struct Task {
    var sequence: Int
    var keyHead: Int
    /// The heads of values that read it.
    var heads: Range<Int>
  }

  func forEachTask(_ body: (_ task: Task, _ member: Int) -> Void) {
    ThreadTeam.forEach(step.recording.batch * scan.keyHeadCount) { index, member in
      let (sequence, keyHead) = index.quotientAndRemainder(dividingBy: scan.keyHeadCount)
      let first = keyHead * scan.headsOfGroup
      body(
        Task(sequence: sequence, keyHead: keyHead, heads: first..<first + scan.headsOfGroup),
        member)
    }
  }

  /// The state of a head before a chunk, for the backward pass.
  func keptState(_ task: Task, chunk: Int, head: Int, in program: Program)
    -> UnsafeMutablePointer<Float>
  {
    let states = step.node.outputs[1]
    let ofSequence = tokens * step.columns(of: states)
    return program[range: states].floats + task.sequence * ofSequence
      + (chunk * scan.valueHeadCount + head) * scan.sizes.stateCount
  }

  // MARK: Forward

  func forward(in program: Program) {
    let scratch = program.forwardScratch(of: step).pointer
    let rows = ScanRows(step, scan, in: program)
    let weights = ScanNumbers(step, scan, in: program)
    let count = scan.sizes.stateCount
    let kept = program.sequence.flatMap { sequence in
      step.node.state.map { sequence[$0][0].hostPointer.assumingMemoryBound(to: Float.self) }
    }
    precondition(kept == nil || step.recording.batch == 1)
    forEachTask { task, member in
      let own = scratch + member * forwardMemory.byteCount
      var chunk = ScanChunk(scan.sizes, forwardMemory.chunk, memory: own)
      let states = own.floats(at: forwardMemory.states)
      if let kept {
        states.update(from: kept + task.heads.lowerBound * count, count: task.heads.count * count)
      } else {
        states.update(repeating: 0, count: task.heads.count * count)
      }
      for (index, range) in chunks.enumerated() {
        chunk.tokens = range.count
        let lane = ScanLane(chunk, forwardMemory, own)
        rows.readKeys(task, range, into: lane)
        chunk.begin()
        for head in task.heads {
          let state = states + (head - task.heads.lowerBound) * count
          if step.training != .nothing {
            keptState(task, chunk: index, head: head, in: program).update(
              from: state, count: count)
          }
          rows.readValues(task, head, range, into: lane, weights)
          chunk.forward(state)
          if weights.skip != nil { rows.addSkip(task, head, range, to: lane, weights) }
          rows.writeOutputs(task, head, range, chunk, to: program[step.result])
        }
      }
      if let kept {
        (kept + task.heads.lowerBound * count).update(from: states, count: task.heads.count * count)
      }
    }
  }
}

/// The memory of one thread, in bytes from its start.
struct ScanMemory {
  let chunk: ScanLayout
  /// Of queries and of keys, what made them as long as 1.
  let inverses: Int
  /// s of each token and its derivative, and numbers on the way.
  let steps, slopes, numbers: Int
  /// The states of the heads of a task, or their gradients.
  let states: Int
  let byteCount: Int

  init(_ scan: Scan, tokens: Int, isDifferentiated: Bool) {
    chunk = ScanLayout(scan.sizes, tokens: tokens, isDifferentiated: isDifferentiated)
    let (size, count) = (MemoryLayout<Float>.stride, ScanSizes.tokensOfChunk)
    let stepCount = count * scan.sizes.exponentCount * size
    var layout = ScratchLayout()
    _ = layout.place(chunk.byteCount)
    inverses = layout.place(2 * count * size)
    (steps, slopes) = (layout.place(stepCount), layout.place(stepCount))
    numbers = layout.place(stepCount)
    states = layout.place(scan.headsOfGroup * scan.sizes.stateCount * size)
    byteCount = layout.byteCount
  }
}

/// A chunk with what else a thread has for it.
struct ScanLane {
  let chunk: ScanChunk
  let queryInverses, keyInverses: UnsafeMutablePointer<Float>
  /// `[tokens, numbers a of a head]`.
  let steps, slopes, numbers: UnsafeMutablePointer<Float>

  init(_ chunk: ScanChunk, _ layout: ScanMemory, _ memory: UnsafeMutableRawPointer) {
    self.chunk = chunk
    queryInverses = memory.floats(at: layout.inverses)
    keyInverses = queryInverses + ScanSizes.tokensOfChunk
    steps = memory.floats(at: layout.steps)
    slopes = memory.floats(at: layout.slopes)
    numbers = memory.floats(at: layout.numbers)
  }
}

/// The numbers of the heads of values.
struct ScanNumbers {
  /// `-e^decay`, which an exponent is s times.
  let factors: [Float]
  /// What is added to each a.
  let biases: UnsafePointer<Float>
  let skip: UnsafePointer<Float>?

  init(_ step: Step, _ scan: Scan, in program: Program) {
    let decays = program[step.parameters[0]]
    factors = (0..<scan.valueHeadCount).map { -exp(decays[$0]) }
    biases = UnsafePointer(program[step.parameters[1]])
    skip = step.parameters.count > 2 ? UnsafePointer(program[step.parameters[2]]) : nil
  }
}
