internal import CKernels
import Compute
import Recordings
import Tensors

/// The choice of the keys that each query sees. One task is some neighbouring queries of one sequence, whose scores are
/// products in f32, a piece of the keys at a time.
struct KeySelectionKernel: Kernel {
  let step: Step
  let selection: KeySelection
  private let memory: Memory

  private static let queriesOfTask = 16
  private static let keysOfPiece = 256

  /// Where the memory of one thread lies.
  private struct Memory {
    private(set) var keys, panels, query, products, scores, order: Int
    let byteCount: Int

    init(_ selection: KeySelection, positions: Int) {
      let size = MemoryLayout<Float>.stride
      var layout = ScratchLayout()
      keys = layout.place(keysOfPiece * selection.headSize * size)
      panels = layout.place(ck_panel_count(selection.headSize, keysOfPiece) * size)
      query = layout.place(selection.headCount * selection.headSize * size)
      products = layout.place(selection.headCount * keysOfPiece * size)
      scores = layout.place(queriesOfTask * positions * size)
      order = layout.place(positions * size)
      byteCount = layout.byteCount
    }
  }

  init(step: Step, selection: KeySelection) {
    (self.step, self.selection) = (step, selection)
    memory = Memory(selection, positions: step.recording.positions)
  }

  static func scratch(_ selection: KeySelection, in recording: Recording) -> Scratch {
    Scratch(
      forward: Memory(selection, positions: recording.positions).byteCount * ThreadTeam.size)
  }

  func backward(in program: Program) {}

  func forward(in program: Program) {
    let tokens = step.recording.tokens
    let keys = keys(in: program)
    let scratch = program.forwardScratch(of: step).pointer
    let choice = program[step.result].assumingMemoryBound(to: UInt32.self)
    let words = step.columns(of: step.result)
    let tasks = (tokens - 1) / Self.queriesOfTask + 1
    ThreadTeam.forEach(step.recording.batch * tasks) { task, member in
      let (sequence, place) = task.quotientAndRemainder(dividingBy: tasks)
      let first = place * Self.queriesOfTask
      let queries = first..<min(first + Self.queriesOfTask, tokens)
      let own = scratch + member * memory.byteCount
      if keys.before + queries.upperBound > selection.count {
        score(queries, of: sequence, keys, own, in: program)
      }
      for query in queries {
        choose(
          own.floats(at: memory.scores) + (query - first) * step.recording.positions,
          seen: keys.before + query + 1, order: own.floats(at: memory.order),
          in: choice + (sequence * tokens + query) * words, words: words)
      }
    }
  }

  // MARK: Scores

  /// Keys `[before + tokens, head size]` of each sequence, rows without gaps.
  private struct Keys {
    var pointer: UnsafeRawPointer
    /// Those that were kept before.
    var before: Int
  }

  private func keys(in program: Program) -> Keys {
    let own = UnsafeRawPointer(program[step.node.reads[1]])
    guard let sequence = program.sequence, let state = step.node.state else {
      return Keys(pointer: own, before: 0)
    }
    precondition(step.recording.batch == 1, "a state belongs to one sequence")
    precondition(sequence.tokenCount + step.recording.tokens <= step.recording.positions)
    let (kept, rowByteCount) = (
      sequence[state][0], selection.headSize * step.compute.byteCount
    )
    sequence.append(
      step.recording.tokens, byteCount: rowByteCount, from: own, rowByteCount, to: kept)
    return Keys(pointer: kept.hostPointer, before: sequence.tokenCount)
  }

  private func score(
    _ queries: Range<Int>, of sequence: Int, _ keys: Keys, _ own: UnsafeMutableRawPointer,
    in program: Program
  ) {
    let (heads, d, tokens) = (selection.headCount, selection.headSize, step.recording.tokens)
    let (type, size) = (step.compute.element, step.compute.byteCount)
    let (query, products) = (own.floats(at: memory.query), own.floats(at: memory.products))
    let (rows, panels) = (own.floats(at: memory.keys), own.floats(at: memory.panels))
    var weights = [Float](repeating: 0, count: heads)
    let source = keys.pointer + sequence * tokens * d * size
    for key in stride(from: 0, to: keys.before + queries.upperBound, by: Self.keysOfPiece) {
      let count = min(Self.keysOfPiece, keys.before + queries.upperBound - key)
      ck_read_rows(type, source + key * d * size, d, rows, count, d)
      ck_panels(ck_matrix(elements: rows, row: 1, column: d), nil, d, count, panels)
      for (place, token) in queries.enumerated() where keys.before + token >= key {
        let row = sequence * tokens + token
        ck_read_rows(
          type, program[step.node.reads[0]] + row * heads * d * size, heads * d, query, 1,
          heads * d)
        ck_read_rows(
          type, program[step.node.reads[2]] + row * heads * size, heads, &weights, 1, heads)
        ck_product(
          CK_WHOLE, heads, count, d, ck_matrix(elements: query, row: d, column: 1), panels,
          products, false)
        ck_sum_of_ramps(
          products, weights, heads, count,
          own.floats(at: memory.scores) + place * step.recording.positions + key)
      }
    }
  }

  // MARK: Choice

  /// Sets the bits of the keys with the largest of the scores.
  private func choose(
    _ scores: UnsafeMutablePointer<Float>, seen: Int, order: UnsafeMutablePointer<Float>,
    in marks: UnsafeMutablePointer<UInt32>, words: Int
  ) {
    marks.update(repeating: 0, count: words)
    func choose(_ key: Int) { marks[key / 32] |= 1 << UInt32(key % 32) }
    guard seen > selection.count else {
      for key in 0..<seen { choose(key) }
      return
    }
    for key in 0..<seen {
      if scores[key].isNaN { scores[key] = -.infinity }
      order[key] = scores[key]
    }
    var sorted = UnsafeMutableBufferPointer(start: order, count: seen)
    sorted.sort(by: >)
    let least = order[selection.count - 1]
    var left = selection.count
    for key in 0..<seen where scores[key] > least {
      choose(key)
      left -= 1
    }
    for key in 0..<seen where left > 0 && scores[key] == least {
      choose(key)
      left -= 1
    }
  }
}
