internal import CKernels
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
      let inverses = own.floats(at: backwardMemory.inverses)
      let dStates = own.floats(at: backwardMemory.states)
      dStates.update(repeating: 0, count: task.heads.count * count)
      for head in task.heads { sums.clear(task.sequence, head, at: range.floats) }
      for (index, tokens) in chunks.enumerated().reversed() {
        rows.readKeys(task, tokens, into: chunk, inverses)
        chunk.beginBackward(tokens: tokens.count)
        for head in task.heads {
          let steps = rows.readValues(task, head, tokens, into: chunk, weights)
          rows.readOutputGradients(task, head, tokens, from: dy, into: chunk)
          chunk.backward(
            from: keptState(task, chunk: index, head: head, in: program),
            dStates + (head - task.heads.lowerBound) * count)
          let gradients = headGradients(rows, task, head, tokens, chunk, steps, weights)
          sums.add(gradients, task.sequence, head, at: range.floats)
          rows.write(
            chunk.valueGradients, task, tokens, head: head, size: scan.valueSize, to: targets[2])
          rows.write(gradients.steps, task, tokens, head: head, size: 1, to: targets[3])
          if scan.sizes.corrects {
            rows.write(chunk.rateGradients, task, tokens, head: head, size: 1, to: targets[4])
          }
        }
        rows.unscaleKeyGradients(tokens, of: chunk, inverses)
        for (target, gradient) in zip(targets, [chunk.queryGradients, chunk.keyGradients]) {
          rows.write(
            gradient, task, tokens, head: task.keyHead, size: scan.keySize, to: target)
        }
      }
    }
    for (index, parameter) in step.parameters.enumerated() where step.trains(parameter) {
      sums.total(index, batch: step.recording.batch, at: range.floats)
      program.deliver(range + index * scan.valueHeadCount * 4, of: parameter)
    }
  }

  /// The gradients of a head's a, and what a chunk adds to those of its numbers. The chunk's gradients of values and
  /// rates become those of what was read.
  private func headGradients(
    _ rows: ScanRows, _ task: Task, _ head: Int, _ range: Range<Int>, _ chunk: ScanChunk,
    _ steps: [ScanRows.TimeStep], _ weights: ScanNumbers
  ) -> ScanSums.Gradients {
    let (n, size) = (range.count, scan.valueSize)
    var gradients = ScanSums.Gradients()
    // The gradients of s.
    var dSizes = (0..<n).map { chunk.exponentGradients[$0] * weights.factors[head] }
    for token in 0..<n {
      gradients.decay += Double(chunk.exponentGradients[token] * chunk.exponents[token])
    }
    switch scan.rule {
    case .delta:
      for token in 0..<n {
        chunk.rateGradients[token] *= chunk.rates[token] * (1 - chunk.rates[token])
      }
    case .stateSpace:
      rows.readPlainValues(task, head, range, into: chunk)
      var dots = [Float](repeating: 0, count: n)
      ck_row_dots(chunk.values, chunk.valueGradients, &dots, n, size)
      for token in 0..<n { dSizes[token] += dots[token] }
      ck_scaled_rows(chunk.valueGradients, steps.map(\.size), chunk.valueGradients, n, size)
      let skips = [Float](repeating: weights.skip?[head] ?? 0, count: n)
      ck_add_scaled_rows(chunk.outputGradients, skips, chunk.valueGradients, n, size)
      ck_row_dots(chunk.values, chunk.outputGradients, &dots, n, size)
      gradients.skip = dots.reduce(0) { $0 + Double($1) }
    }
    gradients.steps = zip(dSizes, steps).map { $0 * $1.slope }
    gradients.bias = gradients.steps.reduce(0) { $0 + Double($1) }
    return gradients
  }
}

/// The gradients of a scan's numbers: first all totals, then the sums over each sequence, `[sequence, head, 3]`.
struct ScanSums {
  private let headCount: Int
  let byteCount: Int

  /// What a chunk of a head gives.
  struct Gradients {
    /// Of the head's numbers.
    var decay = 0.0
    var bias = 0.0
    var skip = 0.0
    /// Of a, for each token.
    var steps: [Float] = []
  }

  init(_ scan: Scan, in recording: Recording) {
    headCount = scan.valueHeadCount
    let count = 3 * headCount * (1 + recording.batch)
    byteCount = (count * MemoryLayout<Float>.stride + 63) / 64 * 64
  }

  private func place(_ sequence: Int, _ head: Int) -> Int {
    3 * (headCount * (1 + sequence) + head)
  }

  func clear(_ sequence: Int, _ head: Int, at sums: UnsafeMutablePointer<Float>) {
    (sums + place(sequence, head)).update(repeating: 0, count: 3)
  }

  func add(
    _ gradients: Gradients, _ sequence: Int, _ head: Int, at sums: UnsafeMutablePointer<Float>
  ) {
    let own = sums + place(sequence, head)
    own[0] += Float(gradients.decay)
    own[1] += Float(gradients.bias)
    own[2] += Float(gradients.skip)
  }

  /// Adds up the sums of all sequences for one of the numbers.
  func total(_ index: Int, batch: Int, at sums: UnsafeMutablePointer<Float>) {
    for head in 0..<headCount {
      sums[index * headCount + head] = (0..<batch).reduce(0) { $0 + sums[place($1, head) + index] }
    }
  }
}
