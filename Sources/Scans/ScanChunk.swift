internal import CKernels
import Foundation
import Tensors

/// One chunk of a scan in one thread's memory: what its caller fills and reads, and the forward pass.
///
/// The caller says how many ``tokens`` there are, fills ``queries`` and ``keys`` and calls ``begin()``; then for each head of values that shares
/// them it fills ``values``, ``exponents`` and ``rates`` and calls ``forward(_:)`` or ``backward(from:_:)``.
package struct ScanChunk {
  package let sizes: ScanSizes
  let layout: ScanLayout
  let memory: UnsafeMutableRawPointer
  /// Tokens of the chunk.
  package var tokens = 0

  /// - Parameter memory: As many bytes as `layout` has.
  package init(_ sizes: ScanSizes, _ layout: ScanLayout, memory: UnsafeMutableRawPointer) {
    (self.sizes, self.layout, self.memory) = (sizes, layout, memory)
  }

  // MARK: What the caller fills and reads

  /// `[tokens, keySize]`.
  package var queries: UnsafeMutablePointer<Float> { floats(layout.queries) }
  package var keys: UnsafeMutablePointer<Float> { floats(layout.keys) }
  /// `[tokens, valueSize]`; ``forward(_:)`` writes over them.
  package var values: UnsafeMutablePointer<Float> { floats(layout.values) }
  /// g of each token, 0 or less; of each of its channels, if these have their own.
  package var exponents: UnsafeMutablePointer<Float> { floats(layout.exponents) }
  /// beta of each token, where values are corrected.
  package var rates: UnsafeMutablePointer<Float> { floats(layout.rates) }
  /// `[tokens, valueSize]`, the results.
  package var outputs: UnsafeMutablePointer<Float> { floats(layout.outputs) }

  func floats(_ place: Int) -> UnsafeMutablePointer<Float> { memory.floats(at: place) }

  /// Rows without gaps, and the same transposed.
  func rows(_ elements: UnsafePointer<Float>, _ columns: Int) -> ck_matrix {
    ck_matrix(elements: elements, row: columns, column: 1)
  }
  func columns(_ elements: UnsafePointer<Float>, _ columns: Int) -> ck_matrix {
    ck_matrix(elements: elements, row: 1, column: columns)
  }

  /// Puts a matrix into the order in which the products that follow read their right side.
  func panels(
    _ matrix: ck_matrix, _ rowCount: Int, _ columns: Int, scale: UnsafePointer<Float>? = nil
  ) -> UnsafePointer<Float> {
    let panels = floats(layout.panels)
    ck_panels(matrix, scale, rowCount, columns, panels)
    return UnsafePointer(panels)
  }

  // MARK: Forward

  /// Computes what all heads of values share.
  package func begin() {
    guard !sizes.decaysByChannel else { return }
    let (n, d) = (tokens, sizes.keySize)
    let panels = panels(columns(keys, d), d, n)
    func scores(_ left: UnsafePointer<Float>, _ scores: UnsafeMutablePointer<Float>) {
      ck_product(CK_LOWER_RESULT, n, n, d, rows(left, d), panels, scores, false)
      ck_lower(nil, scores, nil, false, scores, n)
    }
    scores(queries, floats(layout.queryScores))
    if sizes.corrects { scores(keys, floats(layout.keyScores)) }
  }

  /// Computes ``outputs``, and of the state before the chunk the one after it, in place.
  package func forward(_ state: UnsafeMutablePointer<Float>) {
    guard !sizes.decaysByChannel else {
      return withScan { ck_scan_forward($0, state, outputs, floats(layout.scratch)) }
    }
    let (n, d, v) = (tokens, sizes.keySize, sizes.valueSize)
    let (powers, rests) = (floats(layout.powers), floats(layout.rests))
    let errors = prepare(state)
    if !sizes.corrects { _ = panels(rows(state, v), d, v) }
    ck_product(CK_WHOLE, n, v, d, rows(queries, d), floats(layout.panels), outputs, false)
    ck_scaled_rows(outputs, powers, outputs, n, v)
    mix(errors, into: outputs)
    ck_scaled_rows(state, floats(layout.lastPower), state, d, v)
    ck_product(
      CK_WHOLE, d, v, n, columns(keys, d), panels(rows(errors, v), n, v, scale: rests), state, true)
  }

  /// The chunk as it is computed token by token.
  func withScan(_ body: (UnsafePointer<ck_scan>) -> Void) {
    let scan = ck_scan(
      tokens: tokens, key_size: sizes.keySize, value_size: sizes.valueSize, queries: queries,
      keys: keys, values: values, exponents: exponents, rates: sizes.corrects ? rates : nil)
    withUnsafePointer(to: scan, body)
  }

  /// `outputs += P E`.
  private func mix(_ errors: UnsafePointer<Float>, into outputs: UnsafeMutablePointer<Float>) {
    let (n, v) = (tokens, sizes.valueSize)
    ck_product(
      CK_LOWER_LEFT, n, v, n, rows(floats(layout.mixing), n), panels(rows(errors, v), n, v),
      outputs, true)
  }

  /// Computes powers of decays, P and E. Where values are corrected, the panels are those of the state afterwards,
  /// the values V - e^G K S.
  func prepare(_ state: UnsafePointer<Float>) -> UnsafeMutablePointer<Float> {
    let (n, d, v) = (tokens, sizes.keySize, sizes.valueSize)
    let decays = floats(layout.decays)
    let (powers, rests) = (floats(layout.powers), floats(layout.rests))
    let sums = (memory + layout.sums).assumingMemoryBound(to: Double.self)
    var sum = 0.0
    for token in 0..<n {
      sum += Double(exponents[token])
      sums[token] = sum
    }
    let last = sums[n - 1]
    for token in 0..<n {
      powers[token] = Float(exp(sums[token]))
      rests[token] = Float(exp(last - sums[token]))
    }
    floats(layout.lastPower).update(repeating: powers[n - 1], count: d)
    ck_decays(sums, decays, n)
    ck_lower(decays, floats(layout.queryScores), nil, false, floats(layout.mixing), n)
    guard sizes.corrects else { return values }
    let (answers, weights) = (floats(layout.answers), floats(layout.weights))
    ck_product(
      CK_WHOLE, n, v, d, rows(keys, d), panels(rows(state, v), d, v), answers, false)
    for token in 0..<n { weights[token] = -powers[token] }
    ck_add_scaled_rows(answers, weights, values, n, v)
    let (errors, correction) = (floats(layout.errors), floats(layout.correction))
    ck_scaled_rows(values, rates, errors, n, v)
    ck_lower(decays, floats(layout.keyScores), rates, true, correction, n)
    ck_solve(correction, errors, n, v)
    return errors
  }
}
