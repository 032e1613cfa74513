internal import CKernels
import Foundation
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

  var tokens: Int { step.recording.tokens }

  init(step: Step, scan: Scan) {
    self.step = step
    self.scan = scan
    forwardMemory = ScanMemory(scan, tokens: step.recording.tokens, isDifferentiated: false)
    backwardMemory = ScanMemory(scan, tokens: step.recording.tokens, isDifferentiated: true)
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

  /// The tokens of each chunk.
  var chunks: [Range<Int>] {
    stride(from: 0, to: tokens, by: ScanSizes.tokensOfChunk).map {
      $0..<min($0 + ScanSizes.tokensOfChunk, tokens)
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
        rows.readKeys(task, range, into: chunk, own.floats(at: forwardMemory.inverses))
        chunk.begin(tokens: range.count)
        for head in task.heads {
          let state = states + (head - task.heads.lowerBound) * count
          if step.training != .nothing {
            keptState(task, chunk: index, head: head, in: program).update(
              from: state, count: count)
          }
          rows.readValues(task, head, range, into: chunk, weights)
          chunk.forward(state)
          if let skip = weights.skip?[head] { rows.addSkip(skip, task, head, range, to: chunk) }
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
  /// The states of the heads of a task, or their gradients.
  let states: Int
  let byteCount: Int

  init(_ scan: Scan, tokens: Int, isDifferentiated: Bool) {
    chunk = ScanLayout(scan.sizes, tokens: tokens, isDifferentiated: isDifferentiated)
    let size = MemoryLayout<Float>.stride
    var layout = ScratchLayout()
    _ = layout.place(chunk.byteCount)
    inverses = layout.place(2 * ScanSizes.tokensOfChunk * size)
    states = layout.place(scan.headsOfGroup * scan.sizes.stateCount * size)
    byteCount = layout.byteCount
  }
}

/// The numbers of the heads of values.
struct ScanNumbers {
  /// `-e^decay`, which an exponent is s times.
  let factors: [Float]
  let biases: [Float]
  let skip: [Float]?

  init(_ step: Step, _ scan: Scan, in program: Program) {
    func numbers(_ index: Int) -> [Float] {
      Array(UnsafeBufferPointer(start: program[step.parameters[index]], count: scan.valueHeadCount))
    }
    factors = numbers(0).map { -exp($0) }
    biases = numbers(1)
    skip = step.parameters.count > 2 ? numbers(2) : nil
  }
}
