import Recordings

/// Which gradients lie in the same memory, because an addition gives both operands what it gets.
struct GradientSharing {
  /// The operation that makes each value; -1 for an input, whose gradient the caller reads at the end.
  private var makers: [Int]
  /// The operations that read each value and give it a gradient, in order.
  private var readers: [[Int]]
  /// The values whose gradients lie in each buffer.
  private var values: [Int: [Value]] = [:]

  init(_ recording: Recording, needed: Set<Value>) {
    makers = Array(repeating: -1, count: recording.values.count)
    readers = Array(repeating: [], count: recording.values.count)
    for (index, node) in recording.nodes.enumerated() {
      for value in node.outputs { makers[value.index] = index }
      guard needed.contains(node.result) else { continue }
      for operand in node.inputs { readers[operand.value.index].append(index) }
    }
  }

  mutating func add(_ value: Value, to buffer: Int) { values[buffer, default: []].append(value) }

  /// Whether the gradient of `value` may join those in `buffer`, the gradient of the result of
  /// operation `index`.
  ///
  /// Operations before `index` that read a value add to its gradient when their turn comes in the
  /// backward pass. By then every other gradient in the buffer must have been read for the last time, which
  /// is when the operation that made its value has run.
  func allows(_ value: Value, in buffer: Int, of index: Int) -> Bool {
    func addsAfterReading(_ changed: Value, _ read: Value) -> Bool {
      let last = readers[changed.index].last { $0 < index }
      return last.map { $0 < makers[read.index] } ?? true
    }
    return values[buffer, default: []].allSatisfy {
      addsAfterReading(value, $0) && addsAfterReading($0, value)
    }
  }
}

/// The columns of each value that have a gradient already.
struct GradientCoverage {
  private var isWritten: [[Bool]]

  init(_ recording: Recording) {
    isWritten = recording.values.map { Array(repeating: false, count: $0.columns) }
  }

  /// Marks the columns of `operand`; whether they had no gradient before, so that one is written rather
  /// than added to.
  @discardableResult
  mutating func write(_ operand: Operand) -> Bool {
    let range = operand.columnOffset..<operand.columnOffset + operand.columns
    let written = isWritten[operand.value.index][range].count { $0 }
    precondition(
      written == 0 || written == range.count,
      "columns \(range) of a value are read together, and in part by another operation")
    for column in range { isWritten[operand.value.index][column] = true }
    return written == 0
  }

  /// Requires that every column of `value` has a reader that gives it a gradient.
  func requireAll(of value: Value) {
    precondition(
      isWritten[value.index].allSatisfy { $0 }, "columns of a value are read by nothing")
  }
}
