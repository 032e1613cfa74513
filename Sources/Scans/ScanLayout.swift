internal import CKernels
internal import Tensors

/// Where the memory of one thread for a chunk lies, in bytes from its start; all of it is f32, but for the sums of
/// exponents. With t tokens:
package struct ScanLayout: Sendable {
  private var layout = ScratchLayout()
  package var byteCount: Int { layout.byteCount }
  /// `[t, keySize]`.
  let queries, keys: Int
  /// `[t, valueSize]`.
  let values, errors, outputs, answers: Int
  /// `[t, exponentCount]`.
  let exponents: Int
  /// `[t]`.
  let rates, powers, rests, weights, dots: Int
  /// `[t]` of f64; as are `dSums`.
  let sums: Int
  /// `[keySize]`.
  let lastPower: Int
  /// `[t, t]`: `Q K^T` and `K K^T`, D, P, A.
  let queryScores, keyScores, decays, mixing, correction: Int
  /// Matrices in the order of the right side of a product: whichever is needed, and keys.
  let panels, keyPanels: Int
  /// For tokens that are computed one by one.
  let scratch: Int
  /// Those of the backward pass; empty without it.
  let queryPanels, dOutputs, dErrors, dQuery, dKeyRow, dKeyColumn: Int
  let dQueries, dKeys, dMixing, dCorrection, dExponents, dRates, dSums: Int

  package init(_ sizes: ScanSizes, tokens: Int, isDifferentiated: Bool) {
    let (t, d, v) = (min(tokens, ScanSizes.tokensOfChunk), sizes.keySize, sizes.valueSize)
    var layout = ScratchLayout()
    func place(_ count: Int, in backward: Bool = false) -> Int {
      layout.place(backward && !isDifferentiated ? 0 : count * MemoryLayout<Float>.stride)
    }
    func panels(_ rows: Int, _ columns: Int) -> Int { ck_panel_count(rows, columns) }
    (queries, keys) = (place(t * d), place(t * d))
    (values, errors) = (place(t * v), place(t * v))
    (outputs, answers) = (place(t * v), place(t * v))
    let exponentCount = t * sizes.exponentCount
    (exponents, rates, powers) = (place(exponentCount), place(t), place(t))
    (rests, weights, dots) = (place(t), place(t), place(max(t, d)))
    (sums, lastPower) = (place(2 * t), place(d))
    (queryScores, keyScores, decays) = (place(t * t), place(t * t), place(t * t))
    (mixing, correction) = (place(t * t), place(t * t))
    let transposed = isDifferentiated ? [panels(v, d), panels(v, t)] : []
    self.panels = place(
      ([panels(d, v), panels(d, t), panels(t, v)] + transposed).reduce(0, max))
    keyPanels = place(panels(t, d), in: true)
    queryPanels = place(panels(t, d), in: true)
    (dOutputs, dErrors) = (place(t * v, in: true), place(t * v, in: true))
    (dQuery, dKeyRow) = (place(t * d, in: true), place(t * d, in: true))
    (dKeyColumn, dQueries) = (place(t * d, in: true), place(t * d, in: true))
    dKeys = place(t * d, in: true)
    (dMixing, dCorrection) = (place(t * t, in: true), place(t * t, in: true))
    (dExponents, dRates) = (place(exponentCount, in: true), place(t, in: true))
    dSums = place(2 * t, in: true)
    var byTokens = ck_scan()
    (byTokens.tokens, byTokens.key_size, byTokens.value_size) = (t, d, v)
    scratch = place(
      sizes.decaysByChannel ? ck_scan_scratch_count(&byTokens, isDifferentiated) : 0)
    self.layout = layout
  }
}
