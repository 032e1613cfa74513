internal import CKernels
import Compute
import Foundation
import Recordings
import Scans

/// What a scan reads of its operands: the rows of a chunk, made what a chunk computes with.
struct ScanRows {
  private let scan: Scan
  private let compute: ComputeType
  private let tokens: Int
  private let inputs: [(pointer: UnsafeMutableRawPointer, stride: Int)]
  private var type: ck_element { compute.element }

  init(_ step: Step, _ scan: Scan, in program: Program) {
    self.scan = scan
    compute = program.compute
    tokens = step.recording.tokens
    inputs = step.inputs.map { (program[$0], step.columns(of: $0.value)) }
  }

  /// Bytes from the first row of an operand to the numbers of a head at the first token of a range.
  private func offset(
    _ task: ScanKernel.Task, _ range: Range<Int>, stride: Int, column: Int
  ) -> Int {
    ((task.sequence * tokens + range.lowerBound) * stride + column) * compute.byteCount
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

  func readKeys(_ task: ScanKernel.Task, _ range: Range<Int>, into lane: ScanLane) {
    let (chunk, size) = (lane.chunk, scan.keySize)
    read(0, task, range, head: task.keyHead, size: size, into: chunk.queries)
    read(1, task, range, head: task.keyHead, size: size, into: chunk.keys)
    guard case .delta(let epsilon) = scan.rule else { return }
    ck_unit_rows(chunk.queries, epsilon, queryFactor, lane.queryInverses, range.count, size)
    ck_unit_rows(chunk.keys, epsilon, 1, lane.keyInverses, range.count, size)
  }

  /// Makes the gradients of a chunk's queries and keys those of what was read.
  func unscaleKeyGradients(_ range: Range<Int>, of lane: ScanLane) {
    guard case .delta = scan.rule else { return }
    let (chunk, size) = (lane.chunk, scan.keySize)
    ck_unit_rows_backward(
      chunk.queries, lane.queryInverses, queryFactor, chunk.queryGradients, range.count, size)
    ck_unit_rows_backward(
      chunk.keys, lane.keyInverses, 1, chunk.keyGradients, range.count, size)
  }

  private var queryFactor: Float { 1 / Float(scan.keySize).squareRoot() }

  // MARK: Values

  /// Reads what belongs to a head of values: the values themselves, steps, exponents and rates.
  func readValues(
    _ task: ScanKernel.Task, _ head: Int, _ range: Range<Int>, into lane: ScanLane,
    _ weights: ScanNumbers
  ) {
    let (chunk, count) = (lane.chunk, scan.sizes.exponentCount)
    read(2, task, range, head: head, size: scan.valueSize, into: chunk.values)
    read(3, task, range, head: head, size: count, into: lane.numbers)
    var (least, greatest) = (Float(0), Float.infinity)
    if case .stateSpace(let lower, let upper) = scan.rule { (least, greatest) = (lower, upper) }
    ck_time_steps(
      lane.numbers, weights.biases + head * count, least, greatest, lane.steps, lane.slopes,
      range.count, count)
    let factor = weights.factors[head]
    for index in 0..<range.count * count { chunk.exponents[index] = factor * lane.steps[index] }
    switch scan.rule {
    case .delta:
      read(4, task, range, head: head, size: 1, into: chunk.rates)
      for token in 0..<range.count { chunk.rates[token] = 1 / (1 + exp(-chunk.rates[token])) }
    case .stateSpace:
      ck_scaled_rows(chunk.values, lane.steps, chunk.values, range.count, scan.valueSize)
    }
  }

  /// Adds a share of the values that were read to the outputs; they are read again, in place of the scaled ones.
  func addSkip(
    _ task: ScanKernel.Task, _ head: Int, _ range: Range<Int>, to lane: ScanLane,
    _ weights: ScanNumbers
  ) {
    let chunk = lane.chunk
    readPlainValues(task, head, range, into: chunk)
    lane.numbers.update(repeating: weights.skip?[head] ?? 0, count: range.count)
    ck_add_scaled_rows(chunk.values, lane.numbers, chunk.outputs, range.count, scan.valueSize)
  }

  /// Reads the values as they are.
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
