internal import CKernels
import Foundation
import Scans

/// What a scan reads of its operands: the rows of a chunk, made what a chunk computes with.
struct ScanRows {
  private let scan: Scan
  private let type: ck_element
  private let tokens: Int
  private let inputs: [(pointer: UnsafeMutableRawPointer, stride: Int)]

  init(_ step: Step, _ scan: Scan, in program: Program) {
    self.scan = scan
    type = program.compute.element
    tokens = step.recording.tokens
    inputs = step.inputs.map { (program[$0], step.columns(of: $0.value)) }
  }

  /// Bytes from the first row of an operand to the numbers of a head at the first token of a range.
  private func offset(
    _ task: ScanKernel.Task, _ range: Range<Int>, stride: Int, column: Int
  ) -> Int {
    ((task.sequence * tokens + range.lowerBound) * stride + column) * (type == CK_BF16 ? 2 : 4)
  }

  private func read(
    _ input: Int, _ task: ScanKernel.Task, _ range: Range<Int>, head: Int, size: Int,
    into target: UnsafeMutablePointer<Float>
  ) {
    let (pointer, stride) = inputs[input]
    let place = offset(task, range, stride: stride, column: head * size)
    ck_read_rows(type, pointer + place, stride, target, range.count, size)
  }

  /// Writes rows of a head, or adds them to what is there.
  func write(
    _ rows: UnsafePointer<Float>, _ task: ScanKernel.Task, _ range: Range<Int>, head: Int,
    size: Int, to target: GradientTarget?
  ) {
    guard let target else { return }
    let place = offset(task, range, stride: target.rowStride, column: head * size)
    ck_write_rows(
      type, rows, target.pointer + place, target.rowStride, target.accumulates, range.count, size)
  }

  // MARK: Queries and keys

  /// - Parameter inverses: What made queries, and then keys, as long as 1.
  func readKeys(
    _ task: ScanKernel.Task, _ range: Range<Int>, into chunk: ScanChunk,
    _ inverses: UnsafeMutablePointer<Float>
  ) {
    let size = scan.keySize
    read(0, task, range, head: task.keyHead, size: size, into: chunk.queries)
    read(1, task, range, head: task.keyHead, size: size, into: chunk.keys)
    guard case .delta(let epsilon) = scan.rule else { return }
    ck_unit_rows(chunk.queries, epsilon, queryFactor, inverses, range.count, size)
    ck_unit_rows(chunk.keys, epsilon, 1, inverses + ScanSizes.tokensOfChunk, range.count, size)
  }

  /// Makes the gradients of a chunk's queries and keys those of what was read.
  func unscaleKeyGradients(
    _ range: Range<Int>, of chunk: ScanChunk, _ inverses: UnsafePointer<Float>
  ) {
    guard case .delta = scan.rule else { return }
    let size = scan.keySize
    ck_unit_rows_backward(
      chunk.queries, inverses, queryFactor, chunk.queryGradients, range.count, size)
    ck_unit_rows_backward(
      chunk.keys, inverses + ScanSizes.tokensOfChunk, 1, chunk.keyGradients, range.count, size)
  }

  private var queryFactor: Float { 1 / Float(scan.keySize).squareRoot() }

  // MARK: Values

  /// What a token's a is made: s, and its derivative.
  struct TimeStep {
    var size: Float
    var slope: Float

    init(_ a: Float, _ rule: Scan.Rule) {
      let size = a > 20 ? a : log1p(exp(a))
      let slope = 1 / (1 + exp(-a))
      guard case .stateSpace(let least, let greatest) = rule else {
        (self.size, self.slope) = (size, slope)
        return
      }
      self.size = min(max(size, least), greatest)
      self.slope = size < least || size > greatest ? 0 : slope
    }
  }

  /// The steps of a head, one for each token.
  func steps(
    _ task: ScanKernel.Task, _ head: Int, _ range: Range<Int>, _ weights: ScanNumbers
  ) -> [TimeStep] {
    numbers(3, task, head, range).map { TimeStep($0 + weights.biases[head], scan.rule) }
  }

  private func numbers(
    _ input: Int, _ task: ScanKernel.Task, _ head: Int, _ range: Range<Int>
  ) -> [Float] {
    Array(unsafeUninitializedCapacity: range.count) { numbers, count in
      count = range.count
      if let target = numbers.baseAddress {
        read(input, task, range, head: head, size: 1, into: target)
      }
    }
  }

  @discardableResult
  func readValues(
    _ task: ScanKernel.Task, _ head: Int, _ range: Range<Int>, into chunk: ScanChunk,
    _ weights: ScanNumbers
  ) -> [TimeStep] {
    let steps = steps(task, head, range, weights)
    read(2, task, range, head: head, size: scan.valueSize, into: chunk.values)
    for (token, step) in steps.enumerated() {
      chunk.exponents[token] = weights.factors[head] * step.size
    }
    switch scan.rule {
    case .delta:
      for (token, b) in numbers(4, task, head, range).enumerated() {
        chunk.rates[token] = 1 / (1 + exp(-b))
      }
    case .stateSpace:
      let sizes = steps.map(\.size)
      ck_scaled_rows(chunk.values, sizes, chunk.values, range.count, scan.valueSize)
    }
    return steps
  }

  /// Adds `skip` times the values that were read to the outputs; they are read again, in place of the scaled ones.
  func addSkip(
    _ skip: Float, _ task: ScanKernel.Task, _ head: Int, _ range: Range<Int>, to chunk: ScanChunk
  ) {
    read(2, task, range, head: head, size: scan.valueSize, into: chunk.values)
    let skips = [Float](repeating: skip, count: range.count)
    ck_add_scaled_rows(chunk.values, skips, chunk.outputs, range.count, scan.valueSize)
  }

  /// Reads the values as they are, or the gradient of the outputs.
  func readPlainValues(
    _ task: ScanKernel.Task, _ head: Int, _ range: Range<Int>, into chunk: ScanChunk
  ) {
    read(2, task, range, head: head, size: scan.valueSize, into: chunk.values)
  }

  func readOutputGradients(
    _ task: ScanKernel.Task, _ head: Int, _ range: Range<Int>, from dy: UnsafeRawPointer,
    into chunk: ScanChunk
  ) {
    let stride = scan.valueHeadCount * scan.valueSize
    let place = offset(task, range, stride: stride, column: head * scan.valueSize)
    ck_read_rows(type, dy + place, stride, chunk.outputGradients, range.count, scan.valueSize)
  }

  func writeOutputs(
    _ task: ScanKernel.Task, _ head: Int, _ range: Range<Int>, _ chunk: ScanChunk,
    to y: UnsafeMutableRawPointer
  ) {
    let stride = scan.valueHeadCount * scan.valueSize
    let place = offset(task, range, stride: stride, column: head * scan.valueSize)
    ck_write_rows(type, chunk.outputs, y + place, stride, false, range.count, scan.valueSize)
  }
}
