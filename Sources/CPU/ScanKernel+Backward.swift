internal import CKernels
import Compute
import Recordings
import Scans
import Tensors

extension ScanKernel {
  func backward(in program: Program) {
    let range = program.backwardScratch(of: step)
    let sums = ScanSums(scan, in: step.recording)
    let lanes = range.pointer + sums.byteCount
    let rows = ScanRows(step, scan, in: program)
    let weights = ScanNumbers(step, scan, in: program)
    let targets = step.inputs.indices.map { program.gradientTarget($0, of: step) }
    let dy = program.gradient(of: step.result)
    let count = scan.sizes.stateCount
    forEachTask { task, member in
      let own = lanes + member * backwardMemory.byteCount
      var chunk = ScanChunk(scan.sizes, backwardMemory.chunk, memory: own)
      let dStates = own.floats(at: backwardMemory.states)
      dStates.update(repeating: 0, count: task.heads.count * count)
      for head in task.heads {
        sums.place(task.sequence, head, range).update(repeating: 0, count: sums.countOfHead)
      }
      for (index, tokens) in chunks.enumerated().reversed() {
        chunk.tokens = tokens.count
        let lane = ScanLane(chunk, backwardMemory, own)
        rows.readKeys(task, tokens, into: lane)
        chunk.beginBackward()
        for head in task.heads {
          rows.readValues(task, head, tokens, into: lane, weights)
          rows.readOutputGradients(task, head, tokens, from: dy, into: chunk)
          chunk.backward(
            from: keptState(task, chunk: index, head: head, in: program),
            dStates + (head - task.heads.lowerBound) * count)
          finish(rows, task, head, tokens, lane, weights, sums.place(task.sequence, head, range))
          rows.write(
            chunk.valueGradients, task, tokens, head: head, size: scan.valueSize, to: targets[2])
          rows.write(
            lane.numbers, task, tokens, head: head, size: scan.sizes.exponentCount, to: targets[3])
          if scan.sizes.corrects {
            rows.write(chunk.rateGradients, task, tokens, head: head, size: 1, to: targets[4])
          }
        }
        rows.unscaleKeyGradients(tokens, of: lane)
        for (target, gradient) in zip(targets, [chunk.queryGradients, chunk.keyGradients]) {
          rows.write(
            gradient, task, tokens, head: task.keyHead, size: scan.keySize, to: target)
        }
      }
    }
    sums.addUp(batch: step.recording.batch, range)
    for (index, parameter) in step.parameters.enumerated() where step.trains(parameter) {
      program.deliver(range + sums.offset(index), of: parameter)
    }
  }

  /// Makes a chunk's gradients of values and rates those of what was read, and puts those of its a in place of the
  /// lane's numbers; adds to `sums` the gradients of the head's numbers.
  private func finish(
    _ rows: ScanRows, _ task: Task, _ head: Int, _ range: Range<Int>, _ lane: ScanLane,
    _ weights: ScanNumbers, _ sums: UnsafeMutablePointer<Float>
  ) {
    let (chunk, n, size) = (lane.chunk, range.count, scan.valueSize)
    let (count, factor) = (scan.sizes.exponentCount, weights.factors[head])
    var decay = 0.0
    for index in 0..<n * count {
      decay += Double(chunk.exponentGradients[index] * chunk.exponents[index])
      lane.numbers[index] = chunk.exponentGradients[index] * factor
    }
    sums[0] += Float(decay)
    switch scan.rule {
    case .delta:
      for token in 0..<n {
        chunk.rateGradients[token] *= chunk.rates[token] * (1 - chunk.rates[token])
      }
    case .stateSpace:
      // What makes queries and keys long is of no use here, and its memory free.
      let (dots, skips) = (lane.queryInverses, lane.keyInverses)
      rows.readPlainValues(task, head, range, into: chunk)
      ck_row_dots(chunk.values, chunk.valueGradients, dots, n, size)
      for token in 0..<n { lane.numbers[token] += dots[token] }
      ck_scaled_rows(chunk.valueGradients, lane.steps, chunk.valueGradients, n, size)
      skips.update(repeating: weights.skip?[head] ?? 0, count: n)
      ck_add_scaled_rows(chunk.outputGradients, skips, chunk.valueGradients, n, size)
      ck_row_dots(chunk.values, chunk.outputGradients, dots, n, size)
      for token in 0..<n { sums[count + 1] += dots[token] }
    }
    for index in 0..<n * count {
      lane.numbers[index] *= lane.slopes[index]
      sums[1 + index % count] += lane.numbers[index]
    }
  }
}

/// The gradients of a scan's numbers: decays, biases and skips of all heads; then what each sequence adds to those of a
/// head, `[sequence, head, decay | biases | skip]`.
struct ScanSums {
  private let headCount: Int
  /// Numbers of a head.
  let countOfHead: Int
  let byteCount: Int
  private static let size = MemoryLayout<Float>.stride

  init(_ scan: Scan, in recording: Recording) {
    headCount = scan.valueHeadCount
    countOfHead = scan.sizes.exponentCount + 2
    let count = countOfHead * headCount * (1 + recording.batch)
    byteCount = (count * Self.size + 63) / 64 * 64
  }

  /// Those of a head in a sequence.
  func place(_ sequence: Int, _ head: Int, _ memory: DeviceRange) -> UnsafeMutablePointer<Float> {
    memory.floats + countOfHead * (headCount * (1 + sequence) + head)
  }

  /// Bytes up to the gradient of a parameter.
  func offset(_ parameter: Int) -> Int {
    headCount * Self.size * (parameter == 0 ? 0 : parameter == 1 ? 1 : countOfHead - 1)
  }

  /// Adds up what all sequences give.
  func addUp(batch: Int, _ memory: DeviceRange) {
    let totals = memory.floats
    totals.update(repeating: 0, count: headCount * countOfHead)
    let biases = countOfHead - 2
    for sequence in 0..<batch {
      for head in 0..<headCount {
        let own = place(sequence, head, memory)
        totals[head] += own[0]
        for bias in 0..<biases { totals[headCount + head * biases + bias] += own[1 + bias] }
        totals[headCount * (1 + biases) + head] += own[1 + biases]
      }
    }
  }
}
